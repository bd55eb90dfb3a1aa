"""Compositions: what a platform API is made of; and their revisions."""

import asyncio
from collections.abc import Mapping
from typing import Any

from fairlead.crossplane import building, packages, xrds
from fairlead.crossplane.defining import pinning
from fairlead.crossplane.defining import revisions as revised
from fairlead.crossplane.judging import State, judge
from fairlead.crossplane.references import machinery
from fairlead.machinery.errors import FairleadError
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Answer, Parameter, Plan, Right, Tool, ToolClass, ToolError
from fairlead.mcp.toolsets.core import answering
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, DRY_RUN, LABELS, LIMIT, NAME
from fairlead.mcp.toolsets.crossplane import changing, showing
from fairlead.mcp.toolsets.crossplane.defining import revisions
from fairlead.resources.kinds import UnknownKindError
from fairlead.resources.reading import Reader

Object = dict[str, Any]
GROUP = "apiextensions.crossplane.io"
_V1 = f"{GROUP}/v1"
_SECONDS, _PAUSE = 10.0, 0.2
_PIPELINE = Parameter("pipeline", f"YAML list: {building.SHAPE}.", required=True)
_LABELS = Parameter("labels", "key=value.", type="array")


async def create_composition(call: Call, arguments: Mapping[str, Any]) -> Plan:
    reader = changing.reader(call, arguments)
    pipeline = changing.structure(arguments, "pipeline", list)
    api_version, kind = arguments["xr_api_version"], arguments["xr_kind"]
    try:
        manifest = building.composition(arguments["name"], api_version, kind, pipeline, changing.labels(arguments))
    except building.BuildError as error:
        raise ToolError(str(error)) from error
    notes = [*await _type_notes(reader, api_version, kind), *await function_notes(reader, pipeline)]
    plan = await changing.created(call, arguments, manifest, *notes, update="update_composition", settles=False)
    return _revising(reader, plan, arguments["name"], [])


async def _type_notes(reader: Reader, api_version: str, kind: str) -> list[str]:
    """Raises `ToolError` for what no composite of the XRD would ever look for."""
    try:
        found = [xrds.read(each) for each in await reader.every(xrds.KIND, _V1)]
    except FairleadError as error:
        return [f"whether its XRD is there could not be read: {error}"]
    group, _, version = api_version.rpartition("/")
    for each in found:
        if each.group == group and each.claim and each.claim.kind == kind:
            raise ToolError(
                f"{kind} is a claim", "a composition is for composites", f"give xr_kind={each.composite.kind}"
            )
        if each.group == group and each.composite.kind == kind:
            if version == each.referenceable:
                return []
            why = f"{each.name} has {each.referenceable} as the referenceable one"
            raise ToolError(
                f"no composite would use it in {version}", why, f"give xr_api_version={group}/{each.referenceable}"
            )
    return [f"no XRD makes {kind} of {group} yet: create_xrd makes one"]


async def function_notes(reader: Reader, pipeline: list[Object]) -> list[str]:
    """Functions that a pipeline calls and that cannot answer: Crossplane finds out only when it runs."""
    try:
        found = await reader.every("FunctionRevision", "pkg.crossplane.io/v1")
    except FairleadError as error:
        return [f"whether its functions are installed could not be read: {error}"]
    wanted = {str(each["functionRef"]["name"]) for each in pipeline}
    missing = sorted(wanted - packages.active(found))
    notes = [f"the function {each} is not installed: install_function brings it" for each in missing]
    for name in sorted(wanted - set(missing)):
        mine = (each for each in found if packages.active([each]) == {name})
        notes += [f"the function {name} {wrong}" for each in mine if (wrong := _wrong(each))]
    return notes


def _wrong(revision: Object) -> str:
    """With the active revision of a function; empty where nothing is."""
    able, health = (revision.get("status") or {}).get("capabilities"), judge(revision)
    if able and "composition" not in able:
        return f"cannot compose, only: {', '.join(map(str, able))}"
    return f"is not well: {health.reason} {health.message}".rstrip() if health.state is State.UNHEALTHY else ""


