"""What reading tools say in the same way: which clusters are meant, which failed, and that something was too long.

What does not fit is cut here and not by the gate alone, because only here is known how to ask for less: a list that was
cut gives no cursor, which would lead past rows that nobody has seen, but the `limit` with which it fits.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from fairlead.machinery import redacting
from fairlead.machinery.errors import FairleadError
from fairlead.mcp import fencing
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Answer, ToolError
from fairlead.resources import gathering
from fairlead.resources.gathering import Gathered
from fairlead.resources.kinds import Kind
from fairlead.resources.reading import next_step

_T = TypeVar("_T")
_MARGIN_SECONDS = 2.0
MOST_CHARACTERS = 36_000
"""Of foreign text; the gate cuts whatever is longer than a little more."""


def clusters(call: Call, asked: str) -> list[str]:
    """The names that `context` means: none is the first, `*` is all of them. Raises `ToolError`."""
    if asked.strip() == "*":
        return call.names
    found = list(dict.fromkeys(each.strip() for each in asked.split(",") if each.strip()))
    unknown = [each for each in found if each not in call.names]
    if unknown:
        raise ToolError("this server has no such context", "", f"there are: {', '.join(call.names)}")
    return found or call.names[:1]


async def gathered(call: Call, names: Sequence[str], ask: Callable[[str], Awaitable[_T]]) -> Gathered[_T]:
    """Leaves time to say what was found. Raises `ToolError` where nothing was."""
    seconds = max(1.0, min(gathering.SECONDS, call.seconds_left() - _MARGIN_SECONDS))
    found = await gathering.gather(names, ask, seconds=seconds)
    if not found.found:
        raise ToolError("no cluster answered", "; ".join(failures(found)))
    return found


def failures(found: Gathered[Any]) -> list[str]:
    return [f"{name} failed, nothing of it is shown: {_line(error)}" for name, error in found.failed.items()]


def _line(error: FairleadError) -> str:
    return redacting.text(fencing.plain(str(error)))


def refused(error: FairleadError, kind: Kind | None = None) -> ToolError:
    """With what to do next, where the error does not say it itself."""
    return ToolError(str(error), "", "" if error.remedy else next_step(error, kind))


def fenced(text: str, what: str, narrow: str) -> str:
    """`narrow` says how to ask for less, where it does not fit."""
    return fencing.fenced(fencing.capped(text, MOST_CHARACTERS, narrow), what)


def listed(text: str, what: str, summary: str, count: int, structured: Any = None) -> Answer:
    """Of `count` rows or objects."""
    if len(text) <= MOST_CHARACTERS:
        return Answer(f"{fencing.fenced(text, what)}\n{summary}", structured)
    fitting = count * MOST_CHARACTERS * 9 // (len(text) * 10)
    ask = f"ask again with limit={fitting} (from the same cursor, if any)" if fitting else "ask for single fields"
    return Answer(fenced(text, what, f"{ask}, or narrow with namespace, label_selector or fields"))
