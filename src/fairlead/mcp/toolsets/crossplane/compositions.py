"""Compositions: what a platform API is made of; and their revisions."""

from collections.abc import Mapping
from typing import Any

from fairlead.crossplane import building, packages
from fairlead.crossplane.references import machinery
from fairlead.machinery.errors import FairleadError
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Parameter, Plan, Right, Tool, ToolClass, ToolError
from fairlead.mcp.toolsets.core import answering
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, DRY_RUN, NAME
from fairlead.mcp.toolsets.crossplane import changing, showing
from fairlead.resources.kinds import UnknownKindError
from fairlead.resources.reading import Reader

Object = dict[str, Any]
GROUP = "apiextensions.crossplane.io"
_V1 = f"{GROUP}/v1"
OWNER = "crossplane.io/composition-name"
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
    return await changing.created(call, arguments, manifest, *notes, update="update_composition")


async def _type_notes(reader: Reader, api_version: str, kind: str) -> list[str]:
    try:
        await reader.kind(kind, api_version)
    except UnknownKindError:
        return [f"the server does not serve {kind} of {api_version} yet: its XRD has to come"]
    return []


async def function_notes(reader: Reader, pipeline: list[Object]) -> list[str]:
    """Functions that a pipeline calls and nobody has installed: Crossplane finds out only when it runs."""
    try:
        active = packages.active(await reader.every("FunctionRevision", "pkg.crossplane.io/v1"))
    except FairleadError as error:
        return [f"whether its functions are installed could not be read: {error}"]
    wanted = {str(each["functionRef"]["name"]) for each in pipeline}
    return [f"the function {each} is not installed" for each in sorted(wanted - active)]


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
    users = await _users(reader, found)
    return await changing.patched(call, arguments, kind, patch, *await function_notes(reader, pipeline), *users)


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
    mine = f"{OWNER}={composition['metadata']['name']}"
    found = await reader.every("CompositionRevision", _V1, label_selector=mine)
    found.sort(key=lambda each: int((each.get("spec") or {}).get("revision") or 0))
    latest = [f"latest of {len(found)} revisions: {changing.summary(each)}" for each in found[-1:]] or [
        "no revision yet"
    ]
    return [
        *latest,
        *await function_notes(reader, composition["spec"].get("pipeline") or []),
        *await _users(reader, composition),
    ]


_REVISIONS = Right(("list",), GROUP, "compositionrevisions")
_FUNCTIONS = Right(("list",), "pkg.crossplane.io", "functionrevisions")
TOOLS = (
    Tool(
        "create_composition",
        "Create a composition",
        "Say by a pipeline of functions what a composite is made of.",
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
        rights=(Right(("get", "create", "patch"), GROUP, "compositions"), _FUNCTIONS),
    ),
    showing.list_tool(
        "list_compositions",
        "List compositions",
        "What composites are made of.",
        showing.lists("Composition", _V1),
        Right(("list",), GROUP, "compositions"),
    ),
    showing.get_tool(
        "get_composition",
        "Get a composition",
        "One composition: pipeline, functions, latest revision, who uses it.",
        showing.gets("Composition", _V1, _about),
        (Right(("get",), GROUP, "compositions"), _REVISIONS, _FUNCTIONS, changing.COMPOSITES),
    ),
    Tool(
        "update_composition",
        "Update a composition",
        "Change, add, remove or reorder steps of the pipeline; makes a new revision.",
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
        rights=(Right(("get", "patch"), GROUP, "compositions"), _FUNCTIONS, changing.COMPOSITES),
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
    showing.list_tool(
        "list_composition_revisions",
        "List composition revisions",
        "The history of compositions.",
        showing.lists("CompositionRevision", _V1, OWNER, "composition"),
        _REVISIONS,
        Parameter("composition", "Only of this one."),
    ),
)
