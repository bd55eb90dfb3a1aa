"""Claims and composites made, changed and deleted: an order is checked as a whole before any of it is sent."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fairlead.crossplane.defining import composites, pinning
from fairlead.crossplane.defining.composites import Choice
from fairlead.crossplane.references import Reference
from fairlead.crossplane.understanding import steps
from fairlead.crossplane.upkeep import removing
from fairlead.crossplane.upkeep.removing import Left
from fairlead.machinery import patches, statuses
from fairlead.machinery.errors import FairleadError
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Parameter, Plan, Right, Tool, ToolClass, ToolError
from fairlead.mcp.toolsets.core import answering, planned
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, DRY_RUN, NAME
from fairlead.mcp.toolsets.crossplane import changing
from fairlead.resources.kinds import Kind, UnknownKindError
from fairlead.resources.planning import subject
from fairlead.resources.reading import Reader

Arguments = Mapping[str, Any]
Object = dict[str, Any]
KIND = Parameter("kind", "Of claim or composite, e.g. Database.", required=True)
ITS_NAMESPACE = Parameter("namespace", "Its namespace.")
_MADE_BY = {
    "CompositeResourceDefinition": "create_xrd",
    "Composition": "create_composition",
    "Provider": "install_provider",
    "Configuration": "install_configuration",
    "Function": "install_function",
    "EnvironmentConfig": "create_environment_config",
    "Operation": "create_operation",
    "CronOperation": "create_cron_operation",
    "WatchOperation": "create_watch_operation",
    "Usage": "create_usage",
    "ClusterUsage": "create_usage",
    "ProviderConfig": "set_provider_config",
    "ClusterProviderConfig": "set_provider_config",
}


async def kind_of(reader: Reader, name: str) -> Kind:
    """Raises `ToolError` for what is no claim or composite, with the tool that is for it."""
    try:
        kind = await reader.kind(name)
    except UnknownKindError as error:
        raise ToolError(error.what, error.why, f"{error.remedy}; list_xrds names the platform APIs") from error
    if composites.is_one(kind):
        return kind
    managed = "managed" in kind.api.categories
    tool = "managed resources have tools of their own, e.g. create_managed_resource" if managed else ""
    tool = tool or f"use {_MADE_BY.get(kind.api.kind, 'the tools for resources of any kind')}"
    raise ToolError(f"{kind.api.kind} is neither a claim nor a composite", "", tool)


async def create_composite(call: Call, arguments: Arguments) -> Plan:
    reader = changing.reader(call, arguments)
    kind = await kind_of(reader, arguments["kind"])
    try:
        made_by = await composites.definition(reader, kind)
        pinning.check_free(arguments.get("composition", ""), made_by)
        wanted = composites.manifest(
            kind,
            arguments["name"],
            arguments.get("namespace", ""),
            changing.structure(arguments, "spec") or {},
            _choice(arguments),
            made_by=made_by,
            labels=changing.labels(arguments),
        )
    except ToolError:
        raise
    except FairleadError as error:
        raise answering.refused(error, kind) from error
    try:
        return await changing.created(
            call, arguments, wanted, *await _leans(reader, kind, wanted), update="update_composite"
        )
    except ToolError as error:
        if isinstance(error.__cause__, statuses.StatusError):
            raise await _explained(reader, kind, wanted, error.__cause__) or error from error
        raise


def _choice(arguments: Arguments) -> Choice:
    pairs = changing.labels({"labels": arguments.get("composition_labels")})
    given = {each: arguments.get(each, "") for each in ("composition", "update_policy", "connection_secret")}
    return Choice(**given, composition_labels=pairs, delete_policy=arguments.get("delete_policy", ""))


async def _leans(reader: Reader, kind: Kind, manifest: Object) -> list[str]:
    from fairlead.crossplane.defining import validating

    return await validating.leaning(reader, kind, manifest)


async def _explained(reader: Reader, kind: Kind, obj: Object, error: statuses.StatusError) -> ToolError | None:
    """Every field that is wrong, at once; None where it is not about fields."""
    try:
        faults = await composites.faults(reader, kind, obj)
    except FairleadError:
        return None
    said = {str(each.get("field") or ""): str(each.get("message")) for each in error.causes}
    faults |= {field: message for field, message in said.items() if field not in ("", "patch")}
    if not faults:
        return None
    named = "; ".join(f"{field}: {message}" for field, message in faults.items())
    metadata = obj["metadata"]
    what = f"{subject(kind, metadata['name'], metadata.get('namespace', ''))} would not be taken as it is"
    return ToolError(what, named, f"describe_xrd_schema kind={kind.resource.qualified} says what its fields take")


async def update_composite(call: Call, arguments: Arguments) -> Plan:
    reader = changing.reader(call, arguments)
    kind = await kind_of(reader, arguments["kind"])
    try:
        obj = await reader.one(kind, arguments["name"], arguments.get("namespace", ""))
        patch = changing.fields(arguments, obj)
        composites.check_written(patch)
        composition = arguments.get("composition", "")
        made_by = await composites.definition(reader, kind)
        pinning.check_free(composition, made_by)
        if composition:
            await pinning.check(reader, composition, made_by)
        wanted = composition, arguments.get("revision", "")
        own = await pinning.fields(reader, obj, *wanted, is_claim=composites.is_claim(kind))
    except ToolError:
        raise
    except FairleadError as error:
        raise answering.refused(error, kind) from error
    if not patch and not own:
        raise ToolError("nothing to change was given", "", "give set, unset, composition or revision")
    if own:
        spec = patch.setdefault("spec", {})
        place = spec if composites.is_legacy(kind, made_by) else spec.setdefault("crossplane", {})
        place |= own
    return await _changed(reader, kind, obj, patch, arguments)


async def _changed(reader: Reader, kind: Kind, obj: Object, patch: Object, arguments: Arguments) -> Plan:
    try:
        change = await pinning.planned(reader, kind, obj, patch, notes=tuple(_notes(kind, obj, patch, arguments)))
    except FairleadError as error:
        if isinstance(error, statuses.Invalid | statuses.BadRequest):
            after = dict(patches.merge_patch(obj, patch))
            raise await _explained(reader, kind, after, error) or planned.refused(error, kind) from error
        raise planned.refused(error, kind) from error
    plan = changing.settling(reader, [change], arguments)

    async def tell() -> list[str]:
        chosen = arguments.get("composition") or arguments.get("revision")
        taken = await pinning.taken(reader, kind, obj, arguments.get("wait_seconds") or 0) if chosen else ""
        return [taken] if taken else []

    return changing.telling(plan, tell)


def _notes(kind: Kind, obj: Object, patch: Object, arguments: Arguments) -> list[str]:
    claim = composites.partner(obj) if "claimRef" in (obj.get("spec") or {}) else None
    notes = [f"its claim {claim} overwrites what the two have in common: change it there"] if claim else []
    labels, revision = pinning.narrowed(obj), str(arguments.get("revision") or "").lower()
    only = f"of its revisions only those labelled {labels} are taken"
    if labels and composites.is_claim(kind) and (revision == pinning.FOLLOW or pinning.frees(patch)):
        notes.append(f"{only}, and Crossplane puts that back: {_FREED}")
    elif labels and arguments.get("composition") and not revision:
        notes.append(f"{only}; revision=automatic takes any")
    return notes


_FREED = "pause the claim, take compositionRevisionSelector off claim and composite, and resume it"


async def delete_composite(call: Call, arguments: Arguments) -> Plan:
    reader = changing.reader(call, arguments)
    kind = await kind_of(reader, arguments["kind"])
    name, namespace = arguments["name"], arguments.get("namespace", "")
    propagation = removing.PROPAGATION.get(arguments.get("propagation", ""), "")
    try:
        tree = await removing.tree(reader, kind, name, namespace)
        change = await removing.planned(reader, kind, name, namespace, propagation, tree.told)
    except FairleadError as error:
        raise planned.refused(error, kind) from error
    # What goes is part of what is agreed to, name by name: another one in the place of one that has gone is not.
    plan = planned.plan([replace(change, wanted=[change.wanted, *map(str, tree.goes)])])
    itself = Reference(kind.api_version, kind.api.kind, name, namespace)

    async def tell() -> list[str]:
        left = await removing.left(reader, (itself, *tree.goes), arguments.get("wait_seconds") or 0)
        return _progress(left, len(tree.goes))

    return changing.telling(plan, tell)


def _progress(left: Left, below: int) -> list[str]:
    unread = removing.some([f"not known whether it is gone: {each}: {why}" for each, why in left.unread.items()])
    if not left.there:
        return [*unread, f"gone, with all {below} objects below it" if not unread else "the rest is gone"]
    lines = removing.some([f"{reference}: {said}" for reference, said in left.there.items()])
    follow = f"next: {steps.about('explain_deletion', next(iter(left.there)))}"
    return [f"still there, {len(left.there)} of {below + 1}:", *lines, *unread, follow]


_EITHER = ("claim", "composite")
_ANY = Right(("get", "list"), "*", "*")
_REVISIONS = Right(("list",), "apiextensions.crossplane.io", "compositionrevisions")
_XRDS = Right(("list",), "apiextensions.crossplane.io", "compositeresourcedefinitions")
_COMPOSITIONS = Right(("list",), "apiextensions.crossplane.io", "compositions")
TOOLS: tuple[Tool, ...] = (
    Tool(
        "create_composite",
        "Create a claim or composite",
        "Create a claim or composite resource: order a database, cluster or whatever the platform API offers.",
        plan=create_composite,
        parameters=(
            KIND,
            NAME,
            ITS_NAMESPACE,
            Parameter("spec", "YAML of its fields."),
            Parameter("composition", "Not the default one."),
            Parameter("composition_labels", "Instead: key=value.", type="array"),
            Parameter("update_policy", "Of its revision.", choices=("Automatic", "Manual")),
            Parameter("connection_secret", "Its name."),
            Parameter("delete_policy", "Of a claim.", choices=("Background", "Foreground")),
            Parameter("labels", "key=value.", type="array"),
            changing.WAIT,
            DRY_RUN,
            CONTEXT,
        ),
        tool_class=ToolClass.WRITE,
        only_adds=True,
        rights=(Right(("get", "create", "patch"), "*", "*", _EITHER), _XRDS, _COMPOSITIONS, changing.EVENTS),
    ),
    Tool(
        "update_composite",
        "Update a claim or composite",
        "Change fields in the spec of a claim or composite resource, use another composition, pin it to an older "
        "composition revision or switch its update policy back to automatic.",
        plan=update_composite,
        parameters=(
            KIND,
            NAME,
            ITS_NAMESPACE,
            changing.SET,
            changing.UNSET,
            Parameter("composition", "Use this one."),
            Parameter("revision", "Name or number to pin it to; automatic follows the latest."),
            changing.SHORT_WAIT,
            DRY_RUN,
            CONTEXT,
        ),
        tool_class=ToolClass.WRITE,
        rights=(Right(("get", "patch"), "*", "*", _EITHER), _XRDS, _COMPOSITIONS, _REVISIONS, changing.EVENTS),
    ),
    Tool(
        "delete_composite",
        "Delete a claim or composite",
        "Delete a claim or composite resource and everything it composed, in the background or foreground; shows first "
        "what goes and what stays in the cloud.",
        plan=delete_composite,
        parameters=(
            KIND,
            NAME,
            ITS_NAMESPACE,
            Parameter("propagation", "Foreground: it goes last.", choices=("background", "foreground")),
            replace(changing.WAIT, description="Wait so long until all is gone."),
            DRY_RUN,
            CONTEXT,
        ),
        tool_class=ToolClass.DELETE,
        rights=(_ANY, Right(("get", "patch", "delete"), "*", "*", _EITHER), changing.EVENTS),
    ),
)
