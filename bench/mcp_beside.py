"""`make bench-mcp`: the MCP servers beside the bare SDK and kubernetes-mcp-server, in one run on one real API server.

Seconds differ from machine to machine, and from hour to hour on a busy one; so each figure stands beside what it is a
ratio to, measured in turns with it, and CPU seconds beside seconds. What has a bar is compared with it; the run fails
on none, because a busy machine is no fault of the code.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench import mcp_client, mcp_servers, mcp_small
from bench.mcp_servers import Running, Start
from testenv import building
from testenv.servers import RealCluster

SECONDS = float(os.environ.get("BENCH_SECONDS", "3"))
ROUNDS = 3
STARTS = 5
NAMESPACES = 200
COUNTED = 50


@dataclass(frozen=True)
class Row:
    what: str
    ours: str
    other: str
    ratio: str
    bar: str = ""


ROWS: list[Row] = []


def tell(what: str, ours: str, other: str = "", ratio: str = "", bar: str = "") -> None:
    ROWS.append(Row(what, ours, other, ratio, bar))
    print(f"{what:58}{ours:>16}{other:>20}{ratio:>8}  {bar}", flush=True)


@dataclass(frozen=True)
class Best:
    rate: float
    median: float
    cpu: float
    """Seconds of the server for one call."""
    last: bytes


def best(server: Running, asked: bytes, concurrency: int) -> Best:
    before = server.cpu()
    found = asyncio.run(mcp_client.timed(server.url, asked, concurrency, SECONDS))
    spent = (server.cpu() - before) / (found.calls + concurrency)
    return Best(found.rate, found.median, spent, found.last)


def in_turns(ours: Callable[[], Best], other: Callable[[], Best]) -> tuple[Best, Best]:
    """The best of several rounds each: what else the machine did then is least in it."""
    rounds = [(ours(), other()) for _ in range(ROUNDS)]
    return min((each[0] for each in rounds), key=lambda it: it.median), min(
        (each[1] for each in rounds), key=lambda it: it.median
    )


def echo(folder: Path) -> None:
    with mcp_servers.ours(folder, "bench") as ours, mcp_servers.bare(folder) as bare:
        asked = {it.url: mcp_client.request(it.url, "echo", {"text": "hello"}) for it in (ours, bare)}
        for concurrency in (1, 16):
            mine, theirs = in_turns(
                lambda: best(ours, asked[ours.url], concurrency),  # noqa: B023 - called at once
                lambda: best(bare, asked[bare.url], concurrency),  # noqa: B023
            )
            bar = "≥ 450/s" if concurrency == 16 else ""
            what = f"echo, {concurrency} at once, all layers (other: bare SDK)"
            tell(what, f"{mine.rate:.0f}/s", f"{theirs.rate:.0f}/s", f"{mine.rate / theirs.rate:.2f}", bar)
            more = (mine.median - theirs.median) * 1000 / (1 if concurrency == 1 else concurrency)
            tell("  time added to a call", f"{more:.2f} ms", "", "", "≤ 0.5 ms")
            tell("  CPU of a call", f"{mine.cpu * 1000:.2f} ms", f"{theirs.cpu * 1000:.2f} ms")


def median(starts: list[Start], of: Callable[[Start], float]) -> float:
    return statistics.median(map(of, starts))


def starting(folder: Path, kubeconfig: Path) -> None:
    environment = mcp_servers.environment(folder, kubeconfig)
    command = [*mcp_servers.FAIRLEAD, "mcp", "serve", "--stdio", "--servers", str(_servers(folder, "core"))]
    peer = mcp_servers.peer_command(kubeconfig)
    ours, bare, peers = [], [], []
    for _ in range(STARTS):
        ours.append(mcp_servers.start(command, environment))
        bare.append(mcp_servers.start(mcp_servers.BARE, {}))
        peers += [mcp_servers.start(peer, mcp_servers.UNTHROTTLED)] if peer else []
    for what, of in (("wall", lambda it: it.wall), ("CPU", lambda it: it.cpu)):
        mine, theirs = median(ours, of), median(bare, of)
        bar = "≤ 1.6" if what == "wall" else ""
        tell(
            f"start to first tools/list, {what} (other: bare SDK)",
            f"{mine:.2f} s",
            f"{theirs:.2f} s",
            _x(mine, theirs),
            bar,
        )
    mine, theirs = median(ours, lambda it: it.memory), median(bare, lambda it: it.memory)
    tell("memory, idle (other: bare SDK)", f"{mine:.0f} MiB", f"{theirs:.0f} MiB", _x(mine, theirs), "≤ 1.45")
    listed = ours[0]
    each = listed.size / len(listed.tools)
    if peers:
        theirs = peers[0].size / len(peers[0].tools)
        tell("tools/list, bytes a tool (other: the peer)", f"{each:.0f}", f"{theirs:.0f}", _x(each, theirs), "≤ 700")
        wall = median(peers, lambda it: it.wall)
        tell(
            "start to first tools/list, wall (other: the peer)",
            f"{median(ours, lambda it: it.wall):.2f} s",
            f"{wall:.2f} s",
        )
    tell("tools listed", str(len(listed.tools)), str(len(peers[0].tools)) if peers else "")


def _x(ours: float, other: float) -> str:
    return f"{ours / other:.2f}"


def _servers(folder: Path, catalog: str) -> Path:
    place = folder / f"start-{catalog}"
    if not place.exists():
        place.mkdir()
        (place / "start.yaml").write_text(f"name: start\ncatalog: [{catalog}]\n", encoding="utf-8")
    return place


def fill(kubeconfig: Path) -> None:
    """As many namespaces as the peer was once measured with."""
    labels = {"team": "payments", "stage": "production"}
    items = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"orders-{each:03}", "labels": labels}}
        for each in range(NAMESPACES)
    ]
    kubectl(kubeconfig, "create", "-f", "-", given=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))


def kubectl(kubeconfig: Path, *arguments: str, given: str = "") -> str:
    command = [str(building.binary("kubectl")), "--kubeconfig", str(kubeconfig), *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout


READS: tuple[tuple[str, tuple[str, Mapping[str, Any]], tuple[str, Mapping[str, Any]]], ...] = (
    ("list of 200 namespaces", ("namespaces_list", {"limit": 500}), ("namespaces_list", {})),
    (
        "one namespace",
        ("resources_get", {"kind": "Namespace", "name": "orders-001"}),
        ("resources_get", {"apiVersion": "v1", "kind": "Namespace", "name": "orders-001"}),
    ),
    (
        "list of config maps of a namespace",
        ("resources_list", {"kind": "ConfigMap", "namespace": "kube-system"}),
        ("resources_list", {"apiVersion": "v1", "kind": "ConfigMap", "namespace": "kube-system"}),
    ),
)


def reads(folder: Path, kubeconfig: Path) -> None:
    with mcp_servers.ours(folder, "core", kubeconfig) as ours, mcp_servers.peer(folder, kubeconfig) as peer:
        for what, (tool, arguments), (theirs, others) in READS:
            mine_asked = mcp_client.request(ours.url, tool, arguments)
            their_asked = mcp_client.request(peer.url, theirs, others)
            for concurrency in (1, 16):
                mine, other = in_turns(
                    lambda: best(ours, mine_asked, concurrency),  # noqa: B023 - called at once
                    lambda: best(peer, their_asked, concurrency),  # noqa: B023
                )
                tell(
                    f"{what}, {concurrency} at once (other: the peer)",
                    f"{mine.rate:.0f}/s",
                    f"{other.rate:.0f}/s",
                    _x(mine.rate, other.rate),
                )
                tell(
                    "  CPU of a call",
                    f"{mine.cpu * 1000:.2f} ms",
                    f"{other.cpu * 1000:.2f} ms",
                    _x(mine.cpu, other.cpu),
                )
            tell(
                "  bytes of the answer", str(len(mine.last)), str(len(other.last)), _x(len(mine.last), len(other.last))
            )
        sizes(ours, peer)
        requests(kubeconfig, ours, peer)


def sizes(ours: Running, peer: Running) -> None:
    """The same rows and columns as text: name, status, age and labels, with what kind they are."""
    their = _text(peer, "namespaces_list", {})
    mine = _text(ours, "resources_list", {"kind": "Namespace", "limit": 500, "output": "wide"})
    tell(
        "200 rows of a list, characters (other: the peer)",
        str(len(mine)),
        str(len(their)),
        _x(len(mine), len(their)),
        "≤ 0.5",
    )


def _text(server: Running, tool: str, arguments: Mapping[str, Any], token: str = "") -> str:
    asked = mcp_client.request(server.url, tool, arguments, token)
    found = asyncio.run(mcp_client.once(server.url, asked))
    return str(mcp_client.answered(found)["content"][0]["text"])


def requests(kubeconfig: Path, ours: Running, peer: Running) -> None:
    """As the API server counts them: namespaces are listed by nobody else while nothing changes."""
    kubectl(kubeconfig, "create", "serviceaccount", "bench", "--namespace", "default")
    kubectl(kubeconfig, "create", "clusterrolebinding", "bench", "--clusterrole=view", "--serviceaccount=default:bench")
    token = kubectl(kubeconfig, "create", "token", "bench", "--namespace", "default").strip()
    for what, server, with_token in (
        ("ours", ours, ""),
        ("the peer", peer, ""),
        ("the peer, caller's token", peer, token),
    ):
        _text(server, "namespaces_list", {}, with_token)
        before = _served(kubeconfig)
        for _ in range(COUNTED):
            _text(server, "namespaces_list", {}, with_token)
        found = (_served(kubeconfig) - before) / COUNTED
        tell(
            f"requests to the API server for a simple call, {what}",
            f"{found:.1f}",
            "",
            "",
            "1" if what == "ours" else "",
        )


def _served(kubeconfig: Path) -> float:
    """Discovery and lists that callers make; kubectl's own look at /metrics has no resource."""
    lines = kubectl(kubeconfig, "get", "--raw", "/metrics").splitlines()
    counted = [
        each
        for each in lines
        if each.startswith("apiserver_request_total{")
        and (
            ('resource="namespaces"' in each and 'verb="LIST"' in each)
            or ('resource=""' in each and 'verb="GET"' in each)
        )
        and 'subresource="/metrics"' not in each
        and "livez" not in each
        and "readyz" not in each
    ]
    return sum(float(each.rpartition(" ")[2]) for each in counted)


