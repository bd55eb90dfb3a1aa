"""Rollouts of Deployments, StatefulSets and DaemonSets: how far, what was before, anew, and back."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fairlead.machinery.errors import FairleadError
from fairlead.mcp import fencing
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Answer, Parameter, Plan, Right, Tool, ToolClass
from fairlead.mcp.toolsets.core import planned
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, DRY_RUN, ITS_NAMESPACE, NAME, WAIT_SECONDS
from fairlead.mcp.toolsets.core.waiting import reached
from fairlead.resources import rollouts
from fairlead.resources.kinds import Kind
from fairlead.resources.reading import Reader
from fairlead.resources.rollouts import Revision
from fairlead.resources.tabulating import Rows, render

_OF = Parameter("kind", "Deployment, StatefulSet or DaemonSet.", default="deployments.apps")
_NOW = replace(WAIT_SECONDS, default=0)
_REVISION = Parameter("revision", "As in the history; the one before by default.", type="integer", minimum=1)
_NEXT = "rollout_status says how far it is"


async def _found(call: Call, arguments: Mapping[str, Any]) -> tuple[Reader, Kind]:
    reader: Reader = call.target(arguments.get("context", ""))
    kind = await reader.kind(arguments["kind"])
    rollouts.check(kind)
    return reader, kind


async def rollout_status(call: Call, arguments: Mapping[str, Any]) -> Answer:
    reader, kind = await _found(call, arguments)
    return await reached(call, reader, kind, rollouts.judge, arguments)


async def rollout_history(call: Call, arguments: Mapping[str, Any]) -> Answer:
    reader, kind = await _found(call, arguments)
    try:
        obj = await reader.one(kind, arguments["name"], arguments.get("namespace", ""))
        found = await rollouts.history(reader, kind, obj)
    except FairleadError as error:
        raise planned.refused(error, kind) from error
    rows = Rows(("REVISION", "IMAGES", "CAUSE"), tuple(map(_row, found)))
    return Answer(fencing.fenced(render(rows) if found else "none", f"revisions of {arguments['name']}"))


def _row(revision: Revision) -> tuple[str, str, str]:
    template = revision.template or ((revision.data or {}).get("spec") or {}).get("template") or {}
    containers = (template.get("spec") or {}).get("containers") or ()
    return str(revision.number), ",".join(str(each.get("image")) for each in containers), revision.cause


async def rollout_restart(call: Call, arguments: Mapping[str, Any]) -> Plan:
    reader, kind = await _found(call, arguments)
    try:
        change = await rollouts.restarted(reader, kind, arguments["name"], arguments.get("namespace", ""))
    except FairleadError as error:
        raise planned.refused(error, kind) from error
    return planned.plan([change], _NEXT)


async def rollout_undo(call: Call, arguments: Mapping[str, Any]) -> Plan:
    reader, kind = await _found(call, arguments)
    name, namespace, revision = arguments["name"], arguments.get("namespace", ""), arguments.get("revision", 0)
    try:
        change = await rollouts.undone(reader, kind, name, namespace, revision)
    except FairleadError as error:
        raise planned.refused(error, kind) from error
    return planned.plan([change], _NEXT)


_READS = (Right(("get", "list", "watch"), "apps", "*"),)
_WRITES = (Right(("get", "list", "patch"), "apps", "*"),)
TOOLS = (
    Tool(
        "rollout_status",
        "Status of a rollout",
        "How far a rollout is; can wait for its end.",
        rollout_status,
        (NAME, ITS_NAMESPACE, _OF, _NOW, CONTEXT),
        rights=_READS,
    ),
    Tool(
        "rollout_history",
        "History of a rollout",
        "The revisions that one can go back to.",
        rollout_history,
        (NAME, ITS_NAMESPACE, _OF, CONTEXT),
        rights=_READS,
    ),
    Tool(
        "rollout_restart",
        "Restart a rollout",
        "Replace all pods of a workload, as its update strategy has it.",
        plan=rollout_restart,
        parameters=(NAME, ITS_NAMESPACE, _OF, DRY_RUN, CONTEXT),
        tool_class=ToolClass.WRITE,
        rights=_WRITES,
        idempotent=False,
    ),
    Tool(
        "rollout_undo",
        "Undo a rollout",
        "Go back to an earlier revision of a workload.",
        plan=rollout_undo,
        parameters=(NAME, ITS_NAMESPACE, _OF, _REVISION, DRY_RUN, CONTEXT),
        tool_class=ToolClass.WRITE,
        rights=_WRITES,
        idempotent=False,
    ),
)
