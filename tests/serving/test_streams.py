import asyncio
from collections.abc import AsyncIterator

import pytest

from fairlead.serving.streams import Held

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("serving:held-streams")]


class Place:
    """Something held open, counting how often it is given back."""

    def __init__(self) -> None:
        self.released = 0
        self.cleaned = 0

    async def release(self) -> None:
        self.released += 1

    async def chunks(self) -> AsyncIterator[bytes]:
        try:
            yield b"one"
            yield b"two"
        finally:
            self.cleaned += 1


async def test_a_stream_that_was_never_started_gives_back() -> None:
    place = Place()
    held = Held(place.chunks(), place.release)
    await held.aclose()
    await held.aclose()
    assert (place.released, place.cleaned) == (1, 0)


async def test_the_end_gives_back() -> None:
    place = Place()
    held = Held(place.chunks(), place.release)
    assert [chunk async for chunk in held] == [b"one", b"two"]
    assert (place.released, place.cleaned) == (1, 1)


async def test_stopping_in_the_middle_gives_back() -> None:
    place = Place()
    held = Held(place.chunks(), place.release)
    assert await anext(held) == b"one"
    assert place.released == 0
    await held.aclose()
    assert (place.released, place.cleaned) == (1, 1)


async def test_cancelling_while_it_waits_gives_back() -> None:
    place = Place()

    async def stuck() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    waiting = asyncio.ensure_future(anext(Held(stuck(), place.release)))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert place.released == 1


async def test_a_failure_to_close_still_gives_back() -> None:
    class Stubborn:
        def __aiter__(self) -> "Stubborn":
            return self

        async def __anext__(self) -> bytes:
            raise OSError("lost")

        async def aclose(self) -> None:
            raise OSError("still open")

    place = Place()
    with pytest.raises(OSError, match="still open"):
        await anext(Held(Stubborn(), place.release))
    assert place.released == 1
