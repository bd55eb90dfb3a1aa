"""Claims and composites made, changed and deleted: an order is checked as a whole before any of it is sent."""

from collections.abc import Mapping
from typing import Any

from fairlead.crossplane import composites
from fairlead.crossplane.composites import Choice
from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Parameter, Plan, Right, Tool, ToolClass, ToolError
from fairlead.mcp.toolsets.core import answering
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
    from fairlead.crossplane import validating

    return await validating.leaning(reader, kind, manifest)


async def _explained(reader: Reader, kind: Kind, obj: Object, error: statuses.StatusError) -> ToolError | None:
    """Every field that is wrong, at once; None where it is not about fields."""
    try:
        faults = await composites.faults(reader, kind, obj)
    except FairleadError:
        return None
    faults |= {str(each.get("field")): str(each.get("message")) for each in error.causes if each.get("field")}
    if not faults:
        return None
    named = "; ".join(f"{field}: {message}" for field, message in faults.items())
    metadata = obj["metadata"]
    what = f"{subject(kind, metadata['name'], metadata.get('namespace', ''))} would not be taken as it is"
    return ToolError(what, named, f"describe_xrd_schema kind={kind.resource.qualified} says what its fields take")


_EITHER = ("claim", "composite")
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
        rights=(Right(("get", "create", "patch"), "*", "*", _EITHER), _XRDS, _COMPOSITIONS),
    ),
)
