import json
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from fairlead.client import kubeconfig
from fairlead.client.credentials import ClientCertificate
from fairlead.client.errors import CredentialsError
from tests.client.test_kubeconfig import document, written

pytestmark = pytest.mark.anyio
V1 = "client.authentication.k8s.io/v1"


def plugin(folder: Path, answer: Any, *, body: str = "") -> None:
    """A program that counts its starts, keeps what it was told, and answers."""
    script = folder / "plugin"
    lines = [
        f"#!{sys.executable}",
        "import os, sys, pathlib",
        f"here = pathlib.Path({str(folder)!r})",
        "(here / 'starts').open('a').write('x')",
        "(here / 'info').write_text(os.environ['KUBERNETES_EXEC_INFO'])",
        "(here / 'told').write_text(repr(sys.argv[1:]) + os.environ.get('REGION', ''))",
        body,
        f"print({json.dumps(answer)!r})",
    ]
    script.write_text("\n".join(lines), encoding="utf-8")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)


def credential(version: str = V1, **status: str) -> dict[str, Any]:
    return {"apiVersion": version, "kind": "ExecCredential", "status": status}


def settings(folder: Path, **more: Any) -> kubeconfig.ConnectionSettings:
    entry = {"apiVersion": V1, "command": "./plugin", **more}
    return kubeconfig.load(written(folder / "config", document({}, {"exec": entry})))


@pytest.mark.requirement("client:exec-plugins")
@pytest.mark.parametrize("version", [V1, "client.authentication.k8s.io/v1beta1"])
async def test_a_plugin_is_told_the_cluster_and_gives_a_token(tmp_path: Path, version: str) -> None:
    plugin(tmp_path, credential(version, token="hush"))
    environment = [{"name": "REGION", "value": "eu"}]
    found = settings(tmp_path, apiVersion=version, args=["get"], env=environment, provideClusterInfo=True)
    assert (await found.source.current()).header == "Bearer hush"
    info = json.loads((tmp_path / "info").read_text(encoding="utf-8"))
    assert (info["apiVersion"], info["kind"]) == (version, "ExecCredential")
    assert info["spec"] == {"interactive": False, "cluster": {"server": "https://one:6443"}}
    assert (tmp_path / "told").read_text(encoding="utf-8") == "['get']eu"


@pytest.mark.requirement("client:exec-plugins")
async def test_a_certificate_is_as_good(tmp_path: Path) -> None:
    plugin(tmp_path, credential(clientCertificateData="cert", clientKeyData="key"))
    bearer = await settings(tmp_path).source.current()
    assert (bearer.header, bearer.certificate) == ("", ClientCertificate(b"cert", b"key"))


@pytest.mark.requirement("client:exec-plugins")
@pytest.mark.parametrize(("expiry", "starts"), [("2020-01-01T00:00:00Z", 2), ("2999-01-01T00:00:00Z", 1)])
async def test_it_is_asked_again_once_its_answer_has_expired(tmp_path: Path, expiry: str, starts: int) -> None:
    plugin(tmp_path, credential(token="t", expirationTimestamp=expiry))
    source = settings(tmp_path).source
    await source.current()
    await source.current()
    assert len((tmp_path / "starts").read_text(encoding="utf-8")) == starts


@pytest.mark.requirement("client:exec-failures")
@pytest.mark.parametrize(
    ("answer", "body", "complaint"),
    [
        ("no", "", "no ExecCredential"),
        ({"kind": "Secret"}, "", "no ExecCredential"),
        (credential("client.authentication.k8s.io/v1beta1", token="hush"), "", "the kubeconfig says"),
        (credential(), "", "neither a token nor a certificate"),
        (credential(clientKeyData="hush"), "", "without its certificate"),
        (credential(token="hush", expirationTimestamp="soon"), "", "RFC 3339"),
        (credential(token="hush", expirationTimestamp="2999-01-01T00:00:00"), "", "RFC 3339"),
        ({**credential(), "status": {"token": 5}}, "", "not made of strings"),
        ({**credential(), "status": ["hush"]}, "", "not made of strings"),
        (
            credential(token="hush"),
            "print('hush'); sys.stderr.write('log in first'); sys.exit(3)",
            "code 3 and said: log",
        ),
    ],
)
async def test_failures_are_one_line_without_the_output(tmp_path: Path, answer: Any, body: str, complaint: str) -> None:
    plugin(tmp_path, answer, body=body)
    with pytest.raises(CredentialsError, match=complaint) as caught:
        await settings(tmp_path, installHint="install it\nwith care").source.current()
    assert "hush" not in str(caught.value)
    assert str(caught.value).endswith("install it with care")


@pytest.mark.requirement("client:exec-failures")
async def test_a_missing_plugin_and_a_missing_terminal_are_named(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="No such file"):
        await settings(tmp_path).source.current()
    plugin(tmp_path, credential(token="t"))
    with pytest.raises(CredentialsError, match="needs a terminal"):
        await settings(tmp_path, interactiveMode="Always").source.current()


@pytest.mark.requirement("client:exec-failures", "client:keys-stay-secret")
@pytest.mark.parametrize(
    "complaint",
    [
        "refused: Authorization: Bearer hush.hush",
        "password=hush",
        '{"access_token": "hush"}',
        "got eyJhbGciOiJIUzI1NiJ9.hush.hush instead",
        "-----BEGIN EC PRIVATE KEY-----\nhush\n-----END EC PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nhush",
        "hush" * 10,
    ],
)
async def test_a_complaint_is_shown_without_its_secrets(tmp_path: Path, complaint: str) -> None:
    said = f"\x1b[31mE1: {complaint}\x1b[0m"
    plugin(tmp_path, credential(), body=f"sys.stderr.write({said!r}); sys.exit(1)")
    with pytest.raises(CredentialsError, match="and said: E1: ") as caught:
        await settings(tmp_path).source.current()
    assert "hush" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
