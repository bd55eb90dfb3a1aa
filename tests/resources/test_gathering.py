"""Several clusters in one read."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.machinery.errors import FairleadError
from fairlead.resources import gathering
from fairlead.resources.gathering import CursorError, LateError

pytestmark = pytest.mark.requirement("resources:gathering")
NAMES = st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=30, unique=True)


@given(st.integers(1, 500), NAMES)
def test_a_page_is_shared_out_whole(limit: int, names: list[str]) -> None:
    found = gathering.shares(limit, names)
    assert sum(found.values()) == limit
    assert all(found.values())
    assert list(found) == names[: len(found)]
    assert len(found) == min(limit, len(names))


@given(st.dictionaries(st.text(), st.text(), min_size=1))
def test_a_cursor_holds_every_place(waiting: dict[str, str]) -> None:
    text = gathering.cursor(waiting)
    assert gathering.places(text) == waiting
    assert text.isascii()
    assert " " not in text


def test_nobody_waits() -> None:
    assert gathering.cursor({}) == ""


@given(st.one_of(st.text(), st.text().map("m.".__add__), st.sampled_from(["m.e30", "m.W10", "m.eyJhIjoxfQ", "m.é"])))
def test_another_cursor_is_refused(text: str) -> None:
    with pytest.raises(CursorError, match="begin the list again"):
        gathering.places(text)


@pytest.mark.anyio
async def test_who_fails_or_is_late_takes_nothing_from_the_others() -> None:
    async def ask(name: str) -> str:
        if name == "hangs":
            await asyncio.Event().wait()
        if name == "fails":
            raise FairleadError("cannot reach it")
        return name.upper()

    found = await gathering.gather(["a", "hangs", "fails", "b"], ask, seconds=0.05)
    assert found.found == {"a": "A", "b": "B"}
    assert list(found.failed) == ["hangs", "fails"]
    assert isinstance(found.failed["hangs"], LateError)
    assert str(found.failed["fails"]) == "cannot reach it"


@pytest.mark.anyio
async def test_a_bug_is_no_failed_cluster() -> None:
    async def ask(name: str) -> str:
        raise ZeroDivisionError

    with pytest.raises(ExceptionGroup):
        await gathering.gather(["a"], ask)


@pytest.mark.anyio
async def test_nothing_goes_on_after_one_has_failed() -> None:
    ended: list[str] = []

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("waits")

    async def fails() -> None:
        await asyncio.sleep(0)
        raise FairleadError("no")

    with pytest.raises(FairleadError):
        await gathering.both(fails(), waits())
    assert ended == ["waits"]
    with pytest.raises(FairleadError):
        await gathering.together(waits(), fails(), waits())
    assert ended == ["waits"] * 3
