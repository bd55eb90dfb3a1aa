"""Changing one object: by a patch, or its number of replicas."""

from collections.abc import Mapping
from typing import Any

from fairlead.machinery.errors import FairleadError
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Answer, Parameter, Plan, Right, Tool, ToolClass
from fairlead.mcp.toolsets.core import planned
from fairlead.mcp.toolsets.core.vocabulary import API_VERSION, CONTEXT, DRY_RUN, ITS_NAMESPACE, KIND, NAME
from fairlead.resources import patching
from fairlead.resources.planning import check_scope, subject

_PATCH = Parameter("patch", "JSON or YAML.", required=True)
_FORM = Parameter("form", "Form of the patch.", default="merge", choices=tuple(patching.FORMS))
_REPLICAS = Parameter("replicas", "How many; without it they are only read.", type="integer", minimum=0)


async def resources_patch(call: Call, arguments: Mapping[str, Any]) -> Plan:
    reader = call.target(arguments.get("context", ""))
    kind = await reader.kind(arguments["kind"], arguments.get("api_version", ""))
    name, namespace, form = arguments["name"], arguments.get("namespace", ""), arguments["form"]
    try:
        patch = patching.read(arguments["patch"], form)
        change = await patching.planned(reader, kind, name, namespace, patch, form)
    except FairleadError as error:
        raise planned.refused(error, kind) from error
    return planned.plan([change])


async def resources_scale(call: Call, arguments: Mapping[str, Any]) -> Plan:
    reader = call.target(arguments.get("context", ""))
    kind = await reader.kind(arguments["kind"], arguments.get("api_version", ""))
    name, namespace, replicas = arguments["name"], arguments.get("namespace", ""), arguments.get("replicas")
    try:
        if replicas is not None:
            return planned.plan([await patching.scaled(reader, kind, name, namespace, replicas)])
        check_scope(kind, namespace)
        patching.check_scales(kind)
        scale = await reader.client.get(kind.resource, name, namespace or None, "scale")
    except FairleadError as error:
        raise planned.refused(error, kind) from error
    wanted, there = ((scale.get(part) or {}).get("replicas", 0) for part in ("spec", "status"))
    said = f"{subject(kind, name, namespace)}: {wanted} replicas wanted, {there} there"

    async def read() -> Answer:
        return Answer(said)

    return Plan(said, said, read)


TOOLS = (
    Tool(
        "resources_patch",
        "Patch a resource",
        "Change parts of one object; answers the diff.",
        plan=resources_patch,
        parameters=(KIND, NAME, ITS_NAMESPACE, _PATCH, _FORM, API_VERSION, DRY_RUN, CONTEXT),
        tool_class=ToolClass.WRITE,
        rights=(Right(("get", "patch"), "*", "*"),),
        idempotent=False,
    ),
    Tool(
        "resources_scale",
        "Scale a resource",
        "Read or set how many replicas a workload has.",
        plan=resources_scale,
        parameters=(KIND, NAME, ITS_NAMESPACE, _REPLICAS, API_VERSION, DRY_RUN, CONTEXT),
        tool_class=ToolClass.WRITE,
        rights=(Right(("get", "patch"), "*", "*/scale"),),
    ),
)
