"""Who gets through to a server, and what everybody else is told."""

import io
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.mcp.entering.guarding import Front
from fairlead.mcp.entering.hosts import Allowed
from fairlead.mcp.named import catalog
from fairlead.mcp.named.identities import OIDC, Kubeconfig, Scopes
from fairlead.mcp.named.servers import Access, NamedServer, Target
from fairlead.mcp.tools import ToolClass
from tests.identity.provider import Provider, bad_tokens
from tests.mcp import login
from tests.mcp.behind import Behind, behind
from tests.mcp.upstream import CREDENTIAL, Upstream

pytestmark = pytest.mark.anyio
CHALLENGES = pytest.mark.requirement("mcp-identity:challenges")
HOSTS = pytest.mark.requirement("mcp-identity:hosts")
METADATA = pytest.mark.requirement("mcp-identity:metadata")
ADMITTED = pytest.mark.requirement("mcp-identity:admitted")

SCOPES = Scopes("mcp:read", "mcp:write", "mcp:admin")
HELD = {ToolClass.READ: "mcp:read", ToolClass.WRITE: "mcp:write"}
ALL = "mcp:read mcp:write mcp:admin"
TOOLS = {each.name: each for toolset in catalog.toolsets().values() for each in toolset.tools}
EXEC = tuple(name for name, each in TOOLS.items() if each.tool_class is ToolClass.EXEC)


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with Provider().served(path="/realms/a") as served:
        yield served


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream().served() as served:
        yield served


@pytest.fixture
def server(provider: Provider, upstream: Upstream, tmp_path: Path) -> NamedServer:
    """With all tools of all classes, each named so that what runs commands is there."""
    target = Target("here", kubeconfig=upstream.kubeconfig(tmp_path, token=CREDENTIAL))
    identity = OIDC(provider.issuer, ("mcp",), "pass-on", scopes=SCOPES)
    return NamedServer("a", "Everything.", ("core",), ("*", *EXEC), targets=(target,), identity=identity)


def needed(tool_class: ToolClass) -> str:
    return {ToolClass.READ: "mcp:read", ToolClass.WRITE: "mcp:read mcp:write"}.get(tool_class, ALL)


@CHALLENGES
@pytest.mark.parametrize("toolset", sorted(catalog.toolsets()))
async def test_every_tool_by_every_kind_of_token(
    toolset: str, provider: Provider, upstream: Upstream, server: NamedServer
) -> None:
    """Statuses and challenges to the letter, on each of several servers, and nothing reaches the API server."""
    tools = {each.name: each for each in catalog.toolsets()[toolset].tools}
    execs = tuple(name for name, each in tools.items() if each.tool_class is ToolClass.EXEC)
    whole = replace(server, catalog=(toolset,), allow=("*", *execs))
    bad = dict(bad_tokens(provider))
    async with behind(whole, replace(server, name="b", catalog=("core-readonly",), allow=())) as asked:
        for name, tool in tools.items():
            for served in ("a", "b"):
                metadata = f"{asked.url}/.well-known/oauth-protected-resource/s/{served}/mcp"
                none = await asked.call(served, name)
                assert (none.status, none.challenged) == (401, {"resource_metadata": metadata, "scope": "mcp:read"})
                for kind, token in bad.items():
                    got = await asked.call(served, name, token=token)
                    assert got.status == 401, (name, kind)
                    said = got.challenged
                    assert said.pop("error_description"), (name, kind)
                    expected = {"error": "invalid_token", "resource_metadata": metadata, "scope": "mcp:read"}
                    assert said == expected, (name, kind)
                    assert token[-12:] not in got.challenge + got.body
            lesser = "" if tool.tool_class is ToolClass.READ else "mcp:read"
            got = await asked.call("a", name, token=provider.token(scope=lesser))
            assert got.status == 403, name
            assert got.challenged["error"] == "insufficient_scope"
            assert got.challenged["scope"] == needed(tool.tool_class), name
            assert "resource_metadata" in got.challenged
        assert upstream.seen == []
        for name, tool in tools.items():
            got = await asked.call("a", name, token=provider.token(scope=HELD.get(tool.tool_class, "mcp:admin")))
            assert (got.status, got.challenge) == (200, ""), name


@CHALLENGES
async def test_a_tool_that_the_server_does_not_have_needs_no_scope(provider: Provider, server: NamedServer) -> None:
    deletes = [name for name, each in TOOLS.items() if each.tool_class is ToolClass.DELETE]
    async with behind(replace(server, deny=tuple(deletes))) as asked:
        for name in (*deletes, "no_such_tool"):
            got = await asked.call("a", name, token=provider.token(scope="mcp:read"))
            assert got.challenge == ""
            assert "unknown tool" in got.body


