import asyncio

import pytest

from fairlead.aggregation.remembering import Remembered
from tests.aggregation.reviews import Clock

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("aggregation:remembering")]


class Question:
    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self) -> int:
        self.asked += 1
        return self.asked


async def test_an_answer_is_kept_for_its_lifetime() -> None:
    clock, question = Clock(), Question()
    kept: Remembered[str, int] = Remembered(10, clock=clock)
    assert [await kept.get("a", question) for _ in range(3)] == [1, 1, 1]
    clock.now += 9.9
    assert await kept.get("a", question) == 1
    clock.now += 0.2
    assert await kept.get("a", question) == 2
    assert await kept.get("b", question) == 3


async def test_the_least_recently_used_is_forgotten_first() -> None:
    question = Question()
    kept: Remembered[str, int] = Remembered(10, capacity=2, clock=Clock())
    for key in ("a", "b", "a", "c"):
        await kept.get(key, question)
    assert question.asked == 3
    assert await kept.get("a", question) == 1
    assert await kept.get("b", question) == 4


async def test_one_question_serves_all_who_ask_at_once() -> None:
    opened = asyncio.Event()
    asked = 0

    async def slow() -> int:
        nonlocal asked
        asked += 1
        await opened.wait()
        return asked

    kept: Remembered[str, int] = Remembered(10)
    waiting = [asyncio.ensure_future(kept.get("a", slow)) for _ in range(5)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    opened.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert results[1:] == [1, 1, 1, 1]


async def test_a_failure_reaches_all_and_is_not_kept() -> None:
    asked = 0

    async def failing() -> int:
        nonlocal asked
        asked += 1
        raise OSError("down")

    kept: Remembered[str, int] = Remembered(10)
    results = await asyncio.gather(*(kept.get("a", failing) for _ in range(2)), return_exceptions=True)
    assert [type(each) for each in results] == [OSError, OSError]
    with pytest.raises(OSError, match="down"):
        await kept.get("a", failing)
    assert asked == 2
