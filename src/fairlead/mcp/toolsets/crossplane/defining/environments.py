"""Environment configs: what compositions share, made, changed and taken away, with who reads it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fairlead.crossplane import building
from fairlead.crossplane.defining import environments as facts
from fairlead.machinery import redacting
from fairlead.machinery.errors import FairleadError
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Answer, Parameter, Plan, Right, Tool, ToolClass, ToolError
from fairlead.mcp.toolsets.core import answering, listing, planned
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, CURSOR, DRY_RUN, LABELS, LIMIT, NAME
from fairlead.mcp.toolsets.crossplane import changing, showing
from fairlead.resources import patching
from fairlead.resources.reading import Reader

Arguments = Mapping[str, Any]
GROUP = "apiextensions.crossplane.io"
_VERSION = f"{GROUP}/v1beta1"
_RESOURCE = "environmentconfigs"


async def create_environment_config(call: Call, arguments: Arguments) -> Plan:
    data = changing.structure(arguments, "data")
    try:
        manifest = building.environment_config(arguments["name"], data, changing.labels(arguments))
    except building.BuildError as error:
        raise ToolError(str(error)) from error
    reader = changing.reader(call, arguments)
    plan = await changing.created(call, arguments, manifest, update="update_environment_config", settles=False)

    async def tell() -> list[str]:
        return [facts.row(manifest), *(await _readers(reader, manifest)).lines()]

    return changing.telling(plan, tell)


async def _readers(reader: Reader, config: Mapping[str, Any]) -> facts.Readers:
    """Raises what `Reader` raises."""
    return facts.readers(config, await reader.every("Composition", f"{GROUP}/v1"))


async def list_environment_configs(call: Call, arguments: Arguments) -> Answer:
    """A table has of them no more than their age, so a row is made here, with keys and size."""
    reader = changing.reader(call, arguments)
    kind = await reader.kind(facts.KIND, _VERSION)
    try:
        page = await reader.page(kind, listing.query(arguments), table=False)
    except FairleadError as error:
        raise answering.refused(error, kind) from error
    key = arguments.get("has_key")
    found = [each for each in page.document.get("items") or () if not key or key in (each.get("data") or {})]
    after = f"{len(found)}{f', more follow; next: cursor={page.cursor}' if page.cursor else ' in all'}"
    if not found:
        return Answer(f"no environment configs{f' with the key {key}' if key else ''} here; {after}")
    text = redacting.text("\n".join(map(facts.row, found)))
    return answering.listed(text, "environment configs", after, len(found))


async def _about(reader: Reader, config: dict[str, Any]) -> list[str]:
    return [f"{facts.size(config)} bytes", *(await _readers(reader, config)).lines()]


async def update_environment_config(call: Call, arguments: Arguments) -> Plan:
    reader = changing.reader(call, arguments)
    kind = await reader.kind(facts.KIND, _VERSION)
    data = changing.structure(arguments, "data")
    given = bool(arguments.get("set") or arguments.get("unset"))
    if (data is None) is not given:
        raise ToolError("what to change is not said", "", "give either set and unset, or data, which replaces all")
    try:
        found = await reader.one(kind, arguments["name"])
        who = [*(await _readers(reader, found)).lines(), "they take it up with their composites' next reconcile"]
        if data is None:
            return await changing.patched(call, arguments, kind, changing.fields(arguments, found), *who)
        patch = [{"op": "add", "path": "/data", "value": data}]
        change = await patching.planned(reader, kind, arguments["name"], "", patch, "json")
    except FairleadError as error:
        raise planned.refused(error, kind) from error
    return planned.plan([changing.noted(change, who)])


async def delete_environment_config(call: Call, arguments: Arguments) -> Plan:
    reader = changing.reader(call, arguments)
    kind = await reader.kind(facts.KIND, _VERSION)
    try:
        found = await reader.one(kind, arguments["name"])
    except FairleadError as error:
        raise answering.refused(error, kind) from error
    try:
        who = await _readers(reader, found)
    except FairleadError as error:
        raise ToolError("who reads it cannot be told, so it is not deleted", str(error)) from error
    then = ["composites of these fail where it is required"] if who != facts.Readers() else []
    return await changing.deleted(call, arguments, kind, *who.lines(), *then)


_COMPOSITIONS = Right(("list",), GROUP, "compositions")
_LABELS = Parameter("labels", "key=value.", type="array")
TOOLS = (
    Tool(
        "create_environment_config",
        "Create an environment config",
        "Store shared configuration data for compositions to read, e.g. VPC IDs and security groups.",
        plan=create_environment_config,
        parameters=(NAME, Parameter("data", "YAML mapping.", required=True), _LABELS, DRY_RUN, CONTEXT),
        tool_class=ToolClass.WRITE,
        only_adds=True,
        rights=(Right(("get", "create", "patch"), GROUP, _RESOURCE), _COMPOSITIONS),
    ),
    Tool(
        "list_environment_configs",
        "List environment configs",
        "Data that compositions share, with its labels.",
        list_environment_configs,
        (Parameter("has_key", "Only with this key."), LABELS, LIMIT, CURSOR, CONTEXT),
        rights=(Right(("list",), GROUP, _RESOURCE),),
    ),
    showing.get_tool(
        "get_environment_config",
        "Get an environment config",
        "One environment config with its data, and which compositions read it.",
        showing.gets(facts.KIND, _VERSION, _about),
        (Right(("get",), GROUP, _RESOURCE), _COMPOSITIONS),
    ),
)

CHANGES: tuple[Tool, ...] = (
    Tool(
        "update_environment_config",
        "Update an environment config",
        "Set or remove keys of an existing environment config, or replace it whole; shows which compositions read it.",
        plan=update_environment_config,
        parameters=(
            NAME,
            replace(changing.SET, description="path=value, e.g. data.region=eu-west-1."),
            changing.UNSET,
            Parameter("data", "YAML mapping; replaces all."),
            *(DRY_RUN, CONTEXT),
        ),
        tool_class=ToolClass.WRITE,
        rights=(Right(("get", "patch"), GROUP, _RESOURCE), _COMPOSITIONS),
    ),
    Tool(
        "delete_environment_config",
        "Delete an environment config",
        "Remove shared data; shows first which compositions read it.",
        plan=delete_environment_config,
        parameters=(NAME, DRY_RUN, CONTEXT),
        tool_class=ToolClass.DELETE,
        rights=(Right(("get", "delete"), GROUP, _RESOURCE), _COMPOSITIONS),
    ),
)