def _revising(reader: Reader, plan: Plan, name: str, before: list[Object]) -> Plan:
    """Says which revision came of a change, and whether its pipeline can run: the composition itself has no state."""

    async def tell() -> list[str]:
        return [await _came(reader, name, before)]

    return changing.telling(plan, tell)


async def _came(reader: Reader, name: str, before: list[Object]) -> str:
    known = max(map(pinning.number, before), default=0)
    try:
        async with asyncio.timeout(_SECONDS):
            while True:
                found = await pinning.revisions(reader, name)
                if found and pinning.number(found[-1]) > known and judge(found[-1]).state is not State.UNKNOWN:
                    break
                await asyncio.sleep(_PAUSE)
    except TimeoutError:
        return f"no new revision of it after {_SECONDS:g} s; next: list_composition_revisions composition={name}"
    except FairleadError as error:
        return f"its revisions could not be read: {error}"
    return f"revision {pinning.number(found[-1])}: {changing.summary(found[-1])}"


async def update_composition(call: Call, arguments: Mapping[str, Any]) -> Plan:
    reader = changing.reader(call, arguments)
    kind = await reader.kind("Composition", _V1)
    upsert = changing.structure(arguments, "upsert_steps", list) or []
    remove, order = list(arguments.get("remove_steps") or ()), list(arguments.get("step_order") or ())
    labels = changing.labels(arguments)
    if not (upsert or remove or order or labels):
        raise ToolError("nothing to change was given", "", "give upsert_steps, remove_steps, step_order or labels")
    try:
        found = await reader.one(kind, arguments["name"])
        pipeline = building.rearranged(found["spec"].get("pipeline") or (), upsert, remove, order)
    except FairleadError as error:
        raise answering.refused(error, kind) from error
    patch: Object = {"spec": {"pipeline": pipeline}} if upsert or remove or order else {}
    patch |= {"metadata": {"labels": labels}} if labels else {}
    notes = [*await function_notes(reader, pipeline), *await _users(reader, found)]
    try:
        before = await pinning.revisions(reader, arguments["name"])
    except FairleadError as error:
        raise answering.refused(error) from error
    plan = await changing.patched(call, arguments, kind, patch, *notes, settles=False)
    return _revising(reader, plan, arguments["name"], before) if plan.diff.startswith(("+", "-")) else plan


async def list_compositions(call: Call, arguments: Mapping[str, Any]) -> Answer:
    reader = changing.reader(call, arguments)
    kind, function = arguments.get("xr_kind", "").lower(), arguments.get("function", "")
    try:
        found, gaps = await revised.lines(reader, "Composition", arguments.get("label_selector", ""))
        found = [each for each in found if kind in ("", each.target[0].lower())]
        found = [each for each in found if not function or any(step.endswith(f"({function})") for step in each.steps)]
        known, more = await revised.lines(reader, "CompositionRevision")
        on = await revised.users(reader, {each.target for each in found})
    except FairleadError as error:
        raise answering.refused(error) from error
    latest = {each.composition: each for each in sorted(known, key=lambda each: each.number)}
    found.sort(key=lambda each: (each.target, each.name))
    cells = [_cells(each, latest.get(each.name), on) for each in found[: arguments["limit"]]]
    return showing.table(_COLUMNS, cells, "compositions", len(found), (*gaps, *more, *on.unread))


_COLUMNS = ("FOR", "VERSION", "NAME", "STEPS", "REVISION", "USED BY", "CANNOT RUN")


def _cells(composition: revised.Line, latest: revised.Line | None, on: revised.Users) -> tuple[str, ...]:
    number, wrong = (str(latest.number), latest.wrong) if latest else ("none", "")
    used = str(on.compositions.get(composition.name, 0) or "")
    return *composition.target, composition.name, ", ".join(composition.steps), number, used, wrong


async def _users(reader: Reader, composition: Object) -> list[str]:
    """How many composites use it: those that follow by themselves, and those that are pinned."""
    reference = composition["spec"]["compositeTypeRef"]
    try:
        composites = await reader.every(reference["kind"], reference["apiVersion"])
    except UnknownKindError:
        return [f"used by nobody: {reference['kind']} of {reference['apiVersion']} is not served"]
    except FairleadError as error:
        return [f"who uses it could not be read: {error}"]
    following = pinned = 0
    for each in composites:
        own = machinery(each)
        if (own.get("compositionRef") or {}).get("name") == composition["metadata"]["name"]:
            manual = own.get("compositionUpdatePolicy") == "Manual"
            following, pinned = following + (not manual), pinned + manual
    return [f"used by {following} {reference['kind']} that follow at once, and {pinned} that are pinned to a revision"]