@CHALLENGES
@pytest.mark.requirement("mcp:list-is-what-can-be-called")
async def test_what_is_listed_is_what_the_scopes_reach(provider: Provider, server: NamedServer) -> None:
    async with behind(server) as asked:
        for held in ("mcp:read", "mcp:write", "mcp:admin", "mcp:read mcp:write", ALL):
            token = provider.token(scope=held)
            got = await asked.request("a", "tools/list", {}, token=token)
            listed = {each["name"] for each in _result(got.body)["tools"]}
            for tool in catalog.toolsets()["core"].tools:
                called = await asked.call("a", tool.name, token=token)
                assert (called.status == 200) is (tool.name in listed), (held, tool.name)


def _result(body: str) -> dict[str, Any]:
    text = next((line[6:] for line in body.splitlines() if line.startswith("data: {")), body)
    found: dict[str, Any] = json.loads(text)["result"]
    return found


@CHALLENGES
async def test_without_scopes_none_is_asked_for_and_none_is_named(provider: Provider, server: NamedServer) -> None:
    plain = replace(server, identity=OIDC(provider.issuer, ("mcp",), "pass-on"))
    async with behind(plain) as asked:
        assert "scope" not in (await asked.call("a", "pods_list")).challenged
        for name in ("namespaces_list", "resources_delete"):
            assert (await asked.call("a", name, token=provider.token())).status == 200
        got = await asked.ask("GET", "/.well-known/oauth-protected-resource/s/a/mcp")
        assert "scopes_supported" not in json.loads(got.body)


@CHALLENGES
@pytest.mark.parametrize(
    ("headers", "path", "status"),
    [
        ([("Authorization", "Bearer {}"), ("Authorization", "Bearer {}")], "/s/a/mcp", 400),
        ([], "/s/a/mcp?access_token={}", 400),
        ([("Authorization", "Bearer {} {}")], "/s/a/mcp", 400),
        ([("Authorization", "Basic {}")], "/s/a/mcp", 401),
        ([("Authorization", "Bearer")], "/s/a/mcp", 400),
        ([("Authorization", "bearer {}")], "/s/a/mcp", 406),
        ([("kubernetes-authorization", "Bearer {}")], "/s/a/mcp", 401),
        ([("Authorization", "Bearer {}")], "/s/a/approvals", 403),
        ([], "/s/a/approvals", 401),
        ([], "/s/a/mcp/../../a/mcp", 401),
        ([], "/s//mcp", 404),
        ([], "/s/b/mcp", 404),
        ([], "/mcp", 404),
        ([], "/", 404),
    ],
)
async def test_a_token_is_brought_in_one_way_and_every_path_is_guarded(
    headers: list[tuple[str, str]], path: str, status: int, provider: Provider, server: NamedServer
) -> None:
    token = provider.token(scope="mcp:read")
    async with behind(server) as asked:
        lines = "".join(f"{key}: {value.replace('{}', token)}\r\n" for key, value in headers)
        assert await _raw(asked, path.replace("{}", token), lines) == status


async def _raw(asked: Behind, path: str, lines: str, host: str | None = None) -> int:
    """A client library would mend what is wrong."""
    address = asked.url.removeprefix("http://")
    stream = await anyio.connect_tcp(*_pair(address))
    named = f"Host: {address}\r\n" if host is None else host
    async with stream:
        await stream.send(f"GET {path} HTTP/1.1\r\n{named}{lines}Connection: close\r\n\r\n".encode())
        with anyio.fail_after(30):
            return int((await stream.receive()).split(b" ", 2)[1])


def _pair(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)


@CHALLENGES
async def test_a_provider_that_cannot_be_asked_is_no_reason_to_log_in_again(
    provider: Provider, server: NamedServer
) -> None:
    provider.failing = True
    async with behind(server) as asked:
        got = await asked.call("a", "pods_list", token=provider.token())
        assert (got.status, got.challenge, got.headers["Retry-After"]) == (503, "", "10")
        assert provider.issuer not in got.body


@CHALLENGES
async def test_a_large_body_is_refused_while_it_comes(provider: Provider, server: NamedServer) -> None:
    async with behind(server) as asked:
        token = provider.token(scope="mcp:read")
        async with asked.session.post(
            f"{asked.url}/s/a/mcp", data=io.BytesIO(b" " * (5 << 20)), headers={"Authorization": f"Bearer {token}"}
        ) as answer:
            assert answer.status == 413


