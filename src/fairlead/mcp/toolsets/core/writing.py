"""Making and changing any resource."""

from collections.abc import Mapping
from typing import Any

from fairlead.machinery.errors import FairleadError
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Parameter, Plan, Right, Tool, ToolClass
from fairlead.mcp.toolsets.core import planned
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, DRY_RUN
from fairlead.resources import applying, manifests

RESOURCE = Parameter("resource", "YAML or JSON, one or more documents.", required=True)
INTO = Parameter("namespace", "For documents that name none.")
FORCE = Parameter("force", "Take over fields that others manage.", type="boolean")


async def resources_create_or_update(call: Call, arguments: Mapping[str, Any]) -> Plan:
    reader = call.target(arguments.get("context", ""))
    try:
        wanted = manifests.read(arguments["resource"])
        changes = await applying.all_planned(
            reader, wanted, arguments.get("namespace", ""), force=bool(arguments.get("force"))
        )
    except FairleadError as error:
        raise planned.refused(error) from error
    return planned.plan(changes)


TOOLS = (
    Tool(
        "resources_create_or_update",
        "Apply manifests",
        "Create or change objects by server-side apply; answers the diff.",
        plan=resources_create_or_update,
        parameters=(RESOURCE, INTO, FORCE, DRY_RUN, CONTEXT),
        tool_class=ToolClass.WRITE,
        rights=(Right(("get", "patch", "create"), "*", "*"),),
    ),
)
