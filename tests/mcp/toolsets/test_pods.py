"""Logs, commands, usage and nodes, through a real kube-apiserver to a node."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fairlead.client.api import Client
from fairlead.mcp.callers import STDIO
from fairlead.mcp.conversing import Nobody
from fairlead.mcp.deciding.gate import UnknownError
from fairlead.mcp.named.servers import Target
from fairlead.mcp.reaching.targets import Targets
from testenv.kubelet import LOG, NODE, PREVIOUS_LOG, ClusterWithNode
from tests import pods
from tests.mcp import changing
from tests.mcp.toolsets.writers import SERVER, Hands, Person

pytestmark = [pytest.mark.anyio, pytest.mark.real, pytest.mark.requirement("mcp-core-reads:pods")]
CANARY = "kX9vQ2mLpR7"
DEADLINE = 60


@pytest.fixture
async def client(real_node: ClusterWithNode) -> AsyncIterator[Client]:
    async with real_node.cluster.open() as opened:
        yield opened


@pytest.fixture
async def reader(real_node: ClusterWithNode) -> AsyncIterator[Hands]:
    """On a server that only reads."""
    async with Targets((Target("here", kubeconfig=str(real_node.cluster.kubeconfig)),)) as targets:
        yield Hands(targets)


@pytest.fixture
async def runner(real_node: ClusterWithNode) -> AsyncIterator[Hands]:
    """On a server that names `pods_exec` among what it allows."""
    target = Target("here", kubeconfig=str(real_node.cluster.kubeconfig))
    async with Targets((target,), reads_only=False) as targets:
        yield Hands(targets, replace(SERVER, allow=("pods_exec", "*")))


@pytest.fixture
async def name(client: Client, unique: Callable[[str], str]) -> str:
    found = unique("pod")
    annotations = {LOG: f"one\ntwo\npassword={CANARY}\nignore\u200b all\n", PREVIOUS_LOG: "before\n"}
    await pods.running(client, found, "main", "side", labels={"app": found}, annotations=annotations)
    return found


async def test_a_pod_and_its_list(reader: Hands, name: str) -> None:
    assert name in await reader.said("pods_list_in_namespace", namespace="default", label_selector=f"app={name}")
    whole = await reader.said("pods_get", name=name, namespace="default")
    assert "kind: Pod" in whole
    assert "managedFields" not in whole
    phase = await reader.said("pods_get", name=name, namespace="default", fields=["status.phase"], output="json")
    assert json.loads(phase.splitlines()[1]) == {"status": {"phase": "Running"}}
    missing = await reader.refusal("pods_get", name="absent", namespace="default")
    assert "list pods to see the names that exist" in missing


async def test_logs(reader: Hands, name: str) -> None:
    where: dict[str, Any] = {"name": name, "namespace": "default", "container": "main"}
    text = await reader.said("pods_log", **where, tail=3)
    assert "one" not in text
    assert "two" in text
    assert CANARY not in text
    assert "\u200b" not in text
    assert text.startswith("<data-")
    assert "before" in await reader.said("pods_log", **where, previous=True)
    several = await reader.refusal("pods_log", name=name, namespace="default")
    assert "choose one of: [main side]" in several


async def test_usage(reader: Hands, real_node: ClusterWithNode, client: Client, name: str) -> None:
    await real_node.serve_metrics(client)
    async with asyncio.timeout(DEADLINE):
        while (found := await reader.outcome("pods_top", namespace="default")).failed:
            assert "does not measure" in found.answer.text
    assert f"{name}" in found.answer.text
    assert "10m" in found.answer.text
    one = await reader.said("pods_top", namespace="default", name=name)
    assert [line.split() for line in one.splitlines()[2:4]] == [["main", "5m", "16Mi"], ["side", "5m", "16Mi"]] or (
        "all: CPU=5m" in one
    )
    labelled = await reader.said("pods_top", label_selector=f"app={name}", sort_by="memory")
    assert "1 pods use 10m and 32Mi" in labelled
    nodes = await reader.said("nodes_top")
    assert NODE in nodes
    assert "%" in nodes


async def test_a_node_prints_and_counts(reader: Hands, real_node: ClusterWithNode, name: str) -> None:
    (real_node.node_logs / "syslog.1").write_text("".join(f"line {each}\n" for each in range(9)), encoding="utf-8")
    assert "kubelet.log" in await reader.said("nodes_log", name=NODE)
    assert "kubelet is a double" in await reader.said("nodes_log", name=NODE, query="kubelet")
    last = await reader.said("nodes_log", name=NODE, query="/var/log/syslog.1", tail=2)
    assert last.splitlines()[1:-1] == ["line 7", "line 8"]
    assert "log not found" in await reader.refusal("nodes_log", name=NODE, query="nothing")
    for wrong in ("../etc/passwd", "a//b", ".ssh/id", "a?b", "%2e%2e/x"):
        assert "this is no name of a log" in await reader.refusal("nodes_log", name=NODE, query=wrong)
    assert "no name of a node" in await reader.refusal("nodes_log", name=f"{NODE}:443")
    short = await reader.said("nodes_stats_summary", name=NODE)
    assert "processes 321 of" in short
    assert name in short
    whole = await reader.said("nodes_stats_summary", name=NODE, output="json")
    assert json.loads(whole.splitlines()[1])["node"]["nodeName"] == NODE


async def test_an_api_that_knows_no_tables(
    reader: Hands, real_node: ClusterWithNode, client: Client, name: str
) -> None:
    """The node's metrics API is one."""
    await real_node.serve_metrics(client)
    asked: dict[str, Any] = {"kind": "pods.metrics.k8s.io", "namespace": "default"}
    async with asyncio.timeout(DEADLINE):
        while (found := await reader.outcome("resources_list", **asked)).failed:
            assert "metrics.k8s.io" in found.answer.text
    assert f"\n{name}" in found.answer.text
    assert "metadata.name" in found.answer.text
    assert name in (await reader.said("resources_list", **asked, output="names")).splitlines()
    everywhere = await reader.said("resources_list", kind="pods.metrics.k8s.io", output="names")
    assert f"default/{name}" in everywhere.splitlines()
    assert "window" in await reader.said("resources_list", **asked, output="yaml")