@HOSTS
@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("127.0.0.1:8080", None, 200),
        ("localhost", None, 200),
        ("[::1]:80", None, 200),
        ("mcp.example.com", None, 200),
        ("MCP.example.com:443", None, 200),
        ("other.example:8443", None, 200),
        ("other.example:9", None, 421),
        ("other.example", None, 421),
        ("evil.example", None, 421),
        ("mcp.example.com.evil.example", None, 421),
        ("evil.example@mcp.example.com", None, 421),
        ("mcp.example.com/", None, 421),
        ("127.0.0.1.evil.example", None, 421),
        ("169.254.169.254", None, 421),
        ("", None, 421),
        ("mcp.example.com", "https://mcp.example.com", 200),
        ("mcp.example.com", "https://app.example.com", 200),
        ("mcp.example.com", "http://localhost:6274", 200),
        ("mcp.example.com", "http://mcp.example.com", 403),
        ("mcp.example.com", "https://evil.example", 403),
        ("mcp.example.com", "https://mcp.example.com.evil.example", 403),
        ("mcp.example.com", "https://evil.example/mcp.example.com", 403),
        ("mcp.example.com", "null", 403),
        ("mcp.example.com", "", 403),
        ("localhost", "http://localhost.evil.example", 403),
        ("localhost", "file://", 403),
    ],
)
def test_hosts_and_origins(host: str, origin: str | None, status: int) -> None:
    allowed = Allowed(("mcp.example.com", "other.example:8443"), ("https://app.example.com",))
    found = allowed.host([host]) or allowed.origin([] if origin is None else [origin])
    assert found == (0 if status == 200 else status)


@HOSTS
@given(st.text("abclost127.:[]@/\\#?%hmpexa", max_size=30), st.sampled_from(["", ":80", ":x", "/", "]"]))
def test_no_name_that_ends_otherwise_is_taken_for_ours(text: str, port: str) -> None:
    allowed = Allowed(("mcp.example.com",))
    for start in ("", "localhost", "[::1]", "mcp.example.com"):
        host = f"{start}{text}evil.example{port}"
        assert allowed.host([host]) == 421
        assert allowed.origin([f"https://{host}"]) == 403
        assert allowed.origin([f"http://{host}"]) == 403


@HOSTS
@pytest.mark.parametrize("era", ["", "MCP-Protocol-Version: 2025-11-25\r\n", "MCP-Protocol-Version: 2026-07-28\r\n"])
@pytest.mark.parametrize("path", ["/s/a/mcp", "/.well-known/oauth-protected-resource", "/s/a/approvals", "/none"])
async def test_every_path_looks_at_the_host_but_health(path: str, era: str, server: NamedServer) -> None:
    async with behind(server) as asked:
        assert await _raw(asked, path, era, "Host: evil.example\r\n") == 421
        assert await _raw(asked, path, f"Origin: https://evil.example\r\n{era}") == 403
        assert await _raw(asked, path, f"Origin: http://localhost\r\nOrigin: http://localhost\r\n{era}") == 403
        assert await _raw(asked, path, era, "Host: localhost\r\nHost: evil.example\r\n") == 400
        assert await _raw(asked, "/healthz", era, "Host: evil.example\r\n") == 404  # it passes, and nobody is there


@ADMITTED
async def test_who_is_not_meant_is_told_so_without_a_challenge(provider: Provider, server: NamedServer) -> None:
    meant = replace(server, access=Access(subjects=("alice",), groups=("operators",)))
    async with behind(meant, replace(server, name="b", access=Access(subjects=("*",)))) as asked:
        for subject, groups, status in (
            ("alice", [], 200),
            ("bob", ["operators", "others"], 200),
            ("bob", ["others"], 403),
            ("bob", "operators", 200),
            ("operators", ["alice"], 403),
            ("*", ["*"], 403),
        ):
            token = provider.token(subject, scope="mcp:read", groups=groups)
            got = await asked.call("a", "namespaces_list", token=token)
            assert (got.status, got.challenge) == (status, ""), (subject, groups)
            assert (await asked.call("b", "namespaces_list", token=token)).status == 200


@ADMITTED
async def test_a_server_that_says_nothing_is_for_nobody_beyond_loopback(
    provider: Provider, server: NamedServer
) -> None:
    for beyond, status in ((False, 200), (True, 403)):
        async with behind(server, front=Front(beyond_loopback=beyond)) as asked:
            got = await asked.call("a", "namespaces_list", token=provider.token(scope="mcp:read"))
            assert got.status == status
        async with behind(replace(server, identity=Kubeconfig()), front=Front(beyond_loopback=beyond)) as asked:
            assert (await asked.call("a", "namespaces_list")).status == status


