"""What all workers that serve one set of servers have in common: the seals, what is kept, and the limits.

One process needs nothing for it. Several need a Redis and one seal key file; that they have both is checked where they
are started.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fairlead.machinery.errors import FairleadError
from fairlead.mcp.deciding import sealing
from fairlead.mcp.deciding.keeping import MemoryStore, RedisStore, Store, answering
from fairlead.mcp.deciding.limiting import HourlyLimiter, Limiter, RedisLimiter
from fairlead.mcp.deciding.sealing import Seals
from fairlead.mcp.observing import UNMEASURED, Meter

_ANSWER_SECONDS = 5.0


class SharingError(FairleadError):
    """Redis was asked for and cannot be used."""


@dataclass(frozen=True)
class Shared:
    seals: Seals = field(default_factory=Seals)
    store: Store = field(default_factory=MemoryStore)
    limiter: Limiter = field(default_factory=HourlyLimiter)
    meter: Meter = UNMEASURED


@asynccontextmanager
async def opened(
    redis_url: str = "", seal_key_file: Path | None = None, meter: Meter = UNMEASURED
) -> AsyncIterator[Shared]:
    """Raises `SharingError`, `SealError`, and `StoreError` where Redis does not answer at the start."""
    seals = sealing.read(seal_key_file) if seal_key_file else Seals()
    if not redis_url:
        yield Shared(seals, meter=meter)
        return
    try:
        from redis.asyncio import Redis
    except ImportError as error:
        raise SharingError(
            "Redis cannot be used", "its client is not installed", "install the extra: fairlead[redis]"
        ) from error
    try:
        redis = Redis.from_url(redis_url, socket_timeout=_ANSWER_SECONDS, socket_connect_timeout=_ANSWER_SECONDS)
    except ValueError as error:  # its text repeats the address, password included
        raise SharingError("the address of Redis cannot be used", "it is redis://HOST:PORT/DB, or rediss://") from error
    async with redis:
        async with answering():
            await redis.ping()
        yield Shared(seals, RedisStore(redis), RedisLimiter(redis), meter)
