"""Environment configs: what compositions share."""

from collections.abc import Mapping
from typing import Any

from fairlead.crossplane import building
from fairlead.machinery import encoding
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Parameter, Plan, Right, Tool, ToolClass, ToolError
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, DRY_RUN, NAME
from fairlead.mcp.toolsets.crossplane import changing, showing
from fairlead.resources.reading import Reader

GROUP = "apiextensions.crossplane.io"
_VERSION = f"{GROUP}/v1beta1"
_RESOURCE = "environmentconfigs"


async def create_environment_config(call: Call, arguments: Mapping[str, Any]) -> Plan:
    data = changing.structure(arguments, "data")
    try:
        manifest = building.environment_config(arguments["name"], data, changing.labels(arguments))
    except building.BuildError as error:
        raise ToolError(str(error)) from error
    return await changing.created(call, arguments, manifest, update="resources_patch")


async def _about(reader: Reader, config: dict[str, Any]) -> list[str]:
    """Compositions that name it in the input of a step; those that select it by label cannot be told."""
    name = config["metadata"]["name"]
    users = [
        each["metadata"]["name"]
        for each in await reader.every("Composition", f"{GROUP}/v1")
        if any(
            f'"{name}"' in encoding.to_json(step.get("input") or {}).decode()
            for step in each["spec"].get("pipeline") or ()
        )
    ]
    return [f"compositions that name it: {', '.join(users) or 'none'}; others may select it by its labels"]


TOOLS = (
    Tool(
        "create_environment_config",
        "Create an environment config",
        "Keep data that compositions share.",
        plan=create_environment_config,
        parameters=(
            NAME,
            Parameter("data", "YAML mapping.", required=True),
            Parameter("labels", "key=value.", type="array"),
            DRY_RUN,
            CONTEXT,
        ),
        tool_class=ToolClass.WRITE,
        only_adds=True,
        rights=(Right(("get", "create", "patch"), GROUP, _RESOURCE),),
    ),
    showing.list_tool(
        "list_environment_configs",
        "List environment configs",
        "Data that compositions share.",
        showing.lists("EnvironmentConfig", _VERSION),
        Right(("list",), GROUP, _RESOURCE),
    ),
    showing.get_tool(
        "get_environment_config",
        "Get an environment config",
        "One environment config with its data, and which compositions name it.",
        showing.gets("EnvironmentConfig", _VERSION, _about),
        (Right(("get",), GROUP, _RESOURCE), Right(("list",), GROUP, "compositions")),
    ),
)

CHANGES: tuple[Tool, ...] = ()
