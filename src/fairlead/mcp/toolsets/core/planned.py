"""Changes of resources as the plan of a tool, and what it answers when they are done: the part that writes share."""

import re
from collections.abc import Sequence

from fairlead.machinery import redacting, statuses
from fairlead.machinery.errors import FairleadError
from fairlead.mcp import fencing
from fairlead.mcp.tools import Answer, Plan, ToolError
from fairlead.mcp.toolsets.core import answering
from fairlead.resources import planning
from fairlead.resources.diffing import diff
from fairlead.resources.kinds import Kind
from fairlead.resources.planning import Change

_DONE = {
    "restart": "restarted",
    "undo": "undone",
    "create": "created",
    "change": "changed",
    "delete": "deleted",
    "scale": "scaled",
    "run": "started",
    "pause": "paused",
    "resume": "resumed",
    "reconcile": "asked for a reconcile of",
}

_STRICT = "strict decoding error: "
_WHOLE = re.compile(
    r'^ ?"" is invalid: patch: Invalid value: "(?:[^"\\]|\\.)*": |Invalid value: [{[].*[]}]: (?=json: )'
)
"""What a refusal of a patch holds where a field is of another type: the object as it would be, Secrets and all."""


def refused(error: FairleadError, kind: Kind | None = None) -> ToolError:
    """With what to do next, where the error does not say it itself."""
    if isinstance(error, statuses.Invalid) and "immutable" in error.message:
        return ToolError(str(error), "", "delete the object and make it anew, if it may be gone for a while")
    if isinstance(error, statuses.Invalid) and _STRICT in error.message:
        # The rest of the message is the whole object, with whatever it holds.
        return ToolError("the change does not fit the schema", error.message.rpartition(_STRICT)[2])
    if isinstance(error, statuses.Invalid) and (shorter := _WHOLE.sub("", error.message)) != error.message:
        return ToolError("the change does not fit the kind", redacting.text(fencing.plain(shorter)))
    return answering.refused(error, kind)


def plan(changes: Sequence[Change], then: str = "") -> Plan:
    """`then` is said after the changes are done: what to look at next."""

    async def carry_out() -> Answer:
        try:
            found = await planning.carry_out(changes)
        except FairleadError as error:
            raise refused(error, changes[0].kind) from error
        said = [_done(each, after) for each, after in zip(changes, found, strict=True)]
        return Answer("\n".join([*said, *([then] if then else [])]))

    return Plan(
        summary(changes),
        planning.digest(changes),
        carry_out,
        shown(changes),
        removes=any(each.removes for each in changes),
    )


def summary(changes: Sequence[Change]) -> str:
    found = [each.what for each in changes]
    text = found[0] if len(found) == 1 else f"{len(found)} changes: {'; '.join(found)}"
    return redacting.text(fencing.plain(text))


def shown(changes: Sequence[Change]) -> str:
    """The diff of each, under its name where there are several; notes and remarks last."""
    parts: list[str] = []
    for each in changes:
        text = each.diff.text() if each.after is not None else ""
        parts += [f"{each.subject}:"] if len(changes) > 1 else []
        parts += [text] if text else [] if each.after is None else ["no difference"]
        parts += [*each.notes, *each.remarks]
    return fencing.plain("\n".join(parts))


def _done(change: Change, after: dict[str, object]) -> str:
    """What it has become, which admission may have made more of than was planned."""
    line = f"{_DONE.get(change.verb, 'done:')} {change.subject}"
    if change.after is None:
        return line
    found = diff(change.before, after).text() or "no difference"
    return f"{line}\n{fencing.fenced(found, 'what has changed')}"
