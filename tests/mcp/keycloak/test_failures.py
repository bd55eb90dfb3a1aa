"""What goes wrong with Keycloak as it comes out of the box: each failure of docs/mcp-keycloak.md is provoked here.

The documentation is held to the very words that are met, and what it says to do is then done, and helps.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from mcp.shared.auth import OAuthClientInformationFull
from mcp.types import TextContent

from testenv.realm import SCOPES, SERVER, SERVER_SECRET, Realm, audience
from tests.mcp.keycloak.agents import CALLBACK, Agent
from tests.mcp.keycloak.conftest import Serving

pytestmark = [pytest.mark.real, pytest.mark.whole]
DOCUMENTED = " ".join(
    (Path(__file__).parents[3] / "docs" / "mcp-keycloak.md").read_text(encoding="utf-8").replace("`", "").split()
)
Unique = Callable[[str], str]


@pytest.fixture
def alice(realm: Realm) -> Agent:
    return Agent(realm.keycloak.trusting, "alice")


def documented(words: str) -> bool:
    return words in DOCUMENTED


@pytest.mark.requirement("mcp-keycloak:trusted-hosts")
class TestTrustedHosts:
    async def test_a_redirect_address_elsewhere(self, realm: Realm, alice: Agent, serving: Serving) -> None:
        alice.callback = "https://agent.example.org/callback"
        why = await alice.cannot_register(serving.url("exchanging"))
        message = "Policy 'Trusted Hosts' rejected request to client-registration service."
        assert message in why
        assert documented(message)
        realm.trust_hosts("127.0.0.1", "localhost", "agent.example.org")
        try:
            async with alice.connected(serving.url("exchanging")):
                assert alice.registered is not None
        finally:
            realm.trust_hosts("127.0.0.1", "localhost")

    async def test_a_sender_from_elsewhere(self, realm: Realm, alice: Agent, serving: Serving) -> None:
        realm.trust_hosts("agent.example.org")
        try:
            why = await alice.cannot_register(serving.url("exchanging"))
            message = "Host not trusted."
            assert message in why
            assert documented(message)
        finally:
            realm.trust_hosts("127.0.0.1", "localhost")


@pytest.mark.requirement("mcp-keycloak:allowed-scopes")
class TestAllowedScopes:
    MESSAGE = "Policy 'Allowed Client Scopes' rejected request to client-registration service."

    async def test_one_that_nobody_may_ask_for(self, realm: Realm, alice: Agent, serving: Serving) -> None:
        for each in SCOPES:
            realm.admin("DELETE", f"/default-optional-client-scopes/{realm.ids[each]}")
        realm.let_ask_for()
        try:
            assert self.MESSAGE in await alice.cannot_register(serving.url("exchanging"))
            assert documented(self.MESSAGE)
        finally:
            realm.let_ask_for(*SCOPES)
            for each in SCOPES:
                realm.admin("PUT", f"/default-optional-client-scopes/{realm.ids[each]}")

    async def test_a_server_without_scopes_has_agents_ask_for_all(self, alice: Agent, serving: Serving) -> None:
        assert self.MESSAGE in await alice.cannot_register(serving.url("unmapped"))


@pytest.mark.requirement("mcp-keycloak:audience")
async def test_a_token_without_our_audience(realm: Realm, alice: Agent, serving: Serving) -> None:
    url = serving.url("exchanging")
    with realm.without("mcp:read", audience(SERVER)):
        status, answer = await alice.refused(url)
    assert status == 401
    message = f"the token is for another audience; ask for one for {SERVER}"
    assert message in answer
    assert documented("the token is for another audience")
    alice.token = None
    async with alice.connected(url) as client:
        assert (await client.list_tools()).tools


@pytest.mark.requirement("mcp-keycloak:scopes")
class TestScopes:
    async def test_an_agent_asks_for_reading_only(self, alice: Agent, serving: Serving) -> None:
        async with alice.connected(serving.url("exchanging")) as client:
            names = {each.name for each in (await client.list_tools()).tools}
        assert "mcp:read" in alice.claims["scope"].split()
        assert "mcp:write" not in alice.claims["scope"].split()
        assert "pods_list" in names
        assert not {"resources_delete", "resources_create_or_update"} & names

    async def test_a_write_takes_a_scope_that_keycloak_has_to_know_of(
        self, realm: Realm, alice: Agent, serving: Serving, unique: Unique
    ) -> None:
        """Who registered for reading may not ask for more, until somebody lets that client."""
        metadata = {"name": unique("settings"), "namespace": "default"}
        manifest = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
        call = "resources_create_or_update", {"resource": manifest}
        await alice.fails(serving.url("exchanging"), *call)
        assert "mcp:write" not in alice.claims["scope"].split()
        assert alice.answered["error"] == ["invalid_scope"]
        assert documented("invalid_scope")
        assert alice.registered is not None
        realm.grant(str(alice.registered.client_id), "mcp:write")
        async with alice.connected(serving.url("exchanging")) as client:
            answer = await client.call_tool(*call)
        assert not answer.is_error, answer
        assert "mcp:write" in alice.claims["scope"].split()

    async def test_a_client_made_beforehand_gets_it(
        self, realm: Realm, alice: Agent, serving: Serving, unique: Unique
    ) -> None:
        metadata = {"name": unique("settings"), "namespace": "default"}
        manifest = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
        known = {"clientId": unique("agents"), "publicClient": True, "redirectUris": [CALLBACK]}
        realm.client(known)
        alice.registered = OAuthClientInformationFull.model_validate(
            {"client_id": known["clientId"], "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none"}
        )
        realm.trust_hosts()  # nobody registers
        try:
            async with alice.connected(serving.url("exchanging")) as client:
                answer = await client.call_tool("resources_create_or_update", {"resource": manifest})
        finally:
            realm.trust_hosts("127.0.0.1", "localhost")
        assert not answer.is_error, answer
        assert alice.claims["azp"] == known["clientId"]
        assert "mcp:write" in alice.claims["scope"].split()


@pytest.mark.requirement("mcp-keycloak:exchange-refused")
class TestExchanging:
    async def refusal(self, alice: Agent, serving: Serving) -> str:
        async with alice.connected(serving.url("exchanging")) as client:
            answer = await client.call_tool("pods_list", {"namespace": "default"})
        assert answer.is_error
        (content,) = answer.content
        assert isinstance(content, TextContent)
        assert documented("the identity provider gives no token for kubernetes")
        assert "the identity provider gives no token for kubernetes" in content.text
        return content.text

    async def test_it_is_not_switched_on(self, realm: Realm, alice: Agent, serving: Serving) -> None:
        with realm.changed(SERVER, attributes={"standard.token.exchange.enabled": "false"}):
            said = await self.refusal(alice, serving)
        message = "Standard token exchange is not enabled for the requested client"
        assert message in said
        assert documented(message)

    async def test_the_audience_is_not_to_be_had(self, realm: Realm, alice: Agent, serving: Serving) -> None:
        (server,) = realm.admin("GET", f"/clients?clientId={SERVER}")
        scope = f"/clients/{server['id']}/default-client-scopes/{realm.ids['for-the-cluster']}"
        realm.admin("DELETE", scope)
        try:
            said = await self.refusal(alice, serving)
        finally:
            realm.admin("PUT", scope)
        message = "Requested audience not available: kubernetes"
        assert message in said
        assert documented(message)

    async def test_the_secret_is_another(self, realm: Realm, alice: Agent, serving: Serving) -> None:
        with realm.changed(SERVER, secret="another-one"):
            said = await self.refusal(alice, serving)
        message = "Invalid client or Invalid client credentials"
        assert message in said
        assert documented(message)
        assert SERVER_SECRET not in said
