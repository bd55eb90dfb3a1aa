"""The node of a test cluster, asked as kubectl asks."""

import http.client
import json
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from testenv.kubelet import EXIT, LOG, NODE, PREVIOUS_LOG, UNREADY, WAITING, ClusterWithNode

pytestmark = [pytest.mark.real, pytest.mark.whole, pytest.mark.requirement("testenv:kubelet-double")]
DEADLINE = 60
Kubectl = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def ask(real_node: ClusterWithNode, kubectl: Path) -> Kubectl:
    kubeconfig = real_node.cluster.kubeconfig

    def run(*arguments: str, given: str = "") -> "subprocess.CompletedProcess[str]":
        command = [str(kubectl), f"--kubeconfig={kubeconfig}", f"--cache-dir={kubeconfig.parent / 'cache'}", *arguments]
        return subprocess.run(command, input=given, capture_output=True, text=True, timeout=DEADLINE, check=False)

    return run


def make(ask: Kubectl, name: str, **annotations: str) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "annotations": {key: str(value) for key, value in annotations.items()}},
        "spec": {"containers": [{"name": "main", "image": "none", "resources": {"requests": {"cpu": "30m"}}}]},
    }
    made = ask("create", "-f", "-", given=json.dumps(pod))
    assert made.returncode == 0, made.stderr


def until(ask: Kubectl, name: str, condition: str) -> None:
    waited = ask("wait", f"--for={condition}", f"pod/{name}", f"--timeout={DEADLINE}s")
    assert waited.returncode == 0, waited.stderr


def test_a_pod_runs_prints_and_runs_commands(ask: Kubectl, unique: Callable[[str], str]) -> None:
    name = unique("whole")
    make(ask, name, **{LOG: "one\ntwo\n", PREVIOUS_LOG: "before\n"})
    until(ask, name, "condition=Ready")
    assert ask("logs", name, "--tail=1").stdout == "two\n"
    assert ask("logs", name, "--previous").stdout == "before\n"
    ran = ask("exec", name, "--", "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (ran.returncode, ran.stdout) == (3, "out\n")
    assert ran.stderr.startswith("err\n")
    assert "executable file not found" in ask("exec", name, "--", "no-such-program").stderr
    assert ask("exec", "-i", name, "--", "cat", given="told").stdout == "told"
    assert ask("delete", "pod", name, f"--timeout={DEADLINE}s").returncode == 0


def test_a_pod_fares_as_its_annotations_say(ask: Kubectl, unique: Callable[[str], str]) -> None:
    waiting, failed = unique("waiting"), unique("failed")
    make(ask, waiting, **{UNREADY: "yes"})
    make(ask, failed, **{EXIT: "4"})
    until(ask, waiting, "jsonpath={.status.phase}=Running")
    until(ask, failed, "jsonpath={.status.phase}=Failed")
    assert ask("get", "pod", waiting, "-ojsonpath={.status.containerStatuses[0].ready}").stdout == "false"
    code = ask("get", "pod", failed, "-ojsonpath={.status.containerStatuses[0].state.terminated.exitCode}")
    assert code.stdout == "4"
    stuck = unique("stuck")
    make(ask, stuck, **{WAITING: "ImagePullBackOff: there is no such image"})
    state = "jsonpath={.status.containerStatuses[0].state.waiting"
    until(ask, stuck, f"{state}.reason}}=ImagePullBackOff")
    assert ask("get", "pod", stuck, f"-o{state}.message}}").stdout == "there is no such image"


def test_a_deployment_rolls_out(ask: Kubectl, unique: Callable[[str], str]) -> None:
    name = unique("web")
    assert ask("create", "deployment", name, "--image=none", "--replicas=2").returncode == 0
    rolled = ask("rollout", "status", f"deployment/{name}", f"--timeout={DEADLINE}s")
    assert rolled.returncode == 0, rolled.stderr


def test_the_node_is_measured_and_keeps_logs(real_node: ClusterWithNode, ask: Kubectl) -> None:
    path = f"/api/v1/nodes/{NODE}/proxy"
    assert (
        ask("get", "--raw", f"{path}/logs/kubelet.log").stdout
        == ask("get", "--raw", f"{path}/logs/?query=kubelet").stdout
    )
    assert "kubelet.log" in ask("get", "--raw", f"{path}/logs/").stdout
    assert json.loads(ask("get", "--raw", f"{path}/stats/summary").stdout)["node"]["nodeName"] == NODE


@pytest.mark.anyio
async def test_metrics_are_served_by_aggregation(real_node: ClusterWithNode, ask: Kubectl) -> None:
    async with real_node.cluster.open() as client:
        await real_node.serve_metrics(client)
    found = eventually(lambda: ask("top", "nodes"))
    assert found.stdout.splitlines()[1].startswith(NODE)


def eventually(attempt: Callable[[], "subprocess.CompletedProcess[str]"]) -> "subprocess.CompletedProcess[str]":
    deadline = time.monotonic() + DEADLINE
    while (found := attempt()).returncode:
        assert time.monotonic() < deadline, found.stderr
    return found


@pytest.mark.requirement("testenv:kubelet-double-trust")
@pytest.mark.parametrize("name", ["kubelet", "metrics"])
def test_strangers_are_not_answered(real_node: ClusterWithNode, name: str) -> None:
    keys = real_node.credentials
    port = real_node.node_ports[name]

    def status(certificate: tuple[Path, Path] | None) -> Any:
        context = ssl.create_default_context(cafile=str(keys.client_ca))
        if certificate is not None:
            context.load_cert_chain(*certificate)
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=DEADLINE, context=context)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    mine, other = (keys.admin, keys.front_proxy) if name == "kubelet" else (keys.front_proxy, keys.admin)
    assert (status(mine), status(other), status(None)) == (200 if name == "kubelet" else 404, None, None)


@pytest.mark.requirement("testenv:kubelet-double-trust")
def test_the_tunnel_leads_nowhere_else(real_node: ClusterWithNode) -> None:
    with socket.socket(socket.AF_UNIX) as opened:
        opened.settimeout(DEADLINE)
        opened.connect(str(real_node.tunnel))
        opened.sendall(b"CONNECT 192.0.2.1:443 HTTP/1.1\r\nHost: 192.0.2.1:443\r\n\r\n")
        assert b"403" in opened.recv(100)
