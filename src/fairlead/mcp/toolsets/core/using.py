"""What nodes and pods use."""

from collections.abc import Mapping, Sequence
from typing import Any

from fairlead.machinery.errors import FairleadError
from fairlead.mcp.calling import Call
from fairlead.mcp.tools import Answer, Parameter, Right, Tool, ToolError
from fairlead.mcp.toolsets.core import answering
from fairlead.mcp.toolsets.core.vocabulary import CONTEXT, CONTEXTS, LABELS, NAMESPACE
from fairlead.resources import tabulating, topping
from fairlead.resources.tabulating import Rows
from fairlead.resources.topping import Amount, NodeUse, PodUse

_ONE_NODE = Parameter("name", "Only this one.")
_ONE_POD = Parameter("name", "Only this one, by container.")
_SORT = Parameter("sort_by", "Most first.", default="cpu", choices=("cpu", "memory"))
_ROWS = Parameter("limit", "Rows at most.", type="integer", default=50, minimum=1, maximum=500)


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
)
