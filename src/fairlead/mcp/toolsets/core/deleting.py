"""Deleting any resource, and pods with what was made for them."""

from collections.abc import Mapping
from typing import Any

from fairlead.machinery.errors import FairleadError
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Parameter, Plan, Right, Tool, ToolClass
from fairlead.mcp.toolsets.core import planned
from fairlead.mcp.toolsets.core.vocabulary import API_VERSION, CONTEXT, DRY_RUN, ITS_NAMESPACE, KIND, NAME
from fairlead.resources import deleting

_PROPAGATION = Parameter("propagation", "What becomes of its dependents.", choices=deleting.PROPAGATION)
_GRACE = Parameter("grace_seconds", "To end in; 0 kills.", type="integer", minimum=0)


async def resources_delete(call: Call, arguments: Mapping[str, Any]) -> Plan:
    reader = call.target(arguments.get("context", ""))
    kind = await reader.kind(arguments["kind"], arguments.get("api_version", ""))
    try:
        change = await deleting.planned(
            reader,
            kind,
            arguments["name"],
            arguments.get("namespace", ""),
            propagation=arguments.get("propagation", ""),
            grace_seconds=arguments.get("grace_seconds"),
        )
    except FairleadError as error:
        raise planned.refused(error, kind) from error
    return planned.plan([change])


TOOLS = (
    Tool(
        "resources_delete",
        "Delete a resource",
        "Delete one object of any kind.",
        plan=resources_delete,
        parameters=(KIND, NAME, ITS_NAMESPACE, API_VERSION, _PROPAGATION, _GRACE, DRY_RUN, CONTEXT),
        tool_class=ToolClass.DELETE,
        rights=(Right(("get", "delete"), "*", "*"),),
    ),
)
