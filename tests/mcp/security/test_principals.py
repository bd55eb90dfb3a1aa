"""Group 5, and that nobody comes to an approval without a token: callers at once, told apart by their tokens."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import anyio
import pytest

from fairlead.mcp.callers import LOOPBACK
from fairlead.mcp.deciding.exposing import Exposure
from fairlead.mcp.named.identities import OIDC, Scopes
from fairlead.mcp.named.servers import NamedServer
from fairlead.mcp.operating import running
from fairlead.mcp.operating.mounting import Manner
from fairlead.mcp.operating.registry import Registry, Shared
from fairlead.mcp.operating.running import Serving
from fairlead.mcp.tools import Answer, Tool, Toolset
from fairlead.serving import listening
from tests.identity.provider import Provider
from tests.mcp.changing import World
from tests.mcp.security.wire import MODERN, Said, Wire

pytestmark = pytest.mark.anyio
MANY = 50
ALL = "mcp:read mcp:write mcp:admin"
_LEGACY = "2025-11-25"


class Together:
    """A tool that tells nobody anything before everybody has asked."""

    def __init__(self) -> None:
        self.inside = 0
        self.all = anyio.Event()

    async def run(self, call: Any, arguments: Mapping[str, Any]) -> Answer:
        self.inside += 1
        if self.inside == MANY:
            self.all.set()
        await self.all.wait()
        for step in range(3):
            await call.talk.progress(step, 3, f"tag-{call.caller.name}.")
            await asyncio.sleep(0)
        return Answer(f"tag-{call.caller.name}.", {"who": f"tag-{call.caller.name}."})


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with Provider().served() as served:
        yield served


@asynccontextmanager
async def served(provider: Provider, *tools: Tool, production: bool = False) -> AsyncIterator[Wire]:
    identity = OIDC(provider.issuer, ("mcp",), "impersonate", scopes=Scopes("mcp:read", "mcp:write", "mcp:admin"))
    server = NamedServer("one", catalog=("some",), identity=identity, production=production)
    with anyio.fail_after(120):
        async with Registry(LOOPBACK, Shared(), {"some": Toolset("some", "Some.", tools)}) as found:
            found.take({"one": server})
            serving = Serving(exposure=Exposure("127.0.0.1"), manner=Manner(loopback_only=False))
            async with (
                running.application(found, serving) as application,
                listening.listen_application(application, grace=1) as listener,
            ):
                parts = urlsplit(listener.url)
                yield Wire(str(parts.hostname), int(parts.port or 0))


async def asked(
    wire: Wire, token: str, method: str, parameters: Mapping[str, Any], *, modern: bool = True, session: str = ""
) -> Said:
    meta: dict[str, Any] = {"progressToken": 1} if method == "tools/call" else {}
    if modern:
        envelope = "io.modelcontextprotocol"
        meta |= {f"{envelope}/protocolVersion": MODERN, f"{envelope}/clientCapabilities": {}}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": {**parameters, "_meta": meta}}).encode()
    lines = wire.lines(method, parameters.get("name"), len(body))
    if not modern:
        lines = [each for each in lines if each[0] not in ("Mcp-Method", "Mcp-Name", "MCP-Protocol-Version")]
        lines += [("MCP-Protocol-Version", _LEGACY)] if method != "initialize" else []
        lines += [("Mcp-Session-Id", session)] if session else []
    return await wire.send([*lines, ("Authorization", f"Bearer {token}")], body)


async def session(wire: Wire, token: str) -> str:
    hello = {"protocolVersion": _LEGACY, "capabilities": {}, "clientInfo": {"name": "a", "version": "1"}}
    said = await asked(wire, token, "initialize", hello, modern=False)
    return said.headers["mcp-session-id"]


@pytest.mark.requirement("mcp-policy:apart")
async def test_fifty_at_once_each_hear_only_of_themselves(provider: Provider) -> None:
    """CVE-2026-25536: replies went to whoever shared a transport. Answers and progress, in both eras at once."""
    together = Together()
    heard: dict[str, str] = {}
    async with served(provider, Tool("tagged", "t", "Tagged.", together.run)) as wire:

        async def one(number: int) -> None:
            token, modern = provider.token(f"user{number}", scope="mcp:read"), bool(number % 2)
            opened = "" if modern else await session(wire, token)
            call = {"name": "tagged", "arguments": {}}
            said = await asked(wire, token, "tools/call", call, modern=modern, session=opened)
            heard[f"tag-user{number}."] = said.body

        async with anyio.create_task_group() as tasks:
            for number in range(MANY):
                tasks.start_soon(one, number)
    assert len(heard) == MANY
    for own, body in heard.items():
        others = [each for each in heard if each != own and each in body]
        assert others == []
        assert body.count(own) >= 2
    assert any("notifications/progress" in body for body in heard.values())


@pytest.mark.requirement("mcp-policy:apart")
async def test_lists_that_differ_by_caller_are_private(provider: Provider) -> None:
    tools = World().offer.tools.values()
    async with served(provider, *tools) as wire:
        found = {}
        for scope in ("mcp:read mcp:write", ALL):
            said = await asked(wire, provider.token("ann", scope=scope), "tools/list", {})
            result = said.document["result"]
            assert result["cacheScope"] == "private"
            found[scope] = {each["name"] for each in result["tools"]}
    assert found == {
        "mcp:read mcp:write": {"things_apply", "changes_confirm"},
        ALL: {"things_apply", "things_delete", "changes_confirm"},
    }


@pytest.mark.requirement("mcp-policy:approval")
async def test_who_approves_administers(provider: Provider) -> None:
    """CVE-2026-33032: a route without authentication. Kong 3.13: what looked like no request was let through."""
    tools = World().offer.tools.values()
    async with served(provider, *tools, production=True) as wire:
        path = "/s/one/approvals"
        host = ("Host", f"{wire.host}:{wire.port}")
        for method, body in (("GET", b""), ("POST", b"{}"), ("POST", b"nonsense"), ("PUT", b""), ("DELETE", b"")):
            length = ("Content-Length", str(len(body)))
            nobody = await wire.send([host, length], body, path, method)
            assert nobody.status == 401
            agent = ("Authorization", f"Bearer {provider.token('agent', scope='mcp:read mcp:write')}")
            assert (await wire.send([host, length, agent], body, path, method)).status == 403
        call = {"name": "things_apply", "arguments": {"name": "a"}}
        planned = await asked(wire, provider.token("agent", scope="mcp:read mcp:write"), "tools/call", call)
        assert "fairlead mcp approve" in planned.body
        admin = ("Authorization", f"Bearer {provider.token('boss', scope=ALL)}")
        (waiting,) = json.loads((await wire.send([host, admin], b"", path, "GET")).body)["plans"]
        assert waiting["who"] == "agent"
        yes = json.dumps({"id": waiting["id"], "approve": True}).encode()
        lines = [host, admin, ("Content-Length", str(len(yes)))]
        assert (await wire.send([*lines, ("Content-Type", "text/plain")], yes, path)).status == 409
        assert (await wire.send([*lines, ("Content-Type", "application/json")], yes, path)).status == 200
        given = planned.document["result"]["content"][0]["text"].rpartition("handle=")[2]
        handle, _, rest = given.partition(" plan=")
        confirm = {"name": "changes_confirm", "arguments": {"handle": handle, "plan": rest.splitlines()[0]}}
        for token, failed in (
            (provider.token("boss", scope=ALL), True),
            (provider.token("agent", scope="mcp:write"), False),
        ):
            said = await asked(wire, token, "tools/call", confirm)
            assert said.document["result"].get("isError", False) is failed, said
