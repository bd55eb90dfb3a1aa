"""A stream that holds something open: another server's connection, a place in a watch cache.

An async generator that was never started runs no `finally`, and that happens: a HEAD is not streamed, a server drains,
a client leaves in the moment between the handler's answer and the first chunk. So what must be given back is held by an
object whose `aclose` always works.
"""

from collections.abc import AsyncIterator, Awaitable, Callable


class Held(AsyncIterator[bytes]):
    """`chunks`, and `release` when they are done with: once, at the end, at a failure or at `aclose`."""

    def __init__(self, chunks: AsyncIterator[bytes], release: Callable[[], Awaitable[None]]) -> None:
        self._chunks = chunks
        self._release: Callable[[], Awaitable[None]] | None = release

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._chunks)
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        release, self._release = self._release, None
        if release is None:
            return
        try:
            close = getattr(self._chunks, "aclose", None)
            if close is not None:
                await close()
        finally:
            await release()
