"""Packages: providers and configurations, as they are installed, looked at and taken away."""

from collections.abc import Mapping
from typing import Any

from fairlead.crossplane import building, sources
from fairlead.crossplane import packages as facts
from fairlead.machinery.errors import FairleadError
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Parameter, Plan, Planning, Right, Tool, ToolClass, ToolError
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, DRY_RUN, NAME
from fairlead.mcp.toolsets.crossplane import changing, showing
from fairlead.mcp.toolsets.crossplane.packaging import arriving, uninstalling
from fairlead.mcp.toolsets.crossplane.packaging.upgrading import LOCK
from fairlead.resources.reading import Reader

Object = dict[str, Any]
GROUP = "pkg.crossplane.io"
_V1 = f"{GROUP}/v1"


def installs(kind: str) -> Planning:
    async def plan(call: Call, arguments: Mapping[str, Any]) -> Plan:
        reference = arguments["package"]
        try:
            manifest = building.package(
                kind,
                reference,
                arguments.get("name", ""),
                revisionActivationPolicy=arguments.get("revision_activation_policy"),
                revisionHistoryLimit=arguments.get("revision_history_limit"),
                packagePullPolicy=arguments.get("pull_policy"),
                packagePullSecrets=[{"name": each} for each in arguments.get("pull_secrets") or ()],
                skipDependencyResolution=arguments.get("skip_dependency_resolution"),
                ignoreCrossplaneConstraints=arguments.get("ignore_crossplane_constraints"),
                runtimeConfigRef={"name": arguments["runtime_config"]} if arguments.get("runtime_config") else None,
            )
        except building.BuildError as error:
            raise ToolError(str(error)) from error
        reader = changing.reader(call, arguments)
        name, found = manifest["metadata"]["name"], await reader.kind(kind, _V1)
        notes = [building.warned_of(reference), *await _new(reader, kind, manifest)]
        made = await changing.created(call, arguments, manifest, *notes, update="upgrade_package", settles=False)

        async def told() -> list[str]:
            return [*filter(None, notes), *await arriving.told(call, reader, found, name, None, arguments)]

        return changing.telling(made, told)

    return plan


async def _new(reader: Reader, kind: str, manifest: Object) -> list[str]:
    """Raises `ToolError` where the package is installed, under its own name or under another one.

    The two would fight over what they bring, and no dependency of any package would be resolved until one goes.
    """
    wanted, name = sources.of(manifest), manifest["metadata"]["name"]
    try:
        installed = await reader.every(kind, _V1)
    except FairleadError as error:
        return [f"whether it is installed under another name could not be read: {error}"]
    for each in installed:
        called, source = each["metadata"]["name"], sources.of(each)
        upgrade = f"upgrade_package kind={kind.lower()} name={called} package={wanted}"
        if called == name:
            health = changing.summary(each).partition(": ")[2]
            following = upgrade if source != wanted else f"get_{kind.lower()} name={name}"
            raise ToolError(f"{kind} {name} is there already: {health}", f"at {source}", following)
        if source.repository == wanted.repository:
            why = "twice installed, no dependency of any package is resolved any more"
            raise ToolError(f"{kind} {called} has the same package already", why, upgrade)
    return []


async def about(reader: Reader, package: Object) -> list[str]:
    """Its revisions, what the current one has installed by group, and its dependencies."""
    lines = []
    for each in await facts.revisions(reader, package):
        lines.append(revised(each))
        if facts.is_active(each):
            lines += [f"installed {one}" for one in facts.by_kind(await facts.installed(reader, each))]
    return lines or ["no revision yet: it is being fetched, or cannot be"]


def revised(revision: Object) -> str:
    """One line of a revision."""
    spec = revision.get("spec") or {}
    told = f"revision {spec.get('revision')} {spec.get('desiredState') or 'not activated'} of {spec.get('image')}"
    return "; ".join([f"{told}: {changing.summary(revision)}", *facts.dependencies(revision)])


def _plural(kind: str) -> str:
    return f"{kind.lower()}s"


def _rights(kind: str, *verbs: str) -> Right:
    return Right(verbs, GROUP, _plural(kind))


_REFERENCE = Parameter("package", "Registry, repository, tag or digest.", required=True)
_INSTALL = (
    _REFERENCE,
    Parameter("name", "Repository by default."),
    Parameter("revision_activation_policy", "Of new ones.", choices=("Automatic", "Manual")),
    Parameter("revision_history_limit", "Kept.", type="integer", minimum=0),
    Parameter("pull_policy", "When to fetch it.", choices=("IfNotPresent", "Always", "Never")),
    Parameter("pull_secrets", "Their names.", type="array"),
    Parameter("skip_dependency_resolution", "Install nothing else.", type="boolean"),
    Parameter("ignore_crossplane_constraints", "Whatever it is for.", type="boolean"),
)
RUNTIME = Parameter("runtime_config", "A DeploymentRuntimeConfig.")
_SETTLE = (changing.WAIT, DRY_RUN, CONTEXT)


def install_tool(kind: str, description: str, *more: Parameter) -> Tool:
    return Tool(
        f"install_{kind.lower()}",
        f"Install a {kind.lower()}",
        description,
        plan=installs(kind),
        parameters=(*_INSTALL, *more, *_SETTLE),
        tool_class=ToolClass.WRITE,
        only_adds=True,
        rights=(
            _rights(kind, "get", "list", "create", "patch"),
            Right(("get",), GROUP, f"{kind.lower()}revisions"),
            changing.EVENTS,
        ),
    )


def reading_tools(kind: str, what: str, more: showing.More = about, *rights: Right) -> tuple[Tool, Tool]:
    plural = _plural(kind)
    revisions = Right(("list",), GROUP, f"{kind.lower()}revisions")
    return (
        showing.list_tool(
            f"list_{plural}",
            f"List {plural}",
            f"All installed {plural}: version of each, and whether it is healthy.",
            showing.lists(kind, _V1),
            _rights(kind, "list"),
        ),
        showing.get_tool(
            f"get_{kind.lower()}",
            f"Get a {kind.lower()}",
            what,
            showing.gets(kind, _V1, more),
            (_rights(kind, "get"), revisions, *rights),
        ),
    )


TOOLS = (
    install_tool(
        "Provider",
        "Install a provider package at a version: add a cloud provider (AWS, Azure) to the cluster; waits for health.",
        RUNTIME,
    ),
    *reading_tools("Provider", "Details of one provider: version, revisions, the CRDs (kinds) that it installed."),
    Tool(
        "uninstall_provider",
        "Uninstall a provider",
        "Remove a provider with its kinds; shows first how many managed resources go.",
        plan=uninstalling.uninstalls(lambda arguments: "Provider"),
        parameters=(NAME, DRY_RUN, CONTEXT),
        tool_class=ToolClass.DELETE,
        rights=(
            _rights("Provider", "get", "delete"),
            Right(("list",), GROUP, "providerrevisions"),
            Right(("list",), "*", "*", ("managed",)),
            *uninstalling.DEFINITIONS,
            LOCK,
        ),
    ),
    install_tool("Configuration", "Install a configuration package (reference platform) with all that it depends on."),
    *reading_tools(
        "Configuration",
        "Details of one configuration: version, dependencies, revisions, its XRDs and compositions.",
    ),
    showing.list_tool(
        "list_configuration_revisions",
        "List configuration revisions",
        "Version history of configurations: which revision is active.",
        showing.lists("ConfigurationRevision", _V1, facts.OWNER, "configuration"),
        Right(("list",), GROUP, "configurationrevisions"),
        Parameter("configuration", "Only of this one."),
    ),
)
