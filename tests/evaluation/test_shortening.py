"""What makes replies short: the ends of long lines first, then lines, and never without a word."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from fairlead.mcp.toolsets.crossplane import shortening

pytestmark = pytest.mark.requirement("crossplane-evaluation:worst-reply")
LINES = some.lists(some.text("ab …", max_size=60), max_size=40)


@given(LINES, some.integers(200, 4000))
def test_lines_fit_and_begin_as_they_did(found: list[str], most: int) -> None:
    kept = shortening.lines(found, most)
    if sum(len(each) + 1 for each in found) <= most:
        assert kept == found
    else:
        assert sum(len(each) + 1 for each in kept[:-1]) <= most
        assert kept[-1].startswith("… lines are cut at ")
        assert all(after == before for after, before in zip(kept[:-1], found, strict=False))


def test_messages_lose_their_ends_before_a_line_is_lost() -> None:
    kept = shortening.lines([f"{number}: {'x' * 1000}" for number in range(100)])
    assert len(kept) == 101
    assert [each.partition(":")[0] for each in kept[:-1]] == [str(number) for number in range(100)]
    assert kept[-1] == "… lines are cut at 160 characters"
    many = shortening.lines(["y" * 200] * 1000)
    assert many[-1].endswith(f"{1000 - len(many) + 1} more lines are left out")


def test_cells_are_cut_until_the_table_fits() -> None:
    rows = [("name", "y" * 5000), *[("name", "short")] * 49]
    short = shortening.rows(rows)
    assert [row[0] for row in short] == ["name"] * 50
    assert sum(max(len(row[column]) for row in short) for column in (0, 1)) * 50 <= shortening.MOST
    assert shortening.rows([]) == []
    assert shortening.rows([("a", "b")]) == [("a", "b")]
