"""What has to be known to every worker of a server for a while: open plans, and what was used once already.

In the memory of one process, or in Redis where there are several. Whatever is kept expires by itself. A claim is the
one thing that must never be had twice, so it is one command in Redis (`SET NX`), not a look followed by a write. Where
Redis does not answer, nothing is confirmed: what cannot be known to be unused is used.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

from fairlead.machinery.errors import FairleadError

if TYPE_CHECKING:
    from redis.asyncio import Redis

PREFIX = "fairlead:mcp:"
_MOST_BYTES = 32 * 1024 * 1024


class StoreError(FairleadError):
    """What is shared cannot be read or written just now."""


class Store(Protocol):
    """Each of these raises `StoreError`."""

    async def put(self, key: str, value: bytes, seconds: float) -> None: ...

    async def get(self, key: str) -> bytes | None: ...

    async def claim(self, key: str, seconds: float) -> bool:
        """Whether nobody had it before; for so long nobody gets it again."""

    async def drop(self, key: str) -> None: ...

    async def keys(self, prefix: str) -> list[str]: ...


class MemoryStore:
    """Of one process; full at 32 MiB, so that open plans never take a server's memory from its calls."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[float, bytes]] = {}

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        self._forget()
        if sum(len(each) for _, each in self._kept.values()) + len(value) > _MOST_BYTES:
            raise StoreError("too many plans wait for a confirmation", "", "confirm or let expire some of them")
        self._kept[key] = (self._clock() + seconds, value)

    async def get(self, key: str) -> bytes | None:
        until, value = self._kept.get(key, (0.0, b""))
        return value if self._clock() < until else None

    async def claim(self, key: str, seconds: float) -> bool:
        if await self.get(key) is not None:
            return False
        await self.put(key, b"1", seconds)
        return True

    async def drop(self, key: str) -> None:
        self._kept.pop(key, None)

    async def keys(self, prefix: str) -> list[str]:
        self._forget()
        return [each for each in self._kept if each.startswith(prefix)]

    def _forget(self) -> None:
        now = self._clock()
        self._kept = {key: each for key, each in self._kept.items() if now < each[0]}


class RedisStore:
    def __init__(self, redis: "Redis") -> None:
        self._redis = redis

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        async with answering():
            await self._redis.set(PREFIX + key, value, px=max(1, int(seconds * 1000)))

    async def get(self, key: str) -> bytes | None:
        async with answering():
            found = await self._redis.get(PREFIX + key)
            return found.encode() if isinstance(found, str) else found

    async def claim(self, key: str, seconds: float) -> bool:
        async with answering():
            return bool(await self._redis.set(PREFIX + key, b"1", px=max(1, int(seconds * 1000)), nx=True))

    async def drop(self, key: str) -> None:
        async with answering():
            await self._redis.delete(PREFIX + key)

    async def keys(self, prefix: str) -> list[str]:
        async with answering():
            found = [each async for each in self._redis.scan_iter(match=f"{PREFIX}{prefix}*", count=1000)]
            return [each.decode().removeprefix(PREFIX) for each in found]


@asynccontextmanager
async def answering() -> AsyncIterator[None]:
    """Raises `StoreError` for whatever Redis or the way to it does wrong; addresses and passwords stay inside."""
    from redis.exceptions import RedisError

    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        raise StoreError(
            "what the workers share cannot be reached", f"Redis: {type(error).__name__}", "try again later"
        ) from error
