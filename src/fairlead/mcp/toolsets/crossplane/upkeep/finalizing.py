"""The finalizer that nobody removes any more, taken off by hand: the last resort, refused while there is another."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fairlead.crossplane.upkeep import finalizing as facts
from fairlead.machinery.errors import FairleadError
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Parameter, Plan, Right, Tool, ToolClass
from fairlead.mcp.toolsets.core import planned
from fairlead.mcp.toolsets.core.vocabulary import API_VERSION, CONTEXT, DRY_RUN, ITS_NAMESPACE, KIND, NAME
from fairlead.mcp.toolsets.crossplane import changing
from fairlead.resources import patching
from fairlead.resources.planning import live, subject


async def remove_finalizer(call: Call, arguments: Mapping[str, Any]) -> Plan:
    reader = changing.reader(call, arguments)
    kind = await reader.kind(arguments["kind"], arguments.get("api_version", ""))
    name, namespace, finalizer = arguments["name"], arguments.get("namespace", ""), arguments["finalizer"]
    try:
        obj = await reader.one(kind, name, namespace)
        facts.check(obj, finalizer)
        found = await facts.look(reader, kind, obj, finalizer)
        facts.judged(found, datetime.now(UTC))
        patch = facts.patch(obj, finalizer)
        change = await patching.planned(
            reader, kind, name, namespace, patch, verb="take a finalizer off", removes_more=True
        )
    except FairleadError as error:
        raise planned.refused(error, kind) from error
    plan = planned.plan([changing.noted(change, facts.notes(found))])

    async def tell() -> list[str]:
        left = await live(reader, kind, name, namespace)
        return [changing.summary(left) if left else f"{subject(kind, name, namespace)} is gone"]

    return changing.telling(plan, tell)


_MADE = Right(("get", "patch"), "*", "*", ("claim", "composite", "managed", "providerconfig"))
_OWN = {
    "apiextensions.crossplane.io": ("compositeresourcedefinitions",),
    "ops.crossplane.io": ("watchoperations",),
    "pkg.crossplane.io": ("providerrevisions", "configurationrevisions", "functionrevisions"),
    "protection.crossplane.io": ("usages", "clusterusages"),
}
TOOLS: tuple[Tool, ...] = (
    Tool(
        "remove_finalizer",
        "Remove a finalizer",
        "Let an object go whose deletion is stuck for good, as its provider or controller is gone; says what leaks.",
        plan=remove_finalizer,
        parameters=(
            *(KIND, NAME, ITS_NAMESPACE, API_VERSION),
            Parameter("finalizer", "As explain_deletion names it.", required=True),
            *(DRY_RUN, CONTEXT),
        ),
        tool_class=ToolClass.DELETE,
        rights=(
            _MADE,
            *(Right(("get", "patch"), group, each) for group, plurals in _OWN.items() for each in plurals),
            Right(("list",), "*", "*"),
            Right(("list",), "apiextensions.crossplane.io", "compositeresourcedefinitions"),
            Right(("get",), "apiextensions.crossplane.io", "managedresourcedefinitions"),
            Right(("get",), "apiextensions.k8s.io", "customresourcedefinitions"),
            Right(("get",), "pkg.crossplane.io", "providers"),
            changing.EVENTS,
        ),
    ),
)
