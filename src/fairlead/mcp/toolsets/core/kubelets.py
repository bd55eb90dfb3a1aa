"""What a node prints, and its own statistics."""

import json
from collections.abc import Mapping
from typing import Any

from fairlead.machinery import redacting
from fairlead.machinery.errors import FairleadError
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Answer, Parameter, Right, Tool
from fairlead.mcp.toolsets.core import answering
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, NAME
from fairlead.resources import nodes, tabulating, topping
from fairlead.resources.tabulating import Rows

_QUERY = Parameter("query", "A service (kubelet) or a file (syslog.1, pods/…); empty lists what there is.")
_TAIL = Parameter("tail", "Last lines.", type="integer", default=100, minimum=1, maximum=2000)
_SUMMARY = Parameter("output", "table is short, json is the kubelet's own.", default="table", choices=("table", "json"))


async def nodes_log(call: Call, arguments: Mapping[str, Any]) -> Answer:
    reader = call.target(arguments.get("context", ""))
    try:
        text = await nodes.log(reader.client, arguments["name"], arguments.get("query", ""), arguments["tail"])
    except FairleadError as error:
        raise answering.refused(error) from error
    what = f"log {arguments.get('query') or 'names'} of node {arguments['name']}"
    return Answer(answering.fenced(redacting.text(text) or "nothing", what, "ask for a smaller `tail`"))


async def nodes_stats_summary(call: Call, arguments: Mapping[str, Any]) -> Answer:
    reader = call.target(arguments.get("context", ""))
    try:
        found = await nodes.summary(reader.client, arguments["name"])
    except FairleadError as error:
        raise answering.refused(error) from error
    what = f"statistics of node {arguments['name']}"
    if arguments["output"] == "json":
        text = json.dumps(redacting.shown(found), separators=(",", ":"))
        return Answer(answering.fenced(text, what, "ask for output=table"))
    return Answer(answering.fenced(_summary(found), what, "use pods_top with a namespace"))


def _summary(found: Mapping[str, Any]) -> str:
    node = found.get("node") or {}
    lines = [f"cpu {_cpu(node)}, memory {_memory(node)} used, {_bytes(node, 'memory', 'availableBytes')} free"]
    for name, disk in (("fs", node.get("fs")), ("images", (node.get("runtime") or {}).get("imageFs"))):
        if disk:
            used, room = disk.get("usedBytes") or 0, disk.get("capacityBytes") or 0
            share = topping.share(used, room)
            lines.append(
                f"{name} {used >> 30}Gi of {room >> 30}Gi ({share}), inodes free {disk.get('inodesFree', '?')}"
            )
    processes = node.get("rlimit") or {}
    lines += [f"processes {processes['curproc']} of {processes['maxpid']}"] if processes.get("curproc") else []
    pods = sorted(found.get("pods") or (), key=_working_set, reverse=True)
    cells = [(each["podRef"]["namespace"], each["podRef"]["name"], _cpu(each), _memory(each)) for each in pods]
    return "\n".join([*lines, tabulating.render(Rows(("NAMESPACE", "NAME", "CPU", "MEMORY"), tuple(cells)))])


def _working_set(part: Mapping[str, Any]) -> int:
    return int((part.get("memory") or {}).get("workingSetBytes") or 0)


def _cpu(part: Mapping[str, Any]) -> str:
    return f"{int((part.get('cpu') or {}).get('usageNanoCores') or 0) // 1_000_000}m"


def _memory(part: Mapping[str, Any]) -> str:
    return f"{_working_set(part) >> 20}Mi"


def _bytes(part: Mapping[str, Any], kind: str, key: str) -> str:
    return f"{int((part.get(kind) or {}).get(key) or 0) >> 20}Mi"


TOOLS = (
    Tool(
        "nodes_log",
        "Read a node's log",
        "The last lines of a service or a file on a node.",
        nodes_log,
        (NAME, _QUERY, _TAIL, CONTEXT),
        rights=(Right(("get",), "", "nodes/proxy"),),
    ),
    Tool(
        "nodes_stats_summary",
        "A node's own statistics",
        "CPU, memory, disks and processes of a node, and its pods by memory.",
        nodes_stats_summary,
        (NAME, _SUMMARY, CONTEXT),
        rights=(Right(("get",), "", "nodes/proxy"),),
    ),
)
