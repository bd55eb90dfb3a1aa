"""Revisions of compositions: listed with who is on each, and compared."""

from collections.abc import Mapping
from typing import Any

from fairlead.crossplane import judging
from fairlead.crossplane.defining import pinning, revisions
from fairlead.crossplane.defining.revisions import Line, Users
from fairlead.crossplane.judging import State
from fairlead.machinery import redacting
from fairlead.machinery.errors import FairleadError
from fairlead.mcp import fencing
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Answer, Parameter, Right, Tool, ToolError
from fairlead.mcp.toolsets.core import answering
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, LIMIT
from fairlead.mcp.toolsets.crossplane import changing, showing

Object = dict[str, Any]


async def list_composition_revisions(call: Call, arguments: Mapping[str, Any]) -> Answer:
    reader = changing.reader(call, arguments)
    composition = arguments.get("composition", "")
    try:
        selector = f"{pinning.LABEL}={composition}" if composition else ""
        found, gaps = await revisions.lines(reader, "CompositionRevision", selector)
        on = await revisions.users(reader, {each.target for each in found})
    except FairleadError as error:
        raise answering.refused(error) from error
    found.sort(key=lambda each: (each.composition, -each.number))
    latest = {each.composition: each.name for each in reversed(found)}
    cells = [_cells(each, latest, on) for each in found[: arguments["limit"]]]
    return showing.table(_COLUMNS, cells, "composition revisions", len(found), (*gaps, *on.unread))


_COLUMNS = ("COMPOSITION", "REVISION", "NAME", "CREATED", "USED BY", "PINNED", "STATE")


def _cells(line: Line, latest: Mapping[str, str], on: Users) -> tuple[str, ...]:
    state = "latest" if latest[line.composition] == line.name else ""
    state = ", ".join(each for each in (state, f"cannot run: {line.wrong}" if line.wrong else "") if each)
    counts = (str(where.get(line.name, 0) or "") for where in (on.revisions, on.pinned))
    return line.composition, str(line.number), line.name, line.created, *counts, state


async def diff_composition_revisions(call: Call, arguments: Mapping[str, Any]) -> Answer:
    reader = changing.reader(call, arguments)
    name = arguments["composition"]
    try:
        known = await pinning.revisions(reader, name)
        if not known:
            await reader.one(await reader.kind("Composition", "apiextensions.crossplane.io/v1"), name)
        if len(known) < 2 and not (arguments.get("from") and arguments.get("to")):
            there = f"it has {len(known)} revision" if known else "it has no revision yet"
            raise ToolError(f"there is nothing to compare of the composition {name}", there, "see list_compositions")
        before, after = _chosen(known, arguments.get("from", ""), arguments.get("to", ""))
    except ToolError:
        raise
    except FairleadError as error:
        raise answering.refused(error) from error
    found = await revisions.users(reader, map(revisions.makes, known))
    text = "\n".join(revisions.compare(before, after).lines())
    lines = [_said(each, found, known[-1]) for each in (before, after)]
    shown = answering.fenced(redacting.text(text), f"{name}: {' → '.join(_name(each) for each in (before, after))}", "")
    more = [f"not read: {each}" for each in found.unread]
    return Answer("\n".join([shown, *(redacting.text(fencing.plain(each)) for each in (*lines, *more))]))


def _chosen(known: list[Object], before: str, after: str) -> tuple[Object, Object]:
    """Without names the latest two, with one it and the latest, or the one before it. Raises `CompositeError`."""
    new = pinning.find(known, after) if after else known[-1]
    if before:
        return pinning.find(known, before), new
    return known[max(0, known.index(new) - 1)], new


def _name(revision: Object) -> str:
    return str(revision["metadata"]["name"])


def _said(revision: Object, found: Users, latest: Object) -> str:
    name = _name(revision)
    pinned = f", {found.pinned[name]} of them pinned" if found.pinned.get(name) else ""
    told = [
        f"{name}: revision {pinning.number(revision)}",
        f"{found.revisions.get(name, 0)} composites are on it{pinned}",
    ]
    told += ["the latest"] if revision is latest else []
    health = judging.judge(revision)
    told += (
        [] if health.state is State.HEALTHY else [f"{health.state.value}: {health.reason} {health.message}".rstrip()]
    )
    return "; ".join(told)


_REVISIONS = Right(("list",), "apiextensions.crossplane.io", "compositionrevisions")
LIST = Tool(
    "list_composition_revisions",
    "List composition revisions",
    "Version history of compositions: which revision is the latest, and how many composites still use an older one.",
    list_composition_revisions,
    (Parameter("composition", "Only of this one."), LIMIT, CONTEXT),
    rights=(_REVISIONS, changing.COMPOSITES),
)
TOOLS: tuple[Tool, ...] = (
    Tool(
        "diff_composition_revisions",
        "Compare composition revisions",
        "What changed between two revisions of a composition, step by step, and how many composites are on each.",
        diff_composition_revisions,
        (
            Parameter("composition", "Its name.", required=True),
            Parameter("from", "Name or number; the one before by default."),
            Parameter("to", "The latest by default."),
            CONTEXT,
        ),
        rights=(_REVISIONS, changing.COMPOSITES),
    ),
)
