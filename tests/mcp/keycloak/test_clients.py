"""Clients of others against Keycloak: what our server answers has to lead them to a login, too."""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import anyio
import httpx2
import pytest

from testenv.ports import Ports
from testenv.realm import Realm
from tests.mcp.clients.home import DEADLINE, Client
from tests.mcp.keycloak.agents import Agent
from tests.mcp.keycloak.conftest import Serving

pytestmark = [pytest.mark.real, pytest.mark.whole, pytest.mark.requirement("mcp-keycloak:other-clients")]

INITIALIZE = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "tests", "version": "1"}}


@pytest.fixture
def client(realm: Realm, tmp_path: Path) -> Iterator[Client]:
    with contextlib.closing(Ports("nowhere")) as ports:
        made = Client(tmp_path, ports["nowhere"])
        authority = str(realm.keycloak.certificate_authority)
        made.environment |= dict.fromkeys(("NODE_EXTRA_CA_CERTS", "CODEX_CA_CERTIFICATE", "SSL_CERT_FILE"), authority)
        yield made


def test_claude_code_sees_that_it_has_to_log_in(client: Client, serving: Serving) -> None:
    url = serving.url("exchanging")
    client.run("claude", "mcp", "add", "--scope", "user", "--transport", "http", "shop", url)
    assert f"shop: {url} (HTTP) - ! Needs authentication" in client.run("claude", "mcp", "list")


def test_codex_registers_and_logs_in(realm: Realm, client: Client, serving: Serving) -> None:
    """By registering: where Keycloak takes documents, it would have Keycloak fetch its own from its vendor."""
    url, alice = serving.url("exchanging"), Agent(realm.keycloak.trusting, "alice", callback="http://127.0.0.1:")
    command = ["codex", "mcp", "add", "shop", "--url", url, "--oauth-client-registration", "dcr"]
    with subprocess.Popen(
        command, env=client.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as codex:
        assert codex.stdout is not None
        address = next(line for line in codex.stdout if line.startswith(realm.issuer))
        returned = anyio.run(alice.log_in, address.strip())
        assert httpx2.get(returned, trust_env=False).status_code == 200
        told = codex.stdout.read()
        assert codex.wait(DEADLINE) == 0, told
    assert "Successfully logged in" in told
    (kept,) = json.loads((client.home / ".codex" / ".credentials.json").read_text(encoding="utf-8")).values()
    headers = {"Authorization": f"Bearer {kept['access_token']}", "Accept": "application/json, text/event-stream"}
    body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE}
    answer = httpx2.post(url, json=body, headers=headers, trust_env=False, timeout=DEADLINE)
    assert answer.status_code == 200, answer.text
