"""What nodes and pods use, and what a node prints."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fairlead.machinery import redacting
from fairlead.machinery.errors import FairleadError
from fairlead.mcp.gate import Call
from fairlead.mcp.tools import Answer, Parameter, Right, Tool, ToolError
from fairlead.mcp.toolsets.core import answering
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, CONTEXTS, LABELS, NAME, NAMESPACE
from fairlead.resources import nodes, tabulating, topping
from fairlead.resources.tabulating import Rows
from fairlead.resources.topping import Amount, NodeUse, PodUse

_ONE_NODE = Parameter("name", "Only this one.")
_ONE_POD = Parameter("name", "Only this one, by container.")
_SORT = Parameter("sort_by", "Most first.", default="cpu", choices=("cpu", "memory"))
_ROWS = Parameter("limit", "Rows at most.", type="integer", default=50, minimum=1, maximum=500)
_QUERY = Parameter("query", "A service (kubelet) or a file (syslog.1, pods/…); empty lists what there is.")
_TAIL = Parameter("tail", "Last lines.", type="integer", default=100, minimum=1, maximum=2000)
_SUMMARY = Parameter("output", "table is short, json is the kubelet's own.", default="table", choices=("table", "json"))


async def pods_top(call: Call, arguments: Mapping[str, Any]) -> Answer:
    name, namespace = arguments.get("name", ""), arguments.get("namespace", "")
    if name and not namespace:
        raise ToolError("which namespace is not said", "", "give `namespace` with `name`")
    client = call.target(arguments.get("context", "")).client
    try:
        found = await topping.pods(client, namespace, name, arguments.get("label_selector", ""))
    except FairleadError as error:
        raise answering.refused(error) from error
    found.sort(key=lambda each: getattr(each.total, arguments["sort_by"]), reverse=True)
    rows = _containers(found[0]) if name and found else _pods(found[: arguments["limit"]], everywhere=not namespace)
    total = sum((each.total for each in found), topping.NOTHING)
    said = f"{len(found)} pods use {topping.cores(total.cpu)} and {topping.mebibytes(total.memory)}"
    left = f"; the {arguments['limit']} that use most are shown" if len(found) > arguments["limit"] else ""
    return _table(rows, "metrics of pods", f"{said}{left}")


def _containers(pod: PodUse) -> Rows:
    return Rows(("CONTAINER", "CPU", "MEMORY"), tuple((name, *_amount(each)) for name, each in pod.containers.items()))


def _pods(found: Sequence[PodUse], *, everywhere: bool) -> Rows:
    place = ("NAMESPACE",) if everywhere else ()
    cells = [((each.namespace,) if everywhere else ()) + (each.name, *_amount(each.total)) for each in found]
    return Rows((*place, "NAME", "CPU", "MEMORY"), tuple(cells))


def _amount(amount: Amount) -> tuple[str, str]:
    return topping.cores(amount.cpu), topping.mebibytes(amount.memory)


async def nodes_top(call: Call, arguments: Mapping[str, Any]) -> Answer:
    names = answering.clusters(call, arguments.get("context", ""))

    async def ask(name: str) -> Rows:
        client = call.target(name).client
        found = await topping.nodes(client, arguments.get("name", ""), arguments.get("label_selector", ""))
        found.sort(key=lambda each: getattr(each.used, arguments["sort_by"]), reverse=True)
        return Rows(("NAME", "CPU", "CPU%", "MEMORY", "MEMORY%"), tuple(map(_node, found)))

    if len(names) == 1:
        try:
            rows = await ask(names[0])
        except FairleadError as error:
            raise answering.refused(error) from error
        return _table(rows, "metrics of nodes", f"{len(rows)} nodes")
    gathered = await answering.gathered(call, names, ask)
    rows = tabulating.joined(gathered.found)
    said = [f"{len(rows)} nodes of {len(gathered.found)} clusters", *answering.failures(gathered)]
    return _table(rows, "metrics of nodes", "\n".join(said))


def _node(node: NodeUse) -> tuple[str, ...]:
    cpu, memory = _amount(node.used)
    if node.room is None:
        return node.name, cpu, "", memory, ""
    parts = topping.share(node.used.cpu, node.room.cpu), topping.share(node.used.memory, node.room.memory)
    return node.name, cpu, parts[0], memory, parts[1]


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


def _table(rows: Rows, what: str, summary: str) -> Answer:
    if not len(rows):
        return Answer("nothing is measured here; a new pod takes a minute")
    return answering.listed(tabulating.render(rows), what, summary, len(rows))


TOOLS = (
    Tool(
        "pods_top",
        "CPU and memory of pods",
        "CPU and memory that pods use, most first.",
        pods_top,
        (NAMESPACE, _ONE_POD, LABELS, _SORT, _ROWS, CONTEXT),
        rights=(Right(("get", "list"), "metrics.k8s.io", "pods"),),
    ),
    Tool(
        "nodes_top",
        "CPU and memory of nodes",
        "CPU and memory that nodes use, and how much of what they have.",
        nodes_top,
        (_ONE_NODE, LABELS, _SORT, CONTEXTS),
        rights=(Right(("get", "list"), "metrics.k8s.io", "nodes"), Right(("list",), "", "nodes")),
    ),
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
