"""What `fairlead mcp serve` refuses before it opens anything, and how it serves over TLS."""

import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import anyio
import pytest

from fairlead.cli.main import run
from fairlead.serving.certificates import Authority
from tests.e2e.world import await_line, free_port

DEADLINE = 120
PORT = ("--port", "18999")
OIDC = "{way: oidc, issuer: 'https://idp.example.org', audience: a, towards: impersonate}"


@pytest.mark.requirement("mcp-servers:refused-at-the-start")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "nothing to serve on; give either --stdio or --port"),
        (("--stdio", *PORT), "give either --stdio or --port"),
        ((*PORT, "--server", "absent"), "--server takes one of: open, told-apart, who"),
        (("--stdio",), "which server is not said"),
        (("--stdio", "--server", "who"), "no caller brings a token there"),
        ((*PORT, "--bind-address", "0.0.0.0"), "tokens would travel in the clear"),
        ((*PORT, "--bind-address", "0.0.0.0", "--behind-tls-proxy"), "the server open cannot be served to other"),
        ((*PORT, "--behind-tls-proxy", "--server", "told-apart"), "nobody may use it"),
        ((*PORT, "--allowed-host", "mcp.example.org", "--server", "who"), "tokens would travel in the clear"),
        ((*PORT, "--tls-cert", "/absent"), "a certificate and its key go together"),
        ((*PORT, "--tls-cert", "/absent", "--tls-key", "/absent"), "/absent"),
        ((*PORT, "--workers", "2"), "will not serve with 2 workers"),
        ((*PORT, "--read-only"), "--read-only and --disable-destructive belong to --config"),
        ((*PORT, "--config", "/absent.toml"), "a config.toml is one server"),
        ((*PORT, "--audit-log", "/absent/log", "--server", "open"), "cannot write the audit log"),
    ],
)
def test_what_is_not_safe_or_not_possible_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], says: str
) -> None:
    for name, more in (
        ("open", ""),
        ("told-apart", f"identity: {OIDC}\n"),
        ("who", f"identity: {OIDC}\naccess: {{groups: [ops]}}\n"),
    ):
        (tmp_path / f"{name}.yaml").write_text(f"name: {name}\n{more}", encoding="utf-8")
    assert run(["mcp", "serve", "--servers", str(tmp_path), *arguments]) == 1
    error = capsys.readouterr().err
    assert says in error
    assert len(error.splitlines()) == 1


@pytest.fixture
def authority() -> Authority:
    return Authority.create("tests")


@pytest.fixture
def url(authority: Authority, tmp_path: Path) -> Iterator[str]:
    """Of the built-in server, behind TLS."""
    pair = authority.issue_server(["localhost"], ["127.0.0.1"])
    for name, content in (("tls.crt", pair.certificate), ("tls.key", pair.key)):
        (tmp_path / name).write_bytes(content)
    command = [sys.executable, "-m", "fairlead", "mcp", "serve", "--port", str(free_port())]
    command += ["--tls-cert", str(tmp_path / "tls.crt"), "--tls-key", str(tmp_path / "tls.key")]
    environment = os.environ | {"XDG_CONFIG_HOME": str(tmp_path)}
    with (tmp_path / "log").open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment)
    try:
        yield await_line(process, "ready", tmp_path / "log").split()[1]
    finally:
        process.terminate()
        process.wait(DEADLINE)
        if process.stdout is not None:
            process.stdout.close()


@pytest.mark.anyio
@pytest.mark.requirement("mcp-servers:refused-at-the-start")
async def test_tls_for_whoever_trusts_it_and_names_this_machine(authority: Authority, url: str) -> None:
    assert url.startswith("https://127.0.0.1:")
    with anyio.fail_after(DEADLINE):
        await _reached(url, ssl.create_default_context(cadata=authority.certificate.decode()))


async def _reached(url: str, trusting: ssl.SSLContext) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    headers = {"Accept": "application/json, text/event-stream"}
    connector = aiohttp.TCPConnector(ssl=trusting)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        async with session.get(url.partition("/s/")[0] + "/readyz") as answer:
            assert answer.status == 200
        async with session.post(url, json=body, headers={"Host": "mcp.example.org"}) as answer:
            assert answer.status == 421
    with pytest.raises(aiohttp.ClientConnectorCertificateError):
        async with aiohttp.ClientSession() as session, session.get(url):
            pass
