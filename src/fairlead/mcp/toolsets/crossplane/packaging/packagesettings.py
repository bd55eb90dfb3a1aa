"""How a package is kept: its settings, and what Crossplane does as soon as they are others."""

from collections.abc import Mapping
from typing import Any

from fairlead.crossplane import packages as facts
from fairlead.crossplane import sources
from fairlead.crossplane.packaging import upgrades
from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Parameter, Plan, Right, Tool, ToolClass, ToolError
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, DRY_RUN, NAME
from fairlead.mcp.toolsets.crossplane.packaging.upgrading import EVENTS, KIND, changed, found, rights
from fairlead.resources.reading import Reader

Arguments = Mapping[str, Any]
Object = dict[str, Any]
_SECONDS = 10


async def update_package_settings(call: Call, arguments: Arguments) -> Plan:
    reader, kind, package = await found(call, arguments)
    spec = {field: arguments[name] for name, field in _SETTINGS.items() if name in arguments}
    if "pull_secrets" in arguments:
        spec["packagePullSecrets"] = [{"name": each} for each in arguments["pull_secrets"]]
    config = arguments.get("runtime_config")
    if config and kind.api.kind == "Configuration":
        raise ToolError("a configuration has no runtime", "", "leave out runtime_config")
    if config:
        spec["runtimeConfigRef"] = {"name": config}
    if not spec:
        names = (*_SETTINGS, "pull_secrets", "runtime_config")
        raise ToolError("nothing to change was given", "", f"give one of {', '.join(names)}")
    notes, goes = await _follows(reader, package, arguments)
    waits = {**arguments, "wait_seconds": _SECONDS}
    return await changed(call, kind, waits, package, spec, notes, removes_more=goes)


async def _follows(reader: Reader, package: Object, arguments: Arguments) -> tuple[list[str], bool]:
    """What Crossplane does once the settings are others, and whether revisions go."""
    notes = []
    revisions = await facts.revisions(reader, package)
    goes = upgrades.pruned(revisions, arguments.get("history_limit") or 0)
    if goes:
        named = ", ".join(f"{upgrades.number(each)} ({sources.of(each).identifier})" for each in goes)
        notes.append(f"revisions that go, and cannot be rolled back to: {named}")
    current = await facts.current(reader, package)
    if arguments.get("activation_policy") == "Automatic" and current is not None and not facts.is_active(current):
        notes.append(f"{current['metadata']['name']} becomes active at once")
    if arguments.get("runtime_config"):
        notes += ["its Pods are replaced", *await _missing_config(reader, arguments["runtime_config"])]
    return notes, bool(goes)


async def _missing_config(reader: Reader, name: str) -> list[str]:
    try:
        await reader.one(await reader.kind("DeploymentRuntimeConfig", f"{facts.GROUP}/v1beta1"), name)
    except statuses.NotFound:
        return [f"there is no DeploymentRuntimeConfig {name}: nothing runs until set_runtime_config has made it"]
    except FairleadError as error:
        return [f"whether the DeploymentRuntimeConfig {name} is there could not be read: {error}"]
    return []


_SETTINGS = {
    "activation_policy": "revisionActivationPolicy",
    "history_limit": "revisionHistoryLimit",
    "pull_policy": "packagePullPolicy",
    "ignore_crossplane_constraints": "ignoreCrossplaneConstraints",
    "skip_dependency_resolution": "skipDependencyResolution",
}
TOOLS = (
    Tool(
        "update_package_settings",
        "Change a package's settings",
        "Set a package's revision activation policy (Manual), history, pulling, runtime config, dependencies.",
        plan=update_package_settings,
        parameters=(
            KIND,
            NAME,
            Parameter("activation_policy", "Of new ones.", choices=("Automatic", "Manual")),
            Parameter("history_limit", "Kept; 0 keeps all.", type="integer", minimum=0),
            Parameter("pull_policy", "When to pull.", choices=("IfNotPresent", "Always", "Never")),
            Parameter("pull_secrets", "Replaces all.", type="array"),
            Parameter("runtime_config", "A DeploymentRuntimeConfig."),
            Parameter("ignore_crossplane_constraints", "Whatever it is for.", type="boolean"),
            Parameter("skip_dependency_resolution", "Install nothing else.", type="boolean"),
            DRY_RUN,
            CONTEXT,
        ),
        tool_class=ToolClass.WRITE,
        rights=(*rights("get", "patch"), Right(("get",), facts.GROUP, "deploymentruntimeconfigs"), EVENTS),
    ),
)