@ADMITTED
async def test_what_is_changed_holds_for_the_next_request(
    provider: Provider, upstream: Upstream, server: NamedServer
) -> None:
    """Security settings are taken up without a restart; connections made under others are not used any more."""
    assert isinstance(server.identity, OIDC)
    token = provider.token(scope="mcp:read")
    async with behind(server) as asked:
        changes = (
            (server, 200),
            (replace(server, access=Access(subjects=("bob",))), 403),
            (replace(server, identity=replace(server.identity, audiences=("another",))), 401),
            (replace(server, identity=replace(server.identity, scopes=Scopes("more"))), 403),
            (replace(server, identity=replace(server.identity, algorithms=("ES256",))), 401),
            (replace(server, identity=replace(server.identity, towards="impersonate")), 200),
        )
        for changed, status in changes:
            asked.held.take({"a": changed})
            assert (await asked.call("a", "namespaces_list", token=token)).status == status
    first, last = upstream.objects
    assert (first.authorization, first.user) == (f"Bearer {token}", "")
    assert (last.authorization, last.user) == (f"Bearer {CREDENTIAL}", "alice")


@METADATA
async def test_metadata_points_at_the_provider(provider: Provider, server: NamedServer) -> None:
    async with behind(server) as asked:
        for path in ("", "/s/a/mcp"):
            got = await asked.ask("GET", f"/.well-known/oauth-protected-resource{path}")
            assert (got.status, json.loads(got.body)) == (
                200,
                {
                    "resource": f"{asked.url}/s/a/mcp",
                    "authorization_servers": [provider.issuer],
                    "bearer_methods_supported": ["header"],
                    "resource_name": "Everything.",
                    "scopes_supported": ["mcp:read"],
                },
            )
        for path in ("oauth-authorization-server", "openid-configuration", "oauth-authorization-server/s/a/mcp"):
            got = await asked.ask("GET", f"/.well-known/{path}")
            assert json.loads(got.body) == provider.document()
        assert (await asked.ask("POST", "/s/a/register", json={})).status == 404


@METADATA
async def test_of_several_servers_the_root_is_none(provider: Provider, server: NamedServer) -> None:
    async with behind(server, replace(server, name="b"), NamedServer("c")) as asked:
        assert (await asked.ask("GET", "/.well-known/oauth-protected-resource")).status == 404
        assert (await asked.ask("GET", "/.well-known/oauth-protected-resource/s/c/mcp")).status == 404
        got = await asked.ask("GET", "/.well-known/oauth-protected-resource/s/b/mcp")
        assert json.loads(got.body)["resource"] == f"{asked.url}/s/b/mcp"


@METADATA
async def test_addresses_are_those_by_which_clients_come(server: NamedServer) -> None:
    fronts = (
        (Front(Allowed(("mcp.example.com",)), behind_tls_proxy=True), "https://mcp.example.com"),
        (Front(Allowed(("mcp.example.com",)), public_url="https://mcp.example.com/a/"), "https://mcp.example.com/a"),
    )
    for front, base in fronts:
        async with behind(server, front=front) as asked:
            got = await asked.ask("GET", "/s/a/mcp", headers={"Host": "mcp.example.com", "X-Forwarded-Host": "evil"})
            metadata = f"{base}/.well-known/oauth-protected-resource/s/a/mcp"
            assert (got.status, got.challenged["resource_metadata"]) == (401, metadata)


@METADATA
async def test_a_provider_where_nobody_registers_is_stood_in_for(provider: Provider, server: NamedServer) -> None:
    provider.registers = False
    assert isinstance(server.identity, OIDC)
    fronted = replace(server, identity=replace(server.identity, client_id="public"))
    async with behind(fronted) as asked:
        front = f"{asked.url}/s/a"
        got = await asked.ask("GET", "/.well-known/oauth-protected-resource/s/a/mcp")
        assert json.loads(got.body)["authorization_servers"] == [front]
        got = await asked.ask("GET", "/.well-known/oauth-authorization-server/s/a")
        told = json.loads(got.body)
        assert told["issuer"] == front
        assert told["authorization_endpoint"] == f"{provider.issuer}/authorize"
        assert told["token_endpoint"] == f"{provider.issuer}/token"
        wanted = {"redirect_uris": ["http://127.0.0.1:7/callback"], "client_name": "a client"}
        got = await asked.ask("POST", told["registration_endpoint"].removeprefix(asked.url), json=wanted)
        assert got.status == 201
        assert json.loads(got.body) | wanted | {"client_id": "public"} == json.loads(got.body)
        provider.more = {"authorization_response_iss_parameter_supported": True}
    async with behind(fronted) as asked:
        got = await asked.ask("GET", "/.well-known/oauth-protected-resource/s/a/mcp")
        assert json.loads(got.body)["authorization_servers"] == [provider.issuer]
        assert got.headers["Access-Control-Allow-Origin"] == "*"


