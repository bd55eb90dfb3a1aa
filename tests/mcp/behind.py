"""Servers behind the guard, and bare requests to them, of which a test sees every header."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from fairlead.mcp.callers import LOOPBACK
from fairlead.mcp.entering import guarding
from fairlead.mcp.entering.guarding import Front
from fairlead.mcp.named.servers import NamedServer
from fairlead.mcp.operating import mounting, running
from fairlead.mcp.operating.registry import Registry
from fairlead.serving import listening

MODERN = "2026-07-28"
_META = "io.modelcontextprotocol"


@dataclass(frozen=True)
class Got:
    status: int
    challenge: str
    body: str
    headers: Mapping[str, str]

    @property
    def challenged(self) -> dict[str, str]:
        """The parameters of the challenge."""
        _, _, parameters = self.challenge.partition(" ")
        pairs = (each.partition("=") for each in parameters.split(", ") if each)
        return {key: value.strip('"') for key, _, value in pairs}


@dataclass
class Wire:
    url: str
    session: aiohttp.ClientSession = field(repr=False)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
    ) -> Got:
        lines = dict(headers or {}) | ({"Authorization": f"Bearer {token}"} if token is not None else {})
        async with self.session.request(
            method, f"{self.url}{path}", headers=lines, json=json, allow_redirects=False
        ) as answer:
            challenge = answer.headers.get("WWW-Authenticate", "")
            return Got(answer.status, challenge, await answer.text(), dict(answer.headers))


@dataclass
class Behind(Wire):
    held: Registry = field(repr=False)

    async def call(
        self, server: str, tool: str, arguments: Mapping[str, Any] | None = None, *, token: str | None = None
    ) -> Got:
        """As a client of 2026-07-28 sends it."""
        return await self.request(server, "tools/call", {"name": tool, "arguments": dict(arguments or {})}, token=token)

    async def request(
        self, server: str, method: str, parameters: Mapping[str, Any], *, token: str | None = None
    ) -> Got:
        meta = {f"{_META}/protocolVersion": MODERN, f"{_META}/clientCapabilities": {}}
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**parameters, "_meta": meta}}
        headers = {
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": MODERN,
            "Mcp-Method": method,
            **({"Mcp-Name": parameters["name"]} if "name" in parameters else {}),
        }
        return await self.ask("POST", f"/s/{server}/mcp", token=token, headers=headers, json=body)


@asynccontextmanager
async def behind(*servers: NamedServer, front: Front | None = None) -> AsyncIterator[Behind]:
    async with (
        running.opened({each.name: each for each in servers}, LOOPBACK) as held,
        mounting.mounted(held, mounting.Manner(loopback_only=False)) as mounts,
        guarding.guarded(mounts, held, front) as application,
        listening.listen_application(application, grace=1) as listener,
        aiohttp.ClientSession() as session,
    ):
        yield Behind(listener.url, session, held)
