"""Managed resources made, changed, taken over and let go: what becomes of the thing outside is said before it does."""

from collections.abc import Mapping
from typing import Any

from fairlead.crossplane import providerconfigs, references
from fairlead.crossplane.managed import managing
from fairlead.crossplane.understanding import steps
from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Parameter, Plan, Tool, ToolClass, ToolError
from fairlead.mcp.toolsets.core import planned
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, DRY_RUN
from fairlead.mcp.toolsets.crossplane import changing
from fairlead.mcp.toolsets.crossplane.managed.managedkinds import EVENTS, ONE, UPKEEP, kind_of, rights, upkeep
from fairlead.resources import patching
from fairlead.resources.kinds import Kind
from fairlead.resources.reading import Reader

Arguments = Mapping[str, Any]
Object = dict[str, Any]


async def create_managed_resource(call: Call, arguments: Arguments) -> Plan:
    reader = changing.reader(call, arguments)
    kind = await kind_of(call, reader, arguments)
    spec = _spec(arguments)
    try:
        if arguments.get("provider_config"):
            spec["providerConfigRef"] = await _config(reader, kind, arguments)
    except FairleadError as error:
        raise planned.refused(error, kind) from error
    manifest = managing.manifest(
        kind,
        arguments["name"],
        arguments.get("namespace", ""),
        spec,
        arguments.get("external_name", ""),
    )
    _, troubles = await upkeep(reader, kind, manifest)
    notes = [*troubles, managing.import_words(manifest)]
    return await changing.created(call, arguments, manifest, *notes, update="update_managed_resource")


def _spec(arguments: Arguments) -> Object:
    spec: Object = {
        **(changing.structure(arguments, "spec") or {}),
        "forProvider": changing.structure(arguments, "for_provider") or {},
    }
    return spec | _policies(arguments)


def _policies(arguments: Arguments) -> Object:
    """Raises `ToolError` for what no provider would take."""
    chosen, named = arguments.get("policies"), arguments.get("preset")
    if chosen is not None and named:
        raise ToolError("policies and preset say the same thing", "", "give one of them")
    wanted = list(managing.PRESETS[named]) if named else chosen
    found: Object = {}
    if wanted is not None:
        if why := managing.unsupported(wanted):
            presets = "; ".join(f"{name}: {', '.join(each) or 'none'}" for name, each in managing.PRESETS.items())
            raise ToolError("providers refuse these policies", why, f"presets are {presets}")
        found["managementPolicies"] = list(wanted)
    if arguments.get("deletion_policy"):
        found["deletionPolicy"] = arguments["deletion_policy"]
    return found


async def _config(reader: Reader, kind: Kind, arguments: Arguments) -> Object:
    """`Kind/name`, or a name: then the one in its own namespace comes before the cluster's."""
    called, _, name = arguments["provider_config"].rpartition("/")
    if not kind.resource.namespaced:
        return {"name": name}
    if called:
        return {"kind": called, "name": name}
    own = providerconfigs.kind_for(await reader.kinds(), kind, providerconfigs.NAMESPACED)
    if own is not None and arguments.get("namespace"):
        try:
            await reader.one(own, name, arguments["namespace"])
        except (statuses.NotFound, statuses.Forbidden):
            return {"kind": providerconfigs.CLUSTER, "name": name}
        return {"kind": providerconfigs.NAMESPACED, "name": name}
    return {"kind": providerconfigs.CLUSTER, "name": name}


async def update_managed_resource(call: Call, arguments: Arguments) -> Plan:
    paths = [*(each.partition("=")[0] for each in arguments.get("set") or ()), *(arguments.get("unset") or ())]
    if not paths:
        raise ToolError("nothing to change was given", "", "give set or unset, e.g. set=spec.forProvider.size=20")
    if wrong := [each for each in paths if each.strip().removeprefix(".").startswith("status")]:
        raise ToolError(
            f"{wrong[0]} is what the provider reports", "", "change spec.forProvider, or what it reports on"
        )

    def wanted(obj: Object) -> Object:
        return changing.fields(arguments, obj)

    return await _changed(call, arguments, wanted)


async def set_management_policies(call: Call, arguments: Arguments) -> Plan:
    spec = _policies(arguments)
    if not spec:
        raise ToolError("nothing to change was given", "", "give preset, policies or deletion_policy")

    def wanted(obj: Object) -> Object:
        return {"spec": spec}

    return await _changed(call, arguments, wanted, tells_policies=True)