@pytest.mark.requirement("mcp-core-reads:several-clusters")
async def test_nodes_of_several_clusters(real_node: ClusterWithNode, client: Client) -> None:
    await real_node.serve_metrics(client)
    path = str(real_node.cluster.kubeconfig)
    targets = (Target("one", kubeconfig=path), Target("two", kubeconfig=path), Target("gone", kubeconfig="/absent"))
    async with Targets(targets) as opened:
        hands = Hands(opened)
        async with asyncio.timeout(DEADLINE):
            while (found := await hands.outcome("nodes_top", context="*")).failed:
                assert "does not measure" in found.answer.text
    assert [line.split()[:2] for line in found.answer.text.splitlines()[2:4]] == [["one", NODE], ["two", NODE]]
    assert "gone failed, nothing of it is shown" in found.answer.text


@pytest.mark.requirement("mcp:one-request")
async def test_each_read_is_one_request(reader: Hands, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = reader.gate.clusters.target("", STDIO).client.connection
    sent: list[str] = []
    ask = connection.request

    async def counted(method: str, path: str, **more: Any) -> Any:
        sent.append(path)
        return await ask(method, path, **more)

    monkeypatch.setattr(connection, "request", counted)
    where: dict[str, Any] = {"name": name, "namespace": "default"}
    await reader.said("pods_log", **where, container="main")
    await reader.said("nodes_log", name=NODE, query="kubelet")
    await reader.said("nodes_stats_summary", name=NODE)
    assert [each.rpartition("/")[2] for each in sent] == ["log", "", "summary"]


EXEC = pytest.mark.requirement("mcp-core-reads:exec")


@EXEC
async def test_a_command_is_shown_and_asked_for_and_then_run(runner: Hands, name: str) -> None:
    person = Person()
    argv = ["sh", "-c", "echo out; echo dG9rZW49a1g5dlEybUxwUjcx | base64 -d >&2; exit 3"]
    where = {"name": name, "namespace": "default", "container": "main"}
    found = await runner.outcome("pods_exec", person, command=argv, **where)
    assert person.asked == [f"run {json.dumps(argv)} in container main of pod default/{name}"]
    assert not found.failed
    assert found.answer.structured == {"exitCode": 3}
    assert found.answer.text.startswith("exit code 3\n<data-")
    assert "\nout\n" in found.answer.text
    assert CANARY not in found.answer.text


@EXEC
async def test_nothing_runs_without_a_yes(runner: Hands, name: str, tmp_path: Path) -> None:
    proof = tmp_path / "ran"
    where = {"name": name, "namespace": "default", "container": "main", "command": ["touch", str(proof)]}
    await runner.refusal("pods_exec", Person(agrees=False), **where)
    assert str(proof) in await runner.said("pods_exec", Person(), **where, dry_run=True)
    assert not proof.exists()
    await runner.said("pods_exec", Person(), **where)
    assert proof.exists()


@EXEC
async def test_a_client_that_cannot_ask_gets_the_command_to_repeat(runner: Hands, name: str, tmp_path: Path) -> None:
    proof = tmp_path / "ran"
    where = {"name": name, "namespace": "default", "container": "main", "command": ["touch", str(proof)]}
    planned = await runner.gate.call(STDIO, "pods_exec", where, Nobody())
    assert planned.failed
    assert not proof.exists()
    confirming = changing.handle(planned.answer.text)
    assert json.dumps(where["command"]) in confirming["plan"]
    done = await runner.gate.call(STDIO, "changes_confirm", confirming, Nobody())
    assert done.answer.text == "exit code 0"
    assert proof.exists()
    assert (await runner.gate.call(STDIO, "changes_confirm", confirming, Nobody())).failed


@EXEC
async def test_what_cannot_run_says_what_to_do(runner: Hands, client: Client, name: str) -> None:
    async def refused(**arguments: Any) -> str:
        given = {"name": name, "namespace": "default", "command": ["true"], **arguments}
        return await runner.refusal("pods_exec", Person(), **given)

    assert "`container` is one of: main, side" in await refused()
    assert "`container` is one of: main, side" in await refused(container="third")
    for hiding in (["sh", "-c", "password=$(id)"], ["echo", "a\u200bb"], ["echo", "long" * 2000]):
        assert "this command" in await refused(container="main", command=hiding)
    assert "executable file not found" in await refused(container="main", command=["no-such-program"])
    assert "list pods to see the names" in await refused(name="absent")


@EXEC
async def test_a_command_that_goes_on_is_said_to(runner: Hands, name: str) -> None:
    where = {"name": name, "namespace": "default", "container": "side"}
    text = await runner.said(
        "pods_exec", Person(), **where, command=["sh", "-c", "echo begun; sleep 60"], wait_seconds=2
    )
    assert text.startswith("it has not ended within 2 s: it may still run")
    assert "begun" in text


@EXEC
async def test_it_is_off_unless_named_and_never_on_a_server_that_reads(reader: Hands, runner: Hands, name: str) -> None:
    where = {"name": name, "namespace": "default", "container": "main", "command": ["true"]}
    with pytest.raises(UnknownError):
        await reader.outcome("pods_exec", Person(), **where)
    assert "pods_exec" not in {each.name for each in reader.gate.tools(STDIO)}
    assert "pods_exec" in {each.name for each in runner.gate.tools(STDIO)}
