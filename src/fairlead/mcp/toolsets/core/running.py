"""Pods that are run to try something out, and deleting pods."""

from collections.abc import Mapping
from typing import Any

from fairlead.machinery.errors import FairleadError
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Parameter, Plan, Right, Tool, ToolClass
from fairlead.mcp.toolsets.core import planned
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, DRY_RUN, ITS_NAMESPACE, NAME
from fairlead.resources import running

_IMAGE = Parameter("image", "Container image.", required=True)
_NAME = Parameter("name", "Made up by default.")
_PORT = Parameter("port", "That it listens on; makes a Service.", type="integer", minimum=1, maximum=65535)


async def pods_run(call: Call, arguments: Mapping[str, Any]) -> Plan:
    reader = call.target(arguments.get("context", ""))
    name, namespace, port = arguments.get("name", ""), arguments.get("namespace", ""), arguments.get("port", 0)
    try:
        changes = await running.planned(reader, arguments["image"], name, namespace, port)
    except FairleadError as error:
        raise planned.refused(error) from error
    return planned.plan(changes, "resources_wait with until=condition=Ready waits for it; pods_delete takes it away")


async def pods_delete(call: Call, arguments: Mapping[str, Any]) -> Plan:
    reader = call.target(arguments.get("context", ""))
    kind = await reader.kind("pods", "v1")
    try:
        changes = await running.removed(reader, kind, arguments["name"], arguments.get("namespace", ""))
    except FairleadError as error:
        raise planned.refused(error, kind) from error
    return planned.plan(changes)


TOOLS = (
    Tool(
        "pods_run",
        "Run a pod",
        "Run an image in a pod of its own; with a port, behind a Service.",
        plan=pods_run,
        parameters=(_IMAGE, ITS_NAMESPACE, _NAME, _PORT, DRY_RUN, CONTEXT),
        tool_class=ToolClass.WRITE,
        only_adds=True,
        rights=(Right(("create",), "", "pods"), Right(("create",), "", "services")),
        idempotent=False,
    ),
    Tool(
        "pods_delete",
        "Delete a pod",
        "Delete a pod, and the Service that pods_run made for it.",
        plan=pods_delete,
        parameters=(NAME, ITS_NAMESPACE, DRY_RUN, CONTEXT),
        tool_class=ToolClass.DELETE,
        rights=(Right(("get", "delete"), "", "pods"), Right(("get", "delete"), "", "services")),
    ),
)