async def _changed(call: Call, arguments: Arguments, wanted: Any, *, tells_policies: bool = False) -> Plan:
    reader = changing.reader(call, arguments)
    kind = await kind_of(call, reader, arguments)
    name, namespace = arguments["name"], arguments.get("namespace", "")
    try:
        before = await reader.one(kind, name, namespace)
        change = await patching.planned(reader, kind, name, namespace, wanted(before))
    except ToolError:
        raise
    except FairleadError as error:
        raise planned.refused(error, kind) from error
    notes = [_reverts(before)]
    notes += [f"then {managing.policy_words(change.after)}"] if tells_policies and change.after else []
    return changing.settling(reader, [changing.noted(change, notes)], arguments)


def _reverts(obj: Object) -> str:
    owner = managing.owner(obj)
    if not owner:
        return ""
    return f"it is composed for {owner}, which undoes what its composition sets: change that instead"


async def delete_managed_resource(call: Call, arguments: Arguments) -> Plan:
    reader = changing.reader(call, arguments)
    kind = await kind_of(call, reader, arguments)
    try:
        before = await reader.one(kind, arguments["name"], arguments.get("namespace", ""))
    except FairleadError as error:
        raise planned.refused(error, kind) from error
    _, troubles = await upkeep(reader, kind, before)
    waits = [f"it will wait: {each}" for each in troubles if before["metadata"].get("finalizers")]
    return await changing.deleted(call, arguments, kind, managing.deletion_words(before), *waits)


async def clear_create_pending(call: Call, arguments: Arguments) -> Plan:
    reader = changing.reader(call, arguments)
    kind = await kind_of(call, reader, arguments)
    name, namespace, given = arguments["name"], arguments.get("namespace", ""), arguments.get("external_name", "")
    wanted: Object = {managing.PENDING: None} | ({managing.EXTERNAL_NAME: given} if given else {})
    try:
        change = await patching.planned(reader, kind, name, namespace, {"metadata": {"annotations": wanted}})
    except FairleadError as error:
        raise planned.refused(error, kind) from error
    before = change.before or {}
    if not managing.creation(before).is_unknown:
        what = f"the creation of {change.subject} is not pending"
        why = steps.diagnose(references.of(before)).of(call.offers)
        raise ToolError(what, managing.creation_words(before), f"{why} says what ails it" if why else "")
    return changing.settling(reader, [changing.noted(change, managing.doubts(before, given))], arguments)


_POLICIES = (
    Parameter("preset", "Policies.", choices=tuple(managing.PRESETS)),
    Parameter("policies", f"{', '.join(managing.ACTIONS)}; or *.", type="array"),
    Parameter("deletion_policy", "If cluster-scoped.", choices=("Delete", "Orphan")),
)
_SETTLE = (changing.WAIT, DRY_RUN, CONTEXT)
TOOLS: tuple[Tool, ...] = (
    Tool(
        "create_managed_resource",
        "Create a managed resource",
        "Make a cloud resource without a composition, or import one (preset observe-only, external_name).",
        plan=create_managed_resource,
        parameters=(
            *ONE,
            Parameter("for_provider", "YAML.", required=True),
            Parameter("spec", "YAML of the rest."),
            Parameter("provider_config", "Its name, or Kind/name."),
            Parameter("external_name", "In the cloud."),
            _POLICIES[0],
            *_SETTLE,
        ),
        tool_class=ToolClass.WRITE,
        only_adds=True,
        rights=(*rights("get", "create", "patch"), *UPKEEP, EVENTS),
    ),
    Tool(
        "update_managed_resource",
        "Update a managed resource",
        "Change single fields of a cloud resource's spec.",
        plan=update_managed_resource,
        parameters=(*ONE, changing.SET, changing.UNSET, *_SETTLE),
        tool_class=ToolClass.WRITE,
        rights=(*rights("get", "patch"), EVENTS),
    ),
    Tool(
        "delete_managed_resource",
        "Delete a managed resource",
        "Delete a cloud resource with what it stands for; says what stays outside, and what it would wait for.",
        plan=delete_managed_resource,
        parameters=(*ONE, DRY_RUN, CONTEXT),
        tool_class=ToolClass.DELETE,
        rights=(*rights("get", "delete"), *UPKEEP),
    ),
    Tool(
        "set_management_policies",
        "Set management policies",
        "Decide what the provider may do with a cloud resource: only observe it, never delete it, orphan it, pause it.",
        plan=set_management_policies,
        parameters=(*ONE, *_POLICIES, *_SETTLE),
        tool_class=ToolClass.WRITE,
        rights=(*rights("get", "patch"), EVENTS),
    ),
    Tool(
        "clear_create_pending",
        "Clear a pending creation",
        "Let a provider go on that stopped at `cannot determine creation result` (external-create-pending).",
        plan=clear_create_pending,
        parameters=(*ONE, Parameter("external_name", "Of what was created, to take it over."), *_SETTLE),
        tool_class=ToolClass.WRITE,
        rights=(*rights("get", "patch"), EVENTS),
    ),
)
