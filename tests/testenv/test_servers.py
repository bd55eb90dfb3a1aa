"""The real servers keep what their users rely on."""

import ipaddress
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509

from testenv.processes import ServerError
from testenv.servers import RealCluster

pytestmark = pytest.mark.real
DEADLINE = 60


def run(kubectl: Path, kubeconfig: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [str(kubectl), f"--kubeconfig={kubeconfig}", f"--cache-dir={kubeconfig.parent / 'cache'}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)


def eventually(holds: Callable[[], bool]) -> None:
    """For what an API server reads from a watch of its own."""
    deadline = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < deadline


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    """A cluster that these tests may hurt."""
    server = RealCluster("own", tmp_path_factory.mktemp("own"), controllers=())
    with server:
        yield server


@pytest.mark.requirement("testenv:rbac-always")
def test_a_user_has_the_rights_that_are_bound_and_no_others(
    real_app: RealCluster, kubectl: Path, unique: Callable[[str], str]
) -> None:
    name = unique("viewers")
    viewer = real_app.kubeconfig_for("vera", [name])
    refused = run(kubectl, viewer, "get", "configmaps")
    assert 'User "vera" cannot list resource "configmaps"' in refused.stderr

    admin = real_app.cluster.kubeconfig
    made = run(kubectl, admin, "create", "clusterrolebinding", name, "--clusterrole=view", f"--group={name}")
    assert made.returncode == 0, made.stderr
    eventually(lambda: run(kubectl, viewer, "auth", "can-i", "list", "configmaps").stdout == "yes\n")
    assert run(kubectl, viewer, "get", "configmaps").returncode == 0
    assert "forbidden" in run(kubectl, viewer, "create", "configmap", "mine").stderr


@pytest.mark.requirement("testenv:front-proxy-trust")
def test_the_front_proxy_has_an_authority_of_its_own_and_a_certificate_without_names(
    real_app: RealCluster, kubectl: Path
) -> None:
    where = ["-n", "kube-system", "configmap", "extension-apiserver-authentication", "-o", "json"]
    told = json.loads(run(kubectl, real_app.cluster.kubeconfig, "get", *where).stdout)["data"]
    assert told["requestheader-client-ca-file"] != told["client-ca-file"]
    assert json.loads(told["requestheader-uid-headers"]) == ["X-Remote-Uid"]
    authority = x509.load_pem_x509_certificate(told["requestheader-client-ca-file"].encode())
    leaf = x509.load_pem_x509_certificate(real_app.credentials.front_proxy[0].read_bytes())
    leaf.verify_directly_issued_by(authority)
    assert json.loads(told["requestheader-allowed-names"]) == [leaf.subject.rfc4514_string().removeprefix("CN=")]
    with pytest.raises(x509.ExtensionNotFound):
        leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)


@pytest.mark.requirement("testenv:namespaces-go")
def test_a_deleted_namespace_goes_with_what_is_in_it(
    real_app: RealCluster, kubectl: Path, unique: Callable[[str], str]
) -> None:
    name, admin = unique("gone"), real_app.cluster.kubeconfig
    run(kubectl, admin, "create", "namespace", name)
    run(kubectl, admin, "-n", name, "create", "configmap", "inside")
    deleted = run(kubectl, admin, "delete", "namespace", name, f"--timeout={DEADLINE // 2}s")
    assert deleted.returncode == 0, deleted.stderr
    assert "NotFound" in run(kubectl, admin, "get", "namespace", name).stderr


@pytest.mark.requirement("testenv:stored-keys")
def test_the_keys_of_a_group_come_from_storage(
    real_app: RealCluster, kubectl: Path, unique: Callable[[str], str]
) -> None:
    assert "/registry/apiregistration.k8s.io/apiservices/v1." in real_app.stored("apiregistration.k8s.io")
    assert real_app.stored("apiregistration") == []
    assert real_app.stored(unique("nothing") + ".example.org") == []


@pytest.mark.requirement("testenv:private-keys")
def test_no_key_is_readable_by_others(real_app: RealCluster) -> None:
    secret = [*real_app.directory.glob("*.key"), *real_app.directory.glob("*.kubeconfig")]
    assert secret
    assert {path.stat().st_mode & 0o777 for path in secret} == {0o600}


@pytest.mark.requirement("testenv:loopback")
def test_every_port_is_on_loopback(real_app: RealCluster) -> None:
    sockets = {
        str(link.readlink())
        for program in ("etcd", "kube-apiserver", "kube-controller-manager")
        for link in Path(f"/proc/{real_app.process(program).pid}/fd").iterdir()
    }
    listening = [row for table in ("tcp", "tcp6") for row in listeners(table) if f"socket:[{row[1]}]" in sockets]
    assert len(listening) == 4
    assert {address for address, _ in listening} == {ipaddress.ip_address("127.0.0.1")}


def listeners(table: str) -> list[tuple["ipaddress.IPv4Address | ipaddress.IPv6Address", str]]:
    """(address, inode) of each listening socket of ours, from /proc/net; addresses there are in host byte order."""
    found = []
    for line in Path(f"/proc/net/{table}").read_text(encoding="utf-8").splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A":
            raw = bytes.fromhex(fields[1].partition(":")[0])
            words = b"".join(raw[i : i + 4][::-1] for i in range(0, len(raw), 4))
            found.append((ipaddress.ip_address(words), fields[9]))
    return found


@pytest.mark.requirement("testenv:restart")
@pytest.mark.parametrize("end", ["stop_api_server", "kill_api_server"])
def test_an_api_server_comes_back_with_its_port_and_data(own: RealCluster, kubectl: Path, end: str) -> None:
    kubeconfig = own.cluster.kubeconfig
    name = end.replace("_", "-")
    assert run(kubectl, kubeconfig, "create", "namespace", name).returncode == 0
    before = own.process("kube-apiserver").pid
    getattr(own, end)()
    with pytest.raises(ProcessLookupError):
        os.kill(before, 0)
    assert run(kubectl, kubeconfig, "get", "namespace", name).returncode != 0
    own.start_api_server()
    assert run(kubectl, kubeconfig, "get", "namespace", name).returncode == 0


@pytest.mark.requirement("testenv:waits-on-readiness")
def test_an_api_server_that_refuses_its_flags_is_told_in_one_line(tmp_path: Path) -> None:
    server = RealCluster("wrong", tmp_path, flags=["--no-such-flag"])
    with pytest.raises(
        ServerError, match=r"wrong's kube-apiserver ended with status 1: .*unknown flag.*its log is"
    ) as told:
        server.__enter__()
    assert "\n" not in str(told.value)
    with pytest.raises(KeyError):
        server.process("etcd")


@pytest.mark.requirement("testenv:no-process-left")
def test_no_server_outlives_a_killed_test_run(tmp_path: Path) -> None:
    script = (
        "import pathlib, sys\n"
        "from testenv.servers import RealCluster\n"
        "server = RealCluster('orphan', pathlib.Path(sys.argv[1]))\n"
        "with server:\n"
        "    for name in ('etcd', 'kube-apiserver', 'kube-controller-manager'):\n"
        "        print(server.process(name).pid)\n"
        "    print(flush=True)\n"
        "    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        handles = [os.pidfd_open(int(line)) for line in iter(parent.stdout.readline, "\n")]
        parent.send_signal(signal.SIGKILL)
    assert len(handles) == 3
    for handle in handles:
        ended, _, _ = select.select([handle], [], [], DEADLINE)
        os.close(handle)
        assert ended, "a server lives on"
