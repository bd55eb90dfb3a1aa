"""Every named server at its address, `/s/<name>/mcp`, however often the servers change.

The protocol's library keeps sessions for each server by a manager that runs in a task; it is started when the server is
first asked for, and ends when the server is removed and its last call is done. A name that there is no more answers 404
at once.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass

import anyio
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from fairlead.mcp.background import Background, background
from fairlead.mcp.operating.holding import Count, Held
from fairlead.mcp.wire.replying import Replying

# Whoever serves no others answers only to loopback names, which keeps web pages out (DNS rebinding).
LOOPBACK_ONLY = TransportSecuritySettings(
    enable_dns_rebinding_protection=True,
    allowed_hosts=["127.0.0.1:*", "localhost:*", "[::1]:*"],
    allowed_origins=["http://127.0.0.1:*", "http://localhost:*", "http://[::1]:*"],
)
# What a removed server's calls have said may still be on its way so long; streams without an end are cut then.
_SENDING = 2.0
PREFIX, SUFFIX = "/s/", "/mcp"


@dataclass(frozen=True)
class Manner:
    """How the protocol's library serves."""

    loopback_only: bool = True
    """False where a layer before it looks at hosts and origins."""
    stateless: bool = False
    """No sessions for the legacy era either, for several workers on one port."""


def named(path: str) -> str:
    """The server that a path names; empty for any other path."""
    name = path.removeprefix(PREFIX).removesuffix(SUFFIX)
    return name if path == f"{PREFIX}{name}{SUFFIX}" and "/" not in name else ""


def alone(application: ASGIApp, name: str) -> ASGIApp:
    """With a server at `/mcp` too; without a name nothing is there."""

    async def renamed(scope: Scope, receive: Receive, send: Send) -> None:
        if name and scope["type"] == "http" and scope["path"] == SUFFIX:
            path = f"{PREFIX}{name}{SUFFIX}"
            scope = {**scope, "path": path, "raw_path": path.encode()}
        await application(scope, receive, send)

    return renamed


class Mounts:
    """An ASGI application for all the servers of a registry."""

    def __init__(self, servers: Mapping[str, Held], tasks: Background, manner: Manner) -> None:
        self._servers = servers
        self._tasks = tasks
        self._manner = manner
        self._managers: dict[Held, Replying] = {}
        self._requests: defaultdict[Held, Count] = defaultdict(Count)
        self._starting = anyio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        held = self._servers.get(named(scope["path"]))
        if held is None:
            await PlainTextResponse("there is no such server", 404)(scope, receive, send)
            return
        if held.removed.is_set():
            await PlainTextResponse("this process ends", 503)(scope, receive, send)
            return
        manager = self._managers.get(held) or await self._started(held)
        with nullcontext() if scope["method"] == "GET" else self._requests[held].one():
            await manager.handle_request(scope, receive, send)

    async def _started(self, held: Held) -> Replying:
        async with self._starting:
            if held not in self._managers:
                started = anyio.Event()
                self._tasks.start(self._manage(held, started))
                await started.wait()
            return self._managers[held]

    async def _manage(self, held: Held, started: anyio.Event) -> None:
        by_events, by_json = self._manager(held, json=False), self._manager(held, json=True)
        async with by_events.run(), by_json.run():
            self._managers[held] = Replying(by_events, by_json)
            started.set()
            await held.removed.wait()
            await held.ended()
            with anyio.move_on_after(_SENDING):
                await self._requests[held].ended()
        del self._managers[held], self._requests[held]

    def _manager(self, held: Held, *, json: bool) -> StreamableHTTPSessionManager:
        return StreamableHTTPSessionManager(
            held.sdk,
            json_response=json,
            stateless=self._manner.stateless,
            security_settings=LOOPBACK_ONLY if self._manner.loopback_only else None,
        )


@asynccontextmanager
async def mounted(servers: Mapping[str, Held], manner: Manner | None = None) -> AsyncIterator[Mounts]:
    async with background() as tasks:
        yield Mounts(servers, tasks, manner or Manner())
