"""One read of several clusters at once: what each has answered, and which have not and why.

A cluster that is down must cost neither the others' answers nor the whole call's time, so each has a deadline of its
own, and its failure is a line of the answer. Pages go across: the allowance of a page is shared out among the clusters
that have more to show, and one cursor holds the places in all of them. A cluster that fails in the middle is left out
of the next page, which would otherwise never be the last; that its rows are missing is said.

The road not taken, one cluster after the other, needs no shares, but waits for the slowest as often as there are pages.
"""

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fairlead.machinery import encoding
from fairlead.machinery.errors import FairleadError

SECONDS = 10.0
"""For one cluster; shorter than any call's deadline by default."""
_AT_ONCE = 16
_MARK = "m."
_T = TypeVar("_T")
_U = TypeVar("_U")


class LateError(FairleadError):
    """A cluster did not answer within its share of the call's time."""


class CursorError(FairleadError):
    """A cursor that no page of several clusters has given."""


@dataclass(frozen=True)
class Gathered(Generic[_T]):
    """By cluster, in the order in which they were asked for."""

    found: Mapping[str, _T]
    failed: Mapping[str, FairleadError]


async def gather(
    names: Sequence[str], ask: Callable[[str], Awaitable[_T]], *, seconds: float = SECONDS
) -> Gathered[_T]:
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(name: str) -> _T | FairleadError:
        async with turns:
            try:
                async with asyncio.timeout(seconds):
                    return await ask(name)
            except TimeoutError:
                return LateError(f"no answer within {seconds:g} s")
            except FairleadError as error:
                return error

    async with asyncio.TaskGroup() as tasks:
        running = {name: tasks.create_task(one(name)) for name in names}
    found: dict[str, _T] = {}
    failed: dict[str, FairleadError] = {}
    for name, task in running.items():
        result = task.result()
        if isinstance(result, FairleadError):
            failed[name] = result
        else:
            found[name] = result
    return Gathered(found, failed)


async def both(one: Coroutine[Any, Any, _T], other: Coroutine[Any, Any, _U]) -> tuple[_T, _U]:
    """At once; as `together`."""
    first, second = asyncio.create_task(one), asyncio.create_task(other)
    async with _ended(first, second):
        return await first, await second


async def together(*work: Coroutine[Any, Any, _T]) -> list[_T]:
    """All at once, in their order; where one fails the others are ended first.

    So nothing is asked after a call has ended, by a connection that is closed already or opened once more.
    """
    tasks = [asyncio.create_task(each) for each in work]
    async with _ended(*tasks):
        return list(await asyncio.gather(*tasks))


@asynccontextmanager
async def _ended(*tasks: asyncio.Task[Any]) -> AsyncIterator[None]:
    try:
        yield
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def shares(limit: int, names: Sequence[str]) -> dict[str, int]:
    """How many rows each may show of a page of `limit`; those for whom none is left wait for the next."""
    each, more = divmod(limit, len(names))
    return {name: each + (index < more) for index, name in enumerate(names) if each or index < more}


def cursor(waiting: Mapping[str, str]) -> str:
    """Of the places at which clusters go on; an empty place is the beginning. Empty where none waits."""
    return _MARK + base64.urlsafe_b64encode(encoding.to_json(dict(waiting))).decode().rstrip("=") if waiting else ""


def places(text: str) -> dict[str, str]:
    """Raises `CursorError`."""
    try:
        if not text.startswith(_MARK):
            raise ValueError
        data = text.removeprefix(_MARK)
        found = encoding.from_json(base64.urlsafe_b64decode(data + "=" * (-len(data) % 4)))
    except (ValueError, binascii.Error, encoding.DecodeError) as error:
        raise CursorError("this cursor is none of several clusters", "", "begin the list again without it") from error
    if not isinstance(found, dict) or not found or not all(isinstance(each, str) for each in found.values()):
        raise CursorError("this cursor is none of several clusters", "", "begin the list again without it")
    return found