@METADATA
async def test_who_registers_wrongly_is_told_so(provider: Provider, server: NamedServer) -> None:
    provider.registers = False
    assert isinstance(server.identity, OIDC)
    async with behind(replace(server, identity=replace(server.identity, client_id="public"))) as asked:
        for body in ("[]", "x"):
            assert (await asked.ask("POST", "/s/a/register", json=body)).status == 400


@ADMITTED
@pytest.mark.requirement("mcp-identity:sessions-bound")
async def test_a_session_is_its_owners_alone(provider: Provider, server: NamedServer) -> None:
    """CVE-2026-52869."""
    async with behind(server) as asked:
        opening = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": {"name": "t", "version": "1"},
            },
        }
        accept = {"Accept": "application/json, text/event-stream"}
        alice, bob = (provider.token(each, scope="mcp:read") for each in ("alice", "bob"))
        got = await asked.ask("POST", "/s/a/mcp", token=alice, headers=accept, json=opening)
        session = accept | {"Mcp-Session-Id": got.headers["mcp-session-id"]}
        listing = {"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {}}
        for token, status in (
            (bob, 404),
            (provider.token("alice", scope="mcp:read", azp="another"), 404),
            (None, 401),
            (provider.token("alice", scope="mcp:write"), 200),
        ):
            got = await asked.ask("POST", "/s/a/mcp", token=token, headers=session, json=listing)
            assert got.status == status
            ended = await asked.ask(
                "DELETE", "/s/a/mcp", token=provider.token("bob", scope="mcp:read"), headers=session
            )
            assert ended.status == 404


@CHALLENGES
async def test_the_claims_that_name_somebody_have_to_be_there(provider: Provider, server: NamedServer) -> None:
    assert isinstance(server.identity, OIDC)
    by_mail = replace(server, identity=replace(server.identity, username_claim="email"))
    async with behind(by_mail) as asked:
        wrong: tuple[tuple[dict[str, Any], str], ...] = (
            ({}, "the token has no email"),
            ({"email": "a@example.com", "email_verified": False}, "the token has an email that is not verified"),
        )
        for claims, said in wrong:
            got = await asked.call("a", "pods_list", token=provider.token(scope="mcp:read", **claims))
            assert (got.status, got.challenged["error_description"]) == (401, said)
        good: dict[str, Any] = {"email": "a@example.com", "email_verified": True}
        assert (await asked.call("a", "pods_list", token=provider.token(scope="mcp:read", **good))).status == 200


@CHALLENGES
async def test_an_audience_that_is_another_says_which_is_meant(provider: Provider, server: NamedServer) -> None:
    async with behind(server) as asked:
        got = await asked.call("a", "pods_list", token=provider.token(audience="account"))
        assert got.challenged["error_description"] == "the token is for another audience; ask for one for mcp"


@METADATA
@pytest.mark.parametrize("fronted", [False, True])
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_logs_in_by_itself_and_asks_for_more(
    fronted: bool, mode: str, provider: Provider, server: NamedServer
) -> None:
    """The SDK's, which registers, logs in with PKCE, calls, and comes back with more scopes when it is told to."""
    assert isinstance(server.identity, OIDC)
    if fronted:
        provider.registers = provider.names_itself = False
        provider.clients["public"] = {"redirect_uris": [login.CALLBACK]}
        server = replace(server, identity=replace(server.identity, client_id="public"))
    async with behind(server) as asked, login.logged_in(f"{asked.url}/s/a/mcp", mode) as (client, browser, memory):
        assert not (await client.call_tool("namespaces_list", {})).is_error
        assert [each.scope for each in [memory.tokens] if each] == ["mcp:read"]
        assert memory.client is not None
        assert memory.client.client_id in provider.clients
        await client.call_tool("resources_delete", {"kind": "pod", "name": "a", "namespace": "b", "dry_run": True})
        assert len(browser.visited) == 2
        assert memory.tokens is not None
        assert set((memory.tokens.scope or "").split()) == set(ALL.split())