async def delete_composition(call: Call, arguments: Mapping[str, Any]) -> Plan:
    reader = changing.reader(call, arguments)
    kind = await reader.kind("Composition", _V1)
    try:
        users = await _users(reader, await reader.one(kind, arguments["name"]))
    except FairleadError as error:
        raise answering.refused(error, kind) from error
    if any("could not be read" in each for each in users):
        raise ToolError("who uses it cannot be counted, so it is not deleted", users[0])
    notes = "its revisions go too; composites that use it keep their resources and fail from then on"
    return await changing.deleted(call, arguments, kind, *users, notes)


async def _about(reader: Reader, composition: Object) -> list[str]:
    found = await pinning.revisions(reader, composition["metadata"]["name"])
    latest = [f"latest of {len(found)} revisions: {changing.summary(each)}" for each in found[-1:]] or [
        "no revision yet"
    ]
    return [
        *latest,
        *await function_notes(reader, composition["spec"].get("pipeline") or []),
        *await _users(reader, composition),
    ]


_REVISIONS = Right(("list",), GROUP, "compositionrevisions")
_XRDS = Right(("list",), GROUP, "compositeresourcedefinitions")
_FUNCTIONS = Right(("list",), "pkg.crossplane.io", "functionrevisions")
TOOLS = (
    Tool(
        "create_composition",
        "Create a composition",
        "Write a new composition: a pipeline of functions that maps a platform API to managed resources.",
        plan=create_composition,
        parameters=(
            NAME,
            Parameter("xr_api_version", "Group and referenceable version of the composite.", required=True),
            Parameter("xr_kind", "E.g. XDatabase.", required=True),
            _PIPELINE,
            _LABELS,
            DRY_RUN,
            CONTEXT,
        ),
        tool_class=ToolClass.WRITE,
        only_adds=True,
        rights=(Right(("get", "create", "patch"), GROUP, "compositions"), _FUNCTIONS, _REVISIONS, _XRDS),
    ),
    Tool(
        "list_compositions",
        "List compositions",
        "All compositions in the cluster: which XRD each implements, its steps and functions, how many use it.",
        list_compositions,
        (
            Parameter("xr_kind", "Only for this composite."),
            Parameter("function", "Only those that call it."),
            LABELS,
            LIMIT,
            CONTEXT,
        ),
        rights=(Right(("list",), GROUP, "compositions"), _REVISIONS, changing.COMPOSITES),
    ),
    showing.get_tool(
        "get_composition",
        "Get a composition",
        "Show one composition's configuration: pipeline steps and their templates, latest revision, who uses it.",
        showing.gets("Composition", _V1, _about),
        (Right(("get",), GROUP, "compositions"), _REVISIONS, _FUNCTIONS, changing.COMPOSITES),
    ),
    Tool(
        "update_composition",
        "Update a composition",
        "Modify a composition: change, add, remove or reorder pipeline steps and patches; makes a new revision.",
        plan=update_composition,
        parameters=(
            NAME,
            Parameter("upsert_steps", "YAML list of whole steps."),
            Parameter("remove_steps", "Their names.", type="array"),
            Parameter("step_order", "Names, the rest after them.", type="array"),
            _LABELS,
            DRY_RUN,
            CONTEXT,
        ),
        tool_class=ToolClass.WRITE,
        rights=(Right(("get", "patch"), GROUP, "compositions"), _FUNCTIONS, _REVISIONS, changing.COMPOSITES),
    ),
    Tool(
        "delete_composition",
        "Delete a composition",
        "Remove a composition and its revisions; shows first who uses it.",
        plan=delete_composition,
        parameters=(NAME, DRY_RUN, CONTEXT),
        tool_class=ToolClass.DELETE,
        rights=(Right(("get", "delete"), GROUP, "compositions"), changing.COMPOSITES),
    ),
    revisions.LIST,
)
