"""Which clusters a connector is between."""

from pathlib import Path

import pytest

from fairlead.cli import main
from fairlead.client.errors import KubeconfigError
from fairlead.connector import targeting
from fairlead.machinery import encoding

pytestmark = pytest.mark.requirement("connector:one-control-plane")
POD = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in (("token", "t"), ("ca.crt", "c"), ("namespace", "kube-system")):
        (tmp_path / name).write_text(content)
    return tmp_path


def kubeconfig(path: Path, server: str) -> Path:
    document = {
        "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "a"}}],
        "clusters": [{"name": "a", "cluster": {"server": server}}],
    }
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(encoding.to_json(document))
    return path


def test_a_pod_without_a_kubeconfig_is_its_service_account(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    found = targeting.app_cluster(None, POD, folder)
    assert (found.server, found.namespace) == ("https://10.0.0.1:443", "kube-system")


def test_a_kubeconfig_comes_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    named = kubeconfig(folder / "named", "https://named")
    assert targeting.app_cluster(named, POD, folder).server == "https://named"
    kubeconfig(folder / ".kube" / "config", "https://home")
    assert targeting.app_cluster(None, POD, folder).server == "https://home"


def test_outside_a_pod_a_kubeconfig_is_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    with pytest.raises(KubeconfigError, match="does not exist"):
        targeting.app_cluster(None, {}, folder)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "one control plane must be given: neither a kubeconfig nor a Space is; use --control-plane-kubeconfig"),
        (["--control-plane-kubeconfig", "a", "--space-host", "h", "--space-token-file", "t"], "both a kubeconfig and"),
        (["--space-host", "h"], "the Space's token file must be given"),
        (["--space-host", "h", "--space-token-file", "t"], "the Space's account and control plane and group must"),
    ],
)
def test_one_control_plane_is_given(arguments: list[str], said: str, capfd: pytest.CaptureFixture[str]) -> None:
    required = ["connector", "serve", "--claim-namespace", "claims", "--service", "kube-system/connector"]
    assert main.run([*required, *arguments]) == 1
    assert said in capfd.readouterr().err
