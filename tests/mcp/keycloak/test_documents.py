"""An agent that Keycloak knows by the address of a document, which Keycloak fetches itself."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from testenv.realm import Realm
from tests.mcp.keycloak.agents import CALLBACK, Agent
from tests.mcp.keycloak.conftest import Serving, Trusting

pytestmark = [pytest.mark.real, pytest.mark.whole, pytest.mark.requirement("mcp-keycloak:documents")]
HOST = "127.0.0.1"


class Published(BaseHTTPRequestHandler):
    """The one document of this server, which knows where it stands."""

    fetched = 0

    def do_GET(self) -> None:
        type(self).fetched += 1
        document = {
            "client_id": f"https://{self.headers['Host']}{self.path}",
            "client_name": "An agent with a document",
            "redirect_uris": [CALLBACK],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
            "scope": "mcp:read offline_access",
        }
        content = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def document(realm: Realm, tmp_path: Path) -> Iterator[str]:
    pair = realm.keycloak.authority.issue_server(["localhost"], [HOST])
    (tmp_path / "tls.crt").write_bytes(pair.certificate)
    (tmp_path / "tls.key").write_bytes(pair.key)
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    with ThreadingHTTPServer((HOST, 0), Published) as server:
        server.socket = serving.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"https://{HOST}:{server.server_port}/agent.json"
        server.shutdown()
        thread.join()


async def test_it_acts_as_its_person_without_registering(
    realm: Realm, serving: Serving, trusting: Trusting, document: str, unique: Callable[[str], str]
) -> None:
    realm.trust_documents(HOST)
    realm.trust_hosts()  # nobody registers
    agent, namespace = Agent(realm.keycloak.trusting, "alice", document=document), unique("documented")
    try:
        async with agent.connected(serving.url("exchanging")) as client:
            answer = await client.call_tool("pods_list", {"namespace": namespace})
    finally:
        realm.trust_hosts(HOST, "localhost")
    assert not answer.is_error, answer
    assert Published.fetched
    assert agent.claims["azp"] == document
    (event,) = trusting.asked(f"/api/v1/namespaces/{namespace}/pods")
    assert event["user"]["username"] == "oidc:alice"


async def test_one_at_a_host_that_is_not_trusted_is_refused(realm: Realm, serving: Serving, document: str) -> None:
    realm.trust_documents("agents.example.org")
    agent = Agent(realm.keycloak.trusting, "alice", document=document)
    await agent.fails(serving.url("exchanging"))
    assert agent.token is None
    assert "error" in agent.seen
