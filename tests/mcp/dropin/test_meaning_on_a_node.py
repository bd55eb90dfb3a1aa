"""Logs, commands and figures, asked of kubernetes-mcp-server and of us on one cluster with a node."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread

from fairlead.machinery import encoding
from testenv.kubelet import LOG, NODE, PREVIOUS_LOG, ClusterWithNode
from tests import pods
from tests.mcp.dropin import peer
from tests.mcp.dropin.test_meaning import DEADLINE, Object, ours

pytestmark = [pytest.mark.real, pytest.mark.whole, pytest.mark.requirement("mcp-dropin:parameter-names")]
POD = "dropin-pod"
TOOLS = ("pods_log", "pods_exec", "pods_top", "nodes_top", "nodes_log", "nodes_stats_summary")


@pytest.fixture
async def config(real_node: ClusterWithNode, tmp_path: Path) -> AsyncIterator[Path]:
    async with real_node.cluster.open() as client:
        await real_node.serve_metrics(client)
        annotations = {LOG: "first\nsecond\nthird\n", PREVIOUS_LOG: "before\n"}
        await pods.running(client, POD, "main", "side", labels={"app": POD}, annotations=annotations)
        yield written(real_node, tmp_path)
        await client.delete(pods.PODS, POD, "default")


def written(real_node: ClusterWithNode, folder: Path) -> Path:
    kubeconfig = encoding.from_yaml(real_node.cluster.kubeconfig.read_bytes())
    for each in kubeconfig["contexts"]:
        each["context"]["namespace"] = "default"
    (folder / "kubeconfig").write_bytes(encoding.to_json(kubeconfig))
    text = f'kubeconfig = "{folder / "kubeconfig"}"\ncluster_provider_strategy = "kubeconfig"\n'
    (folder / "config.toml").write_text(f"{text}enabled_tools = {list(TOOLS)}\n", encoding="utf-8")
    return folder / "config.toml"


CALLS: dict[str, tuple[str, Object, tuple[str, ...], tuple[str, ...]]] = {
    "the end of a log": ("pods_log", {"name": POD, "container": "main", "tail": 1}, ("third",), ("first",)),
    "a log without bounds": ("pods_log", {"name": POD, "container": "main", "tail": 0}, ("first", "third"), ()),
    "a log of before": ("pods_log", {"name": POD, "container": "main", "previous": True}, ("before",), ("third",)),
    "a command": (
        "pods_exec", {"name": POD, "namespace": "default", "container": "main", "command": ["echo", "hello there"]},
        ("hello there",), (),
    ),
    "pods by label": ("pods_top", {"label_selector": f"app={POD}"}, (POD,), ()),
    "pods of the context's namespace": ("pods_top", {"all_namespaces": False}, (POD,), ()),
    "a node": ("nodes_top", {"name": NODE}, (NODE,), ()),
    "a node's log": ("nodes_log", {"name": NODE, "query": "kubelet", "tailLines": 1}, ("kubelet is a double",), ()),
    "a node's whole log": ("nodes_log", {"name": NODE, "query": "kubelet", "tailLines": 0}, ("is a double",), ()),
    "a node's figures": ("nodes_stats_summary", {"name": NODE}, (NODE,), ()),
}  # fmt: skip


async def test_each_call_means_the_same(config: Path) -> None:
    failed: dict[str, str] = {}
    with anyio.fail_after(DEADLINE * 2):
        for what, (name, arguments, found, left) in CALLS.items():
            theirs = await eventually(config, name, arguments)
            for whose, text in (("theirs", theirs), ("ours", await ours(config, name, arguments))):
                if not all(each in text for each in found) or any(each in text for each in left):
                    failed[f"{what}, {whose}"] = text
    assert not failed


async def eventually(config: Path, name: str, arguments: Any) -> str:
    """The aggregator takes a moment to serve metrics."""
    while True:
        try:
            return await to_thread.run_sync(lambda: peer.call(config, name, arguments))
        except AssertionError as error:
            if "metrics" not in str(error):
                raise
            await anyio.sleep(0.2)
