"""XRDs: the platform's own APIs."""

from collections.abc import Mapping
from typing import Any

from fairlead.crossplane import building, describing, radius
from fairlead.crossplane.xrds import GROUP, KIND
from fairlead.machinery.errors import FairleadError
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Parameter, Plan, Right, Tool, ToolClass, ToolError
from fairlead.mcp.toolsets.core import answering
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, DRY_RUN, NAME
from fairlead.mcp.toolsets.crossplane import changing, showing
from fairlead.resources.kinds import UnknownKindError
from fairlead.resources.reading import Reader

Object = dict[str, Any]
_V1 = f"{GROUP}/v1"
_RESOURCE = "compositeresourcedefinitions"
_SPEC = Parameter("spec_schema", "YAML: properties, required of `spec`.")
_STATUS = Parameter("status_schema", "The same of `status`.")


async def _has_v2(reader: Reader) -> bool:
    try:
        await reader.kind(KIND, f"{GROUP}/v2")
    except UnknownKindError:
        return False
    return True


async def create_xrd(call: Call, arguments: Mapping[str, Any]) -> Plan:
    reader = changing.reader(call, arguments)
    try:
        manifest = building.xrd(
            arguments["group"],
            arguments["kind"],
            arguments.get("plural") or f"{arguments['kind'].lower()}s",
            changing.structure(arguments, "spec_schema") or {},
            version=arguments["version"],
            status_schema=changing.structure(arguments, "status_schema"),
            scope=arguments.get("scope", ""),
            claim=arguments.get("claim_kind", ""),
            claim_plural=arguments.get("claim_plural", ""),
            default_composition=arguments.get("default_composition", ""),
            has_v2=await _has_v2(reader),
        )
    except building.BuildError as error:
        raise ToolError(str(error)) from error
    return await changing.created(call, arguments, manifest, update="update_xrd")


async def update_xrd(call: Call, arguments: Mapping[str, Any]) -> Plan:
    """Through the version by which it was made: one with claims is none of v2's."""
    reader = changing.reader(call, arguments)
    kind = await reader.kind(KIND, _V1)
    spec, status = (changing.structure(arguments, each) for each in ("spec_schema", "status_schema"))
    try:
        found = await reader.one(kind, arguments["name"])
        patch: Object = {}
        if spec is not None or status is not None or arguments.get("referenceable"):
            version = arguments.get("version") or describing.version(found)["name"]
            patch["versions"] = building.with_version(
                found, version, spec, status, bool(arguments.get("referenceable"))
            )
        if arguments.get("default_composition"):
            patch["defaultCompositionRef"] = {"name": arguments["default_composition"]}
    except FairleadError as error:
        raise answering.refused(error, kind) from error
    if not patch:
        raise ToolError(
            "nothing to change was given", "", "give spec_schema, status_schema, referenceable or default_composition"
        )
    lives = await radius.radius(reader, found)
    note = f"live objects that have to fit it: {', '.join(f'{count} {name}' for name, count in lives.counts)}"
    moves = "a composition names the referenceable version for good: those of the old one have to be made anew"
    notes = [note if lives.total else "", moves if arguments.get("referenceable") else ""]
    return await changing.patched(call, arguments, kind, {"spec": patch}, *notes)


async def delete_xrd(call: Call, arguments: Mapping[str, Any]) -> Plan:
    kind = await changing.reader(call, arguments).kind(KIND, _V1)
    return await changing.deleted(call, arguments, kind)


async def _about(reader: Reader, xrd: Object) -> list[str]:
    """Its fields, who composes it, and what lives by it."""
    kinds = {
        (f"{xrd['spec']['group']}/{each['name']}", xrd["spec"]["names"]["kind"]) for each in xrd["spec"]["versions"]
    }
    names = [
        each["metadata"]["name"]
        for each in await reader.every("Composition", _V1)
        if tuple(each["spec"]["compositeTypeRef"].get(key) for key in ("apiVersion", "kind")) in kinds
    ]
    lives = await radius.radius(reader, xrd)
    counts = ", ".join(f"{count} {name}" for name, count in lives.counts) or "nothing yet"
    lines = [f"compositions: {', '.join(names) or 'none'}", f"lives by it: {counts}"]
    return [*lines, *(f"not read: {each}" for each in lives.unread)]


TOOLS = (
    Tool(
        "create_xrd",
        "Create an XRD",
        "Define a platform API. With claim_kind it offers claims; else its composites are namespaced.",
        plan=create_xrd,
        parameters=(
            Parameter("group", "E.g. platform.example.org.", required=True),
            Parameter("kind", "Of the composite, e.g. XDatabase.", required=True),
            Parameter("plural", "Lower case."),
            Parameter("version", "Its first.", default="v1alpha1"),
            _SPEC,
            _STATUS,
            Parameter("scope", "Without claims.", choices=("Namespaced", "Cluster")),
            Parameter("claim_kind", "E.g. Database."),
            Parameter("claim_plural", "Lower case."),
            Parameter("default_composition", "Its name."),
            changing.WAIT,
            DRY_RUN,
            CONTEXT,
        ),
        tool_class=ToolClass.WRITE,
        only_adds=True,
        rights=(Right(("get", "create", "patch"), GROUP, _RESOURCE), changing.EVENTS),
    ),
    showing.list_tool(
        "list_xrds",
        "List XRDs",
        "The platform APIs that are defined.",
        showing.lists(KIND, _V1),
        Right(("list",), GROUP, _RESOURCE),
    ),
    showing.get_tool(
        "get_xrd",
        "Get an XRD",
        "One platform API: definition, state, compositions, what lives by it.",
        showing.gets(KIND, _V1, _about),
        (Right(("get",), GROUP, _RESOURCE), Right(("list",), GROUP, "compositions"), changing.LIVES),
    ),
    Tool(
        "update_xrd",
        "Update an XRD",
        "Change the schema of a version, add one, make it the referenceable one.",
        plan=update_xrd,
        parameters=(
            NAME,
            Parameter("version", "The referenceable one by default; a new name adds one."),
            _SPEC,
            _STATUS,
            Parameter("referenceable", "Make it the version that compositions name.", type="boolean"),
            Parameter("default_composition", "Its name."),
            changing.SHORT_WAIT,
            DRY_RUN,
            CONTEXT,
        ),
        tool_class=ToolClass.WRITE,
        rights=(Right(("get", "patch"), GROUP, _RESOURCE), changing.LIVES, changing.EVENTS),
    ),
    Tool(
        "delete_xrd",
        "Delete an XRD",
        "Remove a platform API with every claim and composite of it.",
        plan=delete_xrd,
        parameters=(NAME, DRY_RUN, CONTEXT),
        tool_class=ToolClass.DELETE,
        rights=(Right(("get", "delete"), GROUP, _RESOURCE), changing.LIVES),
    ),
)
