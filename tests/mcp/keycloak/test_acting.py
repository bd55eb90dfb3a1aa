"""An agent that nobody has told anything registers, logs in, and acts as its person on a real API server.

What is believed of that is what the API server writes down itself.
"""

from collections.abc import Callable
from typing import Any

import pytest
from mcp.types import CallToolResult, TextContent

from testenv.realm import CLUSTER, SERVER, SERVER_SECRET, Realm, audience
from tests.mcp.keycloak.agents import Agent
from tests.mcp.keycloak.conftest import IMPERSONATOR, Serving, Trusting

pytestmark = [pytest.mark.real, pytest.mark.whole, pytest.mark.requirement("mcp-keycloak:registers-and-logs-in")]
Unique = Callable[[str], str]


@pytest.fixture
def alice(realm: Realm) -> Agent:
    return Agent(realm.keycloak.trusting, "alice")


async def pods(agent: Agent, url: str, namespace: str) -> CallToolResult:
    async with agent.connected(url) as client:
        return await client.call_tool("pods_list", {"namespace": namespace})


def said(answer: CallToolResult) -> str:
    (content,) = answer.content
    assert isinstance(content, TextContent)
    return content.text


def asked(trusting: Trusting, namespace: str) -> dict[str, Any]:
    """The one request for the pods of a namespace that nobody else asks for."""
    (event,) = trusting.asked(f"/api/v1/namespaces/{namespace}/pods")
    return event


@pytest.mark.requirement("mcp-keycloak:exchange")
async def test_a_token_is_exchanged(alice: Agent, serving: Serving, trusting: Trusting, unique: Unique) -> None:
    namespace = unique("exchanged")
    answer = await pods(alice, serving.url("exchanging"), namespace)
    assert not answer.is_error, said(answer)
    event = asked(trusting, namespace)
    assert event["user"]["username"] == "oidc:alice"
    assert "oidc:developers" in event["user"]["groups"]
    assert "impersonatedUser" not in event
    assert alice.registered is not None
    assert alice.claims["aud"] == SERVER
    # The token that came to the cluster is another one than the agent's.
    assert event["user"]["extra"]["authentication.kubernetes.io/credential-id"] != [f"JTI={alice.claims['jti']}"]


@pytest.mark.requirement("mcp-keycloak:exchange")
async def test_so_is_one_of_the_era_with_sessions(
    alice: Agent, serving: Serving, trusting: Trusting, unique: Unique
) -> None:
    namespace = unique("legacy")
    async with alice.connected(serving.url("exchanging"), "legacy") as client:
        answer = await client.call_tool("pods_list", {"namespace": namespace})
    assert not answer.is_error, said(answer)
    assert asked(trusting, namespace)["user"]["username"] == "oidc:alice"


@pytest.mark.requirement("mcp-keycloak:impersonate")
async def test_a_user_is_impersonated(alice: Agent, serving: Serving, trusting: Trusting, unique: Unique) -> None:
    namespace = unique("impersonated")
    answer = await pods(alice, serving.url("impersonating"), namespace)
    assert not answer.is_error, said(answer)
    event = asked(trusting, namespace)
    assert event["user"]["username"] == IMPERSONATOR
    assert event["impersonatedUser"]["username"] == "oidc:alice"
    assert "oidc:developers" in event["impersonatedUser"]["groups"]


@pytest.mark.requirement("mcp-keycloak:pass-on")
class TestPassingOn:
    async def test_a_token_for_both_is_passed_on(
        self, realm: Realm, alice: Agent, serving: Serving, trusting: Trusting, unique: Unique
    ) -> None:
        namespace = unique("passed")
        with realm.also("mcp:read", audience(CLUSTER)):
            answer = await pods(alice, serving.url("passing"), namespace)
        assert not answer.is_error, said(answer)
        assert set(alice.claims["aud"]) == {SERVER, CLUSTER}
        event = asked(trusting, namespace)
        assert event["user"]["username"] == "oidc:alice"
        assert event["user"]["extra"]["authentication.kubernetes.io/credential-id"] == [f"JTI={alice.claims['jti']}"]

    async def test_one_for_us_alone_is_refused_by_the_cluster(
        self, alice: Agent, serving: Serving, unique: Unique
    ) -> None:
        answer = await pods(alice, serving.url("passing"), unique("refused"))
        assert answer.is_error
        assert "log in" in said(answer)


@pytest.mark.requirement("mcp-keycloak:rights")
async def test_the_cluster_decides_what_a_person_may(alice: Agent, serving: Serving, trusting: Trusting) -> None:
    async with alice.connected(serving.url("exchanging")) as client:
        answer = await client.call_tool("resources_list", {"kind": "secrets", "namespace": "default"})
    assert answer.is_error
    assert "oidc:alice" in said(answer) or "forbidden" in said(answer).lower()
    events = trusting.asked("/api/v1/namespaces/default/secrets")
    assert events[-1]["user"]["username"] == "oidc:alice"
    assert events[-1]["responseStatus"]["code"] == 403


@pytest.mark.requirement("mcp-keycloak:access")
async def test_who_is_not_among_the_users_is_not_let_in(realm: Realm, serving: Serving) -> None:
    mallory = Agent(realm.keycloak.trusting, "mallory")
    status, answer = await mallory.refused(serving.url("exchanging"))
    assert status == 403
    assert "not for you" in answer


@pytest.mark.requirement("mcp-keycloak:expires")
async def test_an_expired_token_is_refreshed_without_a_person(alice: Agent, serving: Serving, unique: Unique) -> None:
    async with alice.connected(serving.url("exchanging")) as client:
        await client.call_tool("pods_list", {"namespace": unique("before")})
        first, alice.person = alice.claims, "nobody who could log in"
        alice.expire()
        answer = await client.call_tool("pods_list", {"namespace": unique("after")})
    assert not answer.is_error, said(answer)
    assert alice.claims["jti"] != first["jti"]
    assert alice.claims["sub"] == first["sub"]


async def test_no_token_and_no_secret_is_written_down(
    realm: Realm, alice: Agent, serving: Serving, unique: Unique
) -> None:
    await pods(alice, serving.url("exchanging"), unique("quiet"))
    assert alice.token is not None
    written = serving.written()
    assert alice.token.access_token not in written
    assert alice.token.access_token.split(".")[1] not in written
    assert SERVER_SECRET not in written
    assert f"{realm.issuer}#{alice.claims['sub']}" in written
