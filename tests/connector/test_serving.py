"""The process: what it says when it cannot start. That it runs and ends is what the end-to-end tests show."""

import socket
from pathlib import Path

import pytest

from fairlead.cli import main
from fairlead.machinery.encoding import to_json
from tests.clusters import Pair

pytestmark = pytest.mark.requirement("connector:one-line")


def serve(*arguments: str, kubeconfig: Path, control_plane: Path) -> int:
    return main.run(
        ["connector", "serve", "--kubeconfig", str(kubeconfig), "--control-plane-kubeconfig", str(control_plane),
         "--claim-namespace", "claims", "--service", "kube-system/connector", "--bind", "127.0.0.1", *arguments]
    )  # fmt: skip


def line(capfd: pytest.CaptureFixture[str]) -> str:
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("\n") == 1, err
    assert "Traceback" not in err
    return err


def kubeconfig(folder: Path, server: str, name: str = "config") -> Path:
    path = folder / name
    document = {
        "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        "clusters": [{"name": "a", "cluster": {"server": server}}],
        "users": [{"name": "a", "user": {"token": "secret-token"}}],
    }
    path.write_bytes(to_json(document))
    return path


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


def test_a_kubeconfig_that_is_missing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert serve("--port", "0", kubeconfig=tmp_path / "none", control_plane=tmp_path / "none") == 1
    assert "none" in line(capfd)


def test_a_kubeconfig_that_is_broken(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken"
    broken.write_text("{[")
    assert serve("--port", "0", kubeconfig=broken, control_plane=broken) == 1
    assert "broken" in line(capfd)


def test_an_api_server_that_cannot_be_reached(
    tmp_path: Path, closed_port: int, capfd: pytest.CaptureFixture[str]
) -> None:
    nowhere = kubeconfig(tmp_path, f"https://127.0.0.1:{closed_port}")
    assert serve("--port", "0", kubeconfig=nowhere, control_plane=nowhere) == 1
    said = line(capfd)
    assert "the app cluster cannot be used" in said
    assert "secret-token" not in said


def test_a_port_in_use(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = kubeconfig(tmp_path, "https://127.0.0.1:1")
        assert serve("--port", str(port), kubeconfig=config, control_plane=config) == 1
    assert "the port is in use" in line(capfd)


@pytest.mark.parametrize(
    "arguments",
    [("--service", "connector"), ("--claim-namespace", "A"), ("--cluster-id", "a b"), ("--allow-crd", "things"),
     ("--service-port", "0"), ("--shutdown-delay", "-1"), ("--audit-log", "/nowhere/audit.log")],
)  # fmt: skip
def test_a_setting_that_cannot_be_used(
    arguments: tuple[str, str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = kubeconfig(tmp_path, "https://127.0.0.1:1")
    assert serve("--port", "0", *arguments, kubeconfig=config, control_plane=config) == 1
    line(capfd)


def test_a_wrong_certificate(pair: Pair, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    untrusted = kubeconfig(tmp_path, pair.app.open().connection.settings.server)
    assert serve("--port", "0", kubeconfig=untrusted, control_plane=untrusted) == 1
    assert "not trusted" in line(capfd)
