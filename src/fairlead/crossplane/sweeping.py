"""All objects of many kinds: some kinds at a time, page by page, and one that cannot be read is named.

A platform has hundreds of kinds, most of them without an object, and one of them may be slow or forbidden. Asked for
one after the other they take minutes; all at once they are a flood. Of each object only what the caller takes of it is
kept, because five thousand whole ones would be tens of megabytes for an answer of a few kilobytes.

Source: issue Crossplane toolset, Must hold (300 kinds in 30 s, kinds that could not be read named).
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from fairlead.machinery.errors import FairleadError
from fairlead.resources.gathering import together
from fairlead.resources.kinds import Kind
from fairlead.resources.reading import Query, Reader

Object = Mapping[str, Any]
AT_ONCE = 12
PAGE = 500
MOST = 5000
"""Objects of one kind that are looked at."""
_T = TypeVar("_T")


@dataclass(frozen=True)
class Swept(Generic[_T]):
    kind: Kind
    seen: int = 0
    taken: tuple[_T, ...] = ()
    gap: str = ""
    """Why not all of it was read."""


async def sweep(
    reader: Reader, kinds: Iterable[Kind], take: Callable[[Kind, Object], _T | None], query: Query
) -> list[Swept[_T]]:
    """In the order of the kinds; `take` is given each object with its kind and version, which a list leaves out."""
    turn = asyncio.Semaphore(AT_ONCE)
    return await together(*(_one(reader, each, take, query, turn) for each in kinds))


async def _one(
    reader: Reader, kind: Kind, take: Callable[[Kind, Object], _T | None], query: Query, turn: asyncio.Semaphore
) -> Swept[_T]:
    if query.namespace and not kind.resource.namespaced:
        return Swept(kind)
    seen, taken, query = 0, list[_T](), replace(query, limit=PAGE, cursor="")
    while True:
        try:
            async with turn:
                page = await reader.page(kind, query, table=False)
        except FairleadError as error:
            return Swept(kind, seen, tuple(taken), str(error))
        for each in page.document.get("items") or ():
            found = take(kind, {"apiVersion": kind.api_version, "kind": kind.api.kind, **each})
            taken += [found] if found is not None else []
            seen += 1
        query = replace(query, cursor=page.cursor)
        if not page.cursor or seen >= MOST:
            return Swept(kind, seen, tuple(taken), f"only the first {seen} were looked at" if page.cursor else "")


def gaps(swept: Iterable[Swept[Any]]) -> tuple[str, ...]:
    """A line for each kind that was not read whole."""
    return tuple(f"{each.kind.resource.qualified}: {each.gap}" for each in swept if each.gap)
