"""A real provider makes what its managed resources ask for, and goes with the test that started it."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fairlead.machinery.paths import Resource
from testenv.provider import GROUP, SECLUDING, managed
from tests.crossplane.planes import NAMESPACE
from tests.crossplane.provided import Provided
from tests.e2e import world

CONFIG_MAPS = Resource("", "v1", "configmaps")
OBJECTS = Resource(GROUP, "v1alpha1", "objects")
pytestmark = [pytest.mark.real, pytest.mark.requirement("crossplane-pains:real-provider")]


@pytest.mark.whole
def test_what_a_managed_resource_asks_for_is_made_and_unmade(provided: Provided, unique: Callable[[str], str]) -> None:
    name, hands = unique("managed"), provided.hands
    wanted = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": NAMESPACE}}
    hands.apply(managed(name, NAMESPACE, wanted | {"data": {"made": "by the provider"}}))
    hands.run("wait", "--for=condition=Ready", "--timeout=60s", "-n", NAMESPACE, f"objects.{GROUP}/{name}")
    assert hands.get(CONFIG_MAPS, name, NAMESPACE)["data"] == {"made": "by the provider"}
    hands.delete(OBJECTS, name, NAMESPACE)
    assert name not in hands.names(CONFIG_MAPS, NAMESPACE)


@pytest.mark.whole
def test_its_package_runs_in_a_deployment_of_its_own(provided: Provided) -> None:
    found = provided.hands.run("get", "deployments", "-n", "crossplane-system", "-o", "json")
    running = [
        (container["image"], each["status"].get("availableReplicas"))
        for each in json.loads(found)["items"]
        for container in each["spec"]["template"]["spec"]["containers"]
    ]
    assert (provided.provider.package(), 1) in running


def test_a_secluded_program_reaches_one_port_and_listens_unseen() -> None:
    program = """
import socket, sys
out, own = int(sys.argv[1]), int(sys.argv[2])
with socket.create_server(("127.0.0.1", own)), socket.create_connection(("127.0.0.1", out)) as sent:
    sent.sendall(b"from within")
"""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as taken:
        port, other = (str(each.getsockname()[1]) for each in (server, taken))
        command = [sys.executable, "-I", "-S", str(SECLUDING), port, sys.executable, "-c", program, port, other]
        started = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        server.settimeout(20)
        try:
            with server.accept()[0] as found:
                found.settimeout(20)
                assert found.recv(100) == b"from within"
        finally:
            started.wait(20)
            assert started.stderr is not None
            told = started.stderr.read()
            started.stderr.close()
        assert started.returncode == 0, told


@pytest.mark.whole
def test_its_program_can_be_stopped_alone(provided: Provided) -> None:
    provider = provided.provider
    assert provider.program is not None
    pid = provider.program.pid
    assert "provider-kubernetes" in Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8")
    provider.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    provider.start()
    world.eventually(lambda: provided.hands.names(OBJECTS, NAMESPACE))