def small(folder: Path, kubeconfig: Path) -> None:
    mcp_small.fill(kubectl, kubeconfig)
    found = mcp_small.measure(folder, kubeconfig)
    where = "in a cgroup" if found.in_cgroup else "CPU seconds × 10"
    tell(f"100m CPU, 128 MiB ({where}): start until it listens", f"{found.start:.1f} s", "", "", "≤ 120 s")
    tell(f"  {found.listed} objects in {len(found.pages)} pages", f"{sum(found.pages):.1f} s")
    tell("  the longest page", f"{max(found.pages):.1f} s", "", "", "≤ 30 s")
    tell("  memory at most, as the cgroup counts it", f"{found.peak:.0f} MiB", "", "", "≤ 128")
    tell("  memory at most, resident", f"{found.resident:.0f} MiB", "", "", "≤ 128")


def main() -> None:
    if lacking := building.missing(("kube", "peer")):
        raise SystemExit(f"not built: {', '.join(lacking)}; run `make testenv`")
    print(f"{os.cpu_count()} cores, best of {ROUNDS} rounds of {SECONDS:g} s, starts: median of {STARTS}")
    print(f"{'':58}{'ours':>16}{'other':>20}{'ratio':>8}  aim")
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        folder = Path(temporary)
        echo(folder)
        cluster = stack.enter_context(RealCluster("bench", folder / "bench"))
        fill(cluster.kubeconfig)
        starting(folder, cluster.kubeconfig)
        reads(folder, cluster.kubeconfig)
        small(folder, cluster.kubeconfig)


if __name__ == "__main__":
    main()
