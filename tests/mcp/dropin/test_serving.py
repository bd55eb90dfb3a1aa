"""A config.toml, served: at /mcp, as its caller, to its hosts."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import anyio
import pytest
from mcp import Client

from fairlead.cli import mcpconfig
from fairlead.mcp.callers import LOOPBACK
from fairlead.mcp.deciding.exposing import ExposeError, Exposure
from fairlead.mcp.deciding.production import ProductionError
from fairlead.mcp.dropin.reading import Flags
from fairlead.mcp.operating import running
from fairlead.mcp.operating.running import Serving
from fairlead.serving import listening
from tests.identity.provider import Provider
from tests.mcp.behind import Behind, Got
from tests.mcp.upstream import Upstream

DEADLINE = 60
META = "io.modelcontextprotocol"


@asynccontextmanager
async def served(folder: Path, text: str, **flags: Any) -> AsyncIterator[Behind]:
    (folder / "config.toml").write_text(text, encoding="utf-8")
    said = Serving(exposure=Exposure("127.0.0.1", behind_tls_proxy=True), audit_log=str(folder / "audit"))
    serving, found = mcpconfig.serving(folder / "config.toml", None, Flags(port=1, **flags), said)
    assert found.port == 1
    serving.exposure.check_transport()
    async with (
        running.following(serving, LOOPBACK) as servers,
        running.application(servers, serving) as application,
        listening.listen_application(application, grace=1) as listener,
        aiohttp.ClientSession() as session,
    ):
        yield Behind(listener.url, session, servers)


async def request(to: Behind, method: str, token: str | None = None, host: str = "", **parameters: Any) -> Got:
    meta = {f"{META}/protocolVersion": "2026-07-28", f"{META}/clientCapabilities": {}}
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**parameters, "_meta": meta}}
    headers = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2026-07-28"}
    headers |= {"Mcp-Method": method} | ({"Mcp-Name": parameters["name"]} if "name" in parameters else {})
    return await to.ask("POST", "/mcp", token=token, headers=headers | ({"Host": host} if host else {}), json=body)


def config(upstream: Upstream, provider: Provider, folder: Path, more: str = "") -> str:
    return (
        f'kubeconfig = "{upstream.kubeconfig(folder)}"\nrequire_oauth = true\n'
        f'authorization_url = "{provider.issuer}"\noauth_audience = "mcp"\n'
        f'server_url = "https://mcp.example.com"\n{more}'
    )


EXCHANGE = (
    '[token_exchange]\nstrategy = "rfc8693"\naudience = "kubernetes"\n'
    '[token_exchange.client_auth]\nmethod = "METHOD"\nclient_id = "mcp"\nclient_secret = "s3cret"\n'
)


@pytest.mark.requirement("mcp-dropin:passing-on", "mcp-dropin:served-at-mcp")
async def test_the_callers_token_is_verified_and_passed_on(tmp_path: Path) -> None:
    with anyio.fail_after(DEADLINE):
        async with (
            Provider().served() as provider,
            Upstream().served() as upstream,
            served(tmp_path, config(upstream, provider, tmp_path)) as to,
        ):
            refused = await request(to, "tools/list")
            assert refused.status == 401
            assert refused.challenged["resource_metadata"].startswith("https://mcp.example.com/")
            assert "scope" not in refused.challenged, "none is required"
            assert (await request(to, "tools/list", provider.token(audience="other"))).status == 401
            assert upstream.seen == []
            token = provider.token()
            wanted = {"kind": "Pod", "apiVersion": "v1", "labelSelector": "a=b"}
            answer = await request(to, "tools/call", token, name="resources_list", arguments=wanted)
            assert answer.status == 200
            assert {each.authorization for each in upstream.seen} == {f"Bearer {token}"}


@pytest.mark.requirement("mcp-dropin:passing-on")
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_the_token_is_exchanged_where_the_file_says_so(tmp_path: Path, method: str) -> None:
    with anyio.fail_after(DEADLINE):
        async with (
            Provider().served() as provider,
            Upstream().served() as upstream,
            served(tmp_path, config(upstream, provider, tmp_path, EXCHANGE.replace("METHOD", method))) as to,
        ):
            token = provider.token()
            answer = await request(to, "tools/call", token, name="namespaces_list", arguments={})
            assert answer.status == 200
            assert upstream.objects
            assert f"Bearer {token}" not in {each.authorization for each in upstream.seen}
            assert provider.count("/token") == 1


@pytest.mark.requirement("mcp-dropin:allowed-hosts")
async def test_the_host_of_server_url_is_answered_and_no_other(tmp_path: Path) -> None:
    with anyio.fail_after(DEADLINE):
        async with (
            Provider().served() as provider,
            Upstream().served() as upstream,
            served(tmp_path, config(upstream, provider, tmp_path)) as to,
        ):
            token = provider.token()
            for host, status in (("mcp.example.com", 200), ("mcp.example.com:443", 200), ("evil.example.com", 421)):
                assert (await request(to, "tools/list", token, host)).status == status
            known = await to.ask("GET", "/.well-known/oauth-protected-resource/mcp")
            assert json.loads(known.body)["resource"] == "https://mcp.example.com/mcp"


@pytest.mark.requirement("mcp-dropin:passing-on")
async def test_scopes_are_told_and_none_is_required(tmp_path: Path) -> None:
    text = 'oauth_scopes = ["openid", "mcp-server"]\n'
    async with (
        Provider().served() as provider,
        Upstream().served() as upstream,
        served(tmp_path, config(upstream, provider, tmp_path, text)) as to,
    ):
        known = await to.ask("GET", "/.well-known/oauth-protected-resource/mcp", headers={"Host": "mcp.example.com"})
        assert json.loads(known.body)["scopes_supported"] == ["openid", "mcp-server"]
        assert "scope" not in (await request(to, "tools/list")).challenged
        assert (await request(to, "tools/list", provider.token())).status == 200


@pytest.mark.requirement("mcp-dropin:passing-on")
async def test_production_mode_passes_no_token_on(tmp_path: Path) -> None:
    async with Provider().served() as provider, Upstream().served() as upstream:
        with pytest.raises(ProductionError, match="tokens would be passed on"):
            async with served(tmp_path, config(upstream, provider, tmp_path, "[fairlead]\nproduction = true\n")):
                pass


@pytest.mark.requirement("mcp-dropin:passing-on")
async def test_nobody_else_is_served_without_oauth(tmp_path: Path) -> None:
    async with Upstream().served() as upstream:
        with pytest.raises(ExposeError, match="callers are not told apart"):
            async with served(tmp_path, f'kubeconfig = "{upstream.kubeconfig(tmp_path)}"\nbind_address = "0.0.0.0"'):
                pass


@pytest.mark.requirement("mcp-dropin:served-at-mcp")
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_of_either_era_finds_the_others_parameters(tmp_path: Path, mode: Any) -> None:
    with anyio.fail_after(DEADLINE):
        async with Upstream().served() as upstream:
            (tmp_path / "config.toml").write_text(f'kubeconfig = "{upstream.kubeconfig(tmp_path)}"\nport = "1"')
            said = Serving(exposure=Exposure("127.0.0.1"))
            serving, _ = mcpconfig.serving(tmp_path / "config.toml", None, Flags(), said)
            async with (
                running.following(serving, LOOPBACK) as servers,
                running.application(servers, serving) as application,
                listening.listen_application(application, grace=1) as listener,
                Client(f"{listener.url}/mcp", mode=mode) as client,
            ):
                listed = {each.name: each.input_schema for each in (await client.list_tools()).tools}
                assert {"apiVersion", "labelSelector", "fieldSelector"} <= listed["resources_list"]["properties"].keys()
                answer = await client.call_tool("pods_list", {"labelSelector": "a=b"})
                assert not answer.is_error
                wrong = await client.call_tool("pods_list", {"label_selector": "a=b"})
                assert "labelSelector" in wrong.content[0].text  # type: ignore[union-attr]  # it is text
