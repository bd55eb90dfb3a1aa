"""Replies that stay short on a large plane: long lines lose their ends before any line is left out.

A provider's message can have a thousand characters, and a list of fifty objects that all say it is longer than all that
a model should read at once. What the objects are and how they are stands at the beginning of each line, so it is the
ends that go first, no more than needed, and that is said. Tables as the API server prints them need none of it.

Source: issue Crossplane toolset, Must hold (worst reply of 25 kB on a plane with 5,000 objects).
"""

from collections.abc import Iterable, Sequence

MOST = 20_000
"""Characters of a reply to somebody who has not asked for more; what marks it as others' text comes on top."""
MORE = 36_000
_WIDTHS = (2000, 1000, 500, 250, 160, 100)
_USUAL = 50


def room(rows: int) -> int:
    """Who asks for more rows than a list has by default asks for a longer reply."""
    return MOST if rows <= _USUAL else MORE


def lines(found: Iterable[str], most: int = MOST) -> list[str]:
    whole = [part for each in found for part in (each.splitlines() or [""])]
    if _size(whole) <= most:
        return whole
    width = next((each for each in _WIDTHS if _size(_cut(whole, each)) <= most), _WIDTHS[-1])
    kept, size = list[str](), 0
    for each in _cut(whole, width):
        size += len(each) + 1
        if size > most:
            break
        kept.append(each)
    left = len(whole) - len(kept)
    return [*kept, f"… lines are cut at {width} characters{f'; {left} more lines are left out' if left else ''}"]


def rows(cells: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """Cells of a table whose columns are as wide as their widest."""
    most = room(len(cells))
    for width in (None, *_WIDTHS):
        short = [tuple(_one(each, width) for each in row) for row in cells]
        if not short or sum(max(map(len, column)) for column in zip(*short, strict=True)) * len(short) <= most:
            return short
    return short


def _cut(found: Sequence[str], width: int) -> list[str]:
    return [_one(each, width) for each in found]


def _one(text: str, width: int | None) -> str:
    return text if width is None or len(text) <= width else f"{text[: width - 1]}…"


def _size(found: Sequence[str]) -> int:
    return sum(len(each) + 1 for each in found)
