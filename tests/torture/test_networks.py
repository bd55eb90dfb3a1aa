"""The networks that the torture stands on can be cut, and leave nothing behind."""

import socket
import subprocess
import sys

import pytest

from testenv.networks import Machine, Network

CONNECT = (
    "import socket,sys;socket.create_connection((sys.argv[1],int(sys.argv[2])),timeout=float(sys.argv[3])).close()"
)


def reaches(machine: Machine, host: str, port: int, seconds: float) -> bool:
    command = [*machine.prefix, sys.executable, "-I", "-S", "-c", CONNECT, host, str(port), str(seconds)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.requirement("torture:networks")
def test_a_machine_reaches_a_network_while_it_is_plugged_in() -> None:
    with Network() as network, Network() as other, Machine() as machine:
        address = machine.connect(network)
        machine.connect(other)
        with socket.create_server((network.host, 0)) as listener, socket.create_server((other.host, 0)) as beside:
            port, second = listener.getsockname()[1], beside.getsockname()[1]
            assert reaches(machine, network.host, port, 10)
            machine.unplug(network)
            assert not reaches(machine, network.host, port, 0.5)
            assert reaches(machine, other.host, second, 10), "only that cable was pulled"
            machine.plug(network)
            assert reaches(machine, network.host, port, 10)
        assert address.startswith(network.host.rpartition(".")[0])
        names = {network.bridge, other.bridge, machine.name}
    listed = shown("link", "show") + shown("netns", "list")
    assert not any(each in listed for each in names)


@pytest.mark.requirement("torture:networks")
def test_what_a_killed_run_has_left_is_removed_by_the_next() -> None:
    ended = subprocess.run(["/bin/sh", "-c", "echo $$"], capture_output=True, text=True, check=True).stdout.strip()
    left = {f"fl{ended}n1", f"fl{ended}b2"}
    shown("netns", "add", f"fl{ended}n1")
    shown("link", "add", f"fl{ended}b2", "type", "bridge")
    with Network():
        listed = shown("link", "show") + shown("netns", "list")
        assert not any(each in listed for each in left)


def shown(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], capture_output=True, text=True, check=True).stdout
