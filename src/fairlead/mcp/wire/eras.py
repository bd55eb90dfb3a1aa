"""One pipe, whichever era its client speaks, and a client that cannot decide.

The SDK lets the first request decide for good. A client in the field asks `server/discover` first, as the newer era
does, and then sends `initialize` all the same (reference/mcp-and-gateways.md §1.4); refused, it shows no tools. Since a
modern connection has no state, nothing is lost by beginning anew for it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.server.lowlevel import Server
from mcp.shared.message import SessionMessage

Item = SessionMessage | Exception


class _Kept:
    """The way back to the client, which outlives each of the loops that write to it.

    It knows which requests are not answered yet: the SDK drops those when its loop ends, and a client that closes its
    end, or begins anew, still waits for them.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._open: set[str | int] = set()
        self._answered = anyio.Event()

    def asked(self, item: Item) -> None:
        identity = _identity(item)
        if identity is not None and _method(item):
            self._open.add(identity)

    async def send(self, item: SessionMessage) -> None:
        await self._stream.send(item)
        identity = _identity(item)
        if identity is not None and not _method(item):
            self._open.discard(identity)
            self._answered.set()

    async def settled(self) -> None:
        """Returns once everything is answered."""
        while self._open:
            self._answered = anyio.Event()
            await self._answered.wait()

    async def aclose(self) -> None:
        pass

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


def _identity(item: Item) -> str | int | None:
    found: str | int | None = None if isinstance(item, Exception) else getattr(item.message, "id", None)
    return found


def _method(item: Item) -> str:
    """Of a request; empty for everything else."""
    return "" if _identity(item) is None else str(getattr(getattr(item, "message", None), "method", ""))


async def serve(server: Server[Any], reading: Any, writing: Any) -> None:
    """Until the client closes its end."""
    waiting: Item | None = None
    kept = _Kept(writing)
    async with reading, writing:
        ended = False
        while not ended:
            async with _loop(server, kept) as inner:
                ended, waiting = await _forward(reading, inner, kept, waiting)
                await kept.settled()


@asynccontextmanager
async def _loop(server: Server[Any], kept: _Kept) -> AsyncIterator[MemoryObjectSendStream[Item]]:
    """One loop of the SDK; leaving ends it."""
    send: MemoryObjectSendStream[Item]
    receive: MemoryObjectReceiveStream[Item]
    send, receive = anyio.create_memory_object_stream(0)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.run, receive, kept, server.create_initialization_options())
        async with send:
            yield send


async def _forward(
    reading: Any, inner: MemoryObjectSendStream[Item], kept: _Kept, first: Item | None
) -> tuple[bool, Item | None]:
    """Whether the client has gone, or else the `initialize` that has to begin anew."""
    opened = ""
    if first is not None:
        opened = _method(first)
        kept.asked(first)
        await inner.send(first)
    async for item in reading:
        method = _method(item)
        if method == "initialize" and opened not in ("", "initialize"):
            return False, item
        opened = opened or method
        kept.asked(item)
        await inner.send(item)
    return True, None
