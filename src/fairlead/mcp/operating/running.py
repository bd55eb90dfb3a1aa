"""Named servers as a process: one over stdio, or all of them on one port, as their files say now and later."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from mcp.server.stdio import stdio_server
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp

from fairlead.machinery.errors import FairleadError
from fairlead.mcp.background import background
from fairlead.mcp.callers import LOOPBACK, STDIO, Caller
from fairlead.mcp.deciding import approving, auditfiles, sharing
from fairlead.mcp.deciding.auditing import Sink, ToolAudit
from fairlead.mcp.deciding.exposing import Exposure
from fairlead.mcp.deciding.production import Served
from fairlead.mcp.entering.flooding import Floods
from fairlead.mcp.entering.hosts import Allowed
from fairlead.mcp.named import catalog
from fairlead.mcp.observing import UNMEASURED, Meter
from fairlead.mcp.operating import health, mounting, spans
from fairlead.mcp.operating.holding import Held
from fairlead.mcp.operating.metrics import PrometheusMeter
from fairlead.mcp.operating.mounting import Manner
from fairlead.mcp.operating.paths import Operated, metrics_alone
from fairlead.mcp.operating.registry import Registry, Servers, Shared
from fairlead.mcp.operating.sources import ServerSource, Source
from fairlead.mcp.wire import eras
from fairlead.serving import listening
from fairlead.serving.listening import Listening
from fairlead.serving.tlsfiles import FileTLS


class ServeError(FairleadError):
    """Serving was asked for in a way that is not possible."""


@dataclass(frozen=True)
class Serving:
    """What the command line says of a process that serves."""

    source: ServerSource = field(default_factory=Source)
    exposure: Exposure = field(default_factory=Exposure)
    audit_log: str = ""
    redis_url: str = field(default="", repr=False)
    seal_key_file: Path | None = None
    manner: Manner = field(default_factory=lambda: Manner(loopback_only=False))
    tls: FileTLS | None = None
    public_url: str = ""
    """What clients reach it by, where requests do not say it."""
    alone: str = ""
    """The server that is at `/mcp`."""
    metrics: socket.socket | None = None
    """Bound to the port on which metrics are shown, to whoever reaches it."""

    @property
    def served(self) -> Served:
        exposure = self.exposure
        return Served(
            stdio=exposure.is_pipe,
            loopback=not exposure.is_reached_by_others,
            tls=exposure.has_tls,
            behind_tls_proxy=exposure.behind_tls_proxy,
            audited=bool(self.audit_log),
        )


@asynccontextmanager
async def opened(servers: Servers, caller: Caller, audit: Sink | None = None) -> AsyncIterator[Registry]:
    """Raises `CatalogError` and `OfferError`; kubeconfigs are read when a tool first asks for a cluster."""
    async with Registry(caller, Shared(ToolAudit(audit)), catalog.toolsets()) as found:
        found.take(servers)
        yield found


@asynccontextmanager
async def following(serving: Serving, everybody: Caller, meter: Meter = UNMEASURED) -> AsyncIterator[Registry]:
    """The servers of the source, and whatever it comes to say; raises what is wrong with them at the start."""
    known = serving.source.read()
    first = serving.source.first(known)
    check = serving.exposure.check
    with auditfiles.opened(serving.audit_log) as log, spans.exported():
        async with (
            sharing.opened(serving.redis_url, serving.seal_key_file, meter) as shared,
            Registry(everybody, Shared(ToolAudit(log), shared, serving.served), catalog.toolsets(), check) as found,
            background() as tasks,
        ):
            found.take(first)
            tasks.start(serving.source.follow(found, known))
            yield found


async def serve_stdio(serving: Serving) -> None:
    """The one server of the source, until the client closes its end or the server is removed."""
    only = serving.source.one(serving.source.read()).name
    async with following(replace(serving, source=serving.source.narrowed(only)), STDIO) as servers:
        held = servers[only]
        ends = [asyncio.create_task(each) for each in (_speak(held), held.removed.wait())]
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in ends:
                each.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
        for each in done:
            each.result()


async def _speak(held: Held) -> None:
    async with approving.listening(held), stdio_server() as (reading, writing):
        await eras.serve(held.sdk, reading, writing)


async def serve_port(serving: Serving, bound: socket.socket, started: Callable[[Listening, Registry], None]) -> None:
    """All servers, until cancelled."""
    meter = PrometheusMeter()
    async with AsyncExitStack() as stack:
        servers = await stack.enter_async_context(following(serving, LOOPBACK, meter))
        meter.is_stale = lambda: bool(servers.fault)
        if serving.metrics is not None:
            alone = metrics_alone(meter, health.checks(servers))
            await stack.enter_async_context(listening.listen_application(alone, bound=serving.metrics))
        served = await stack.enter_async_context(application(servers, serving, meter))
        listener = await stack.enter_async_context(listening.listen_application(served, bound=bound, tls=serving.tls))
        stack.callback(servers.retire)
        started(listener, servers)
        await (asyncio.Event().wait() if serving.tls is None else serving.tls.follow())


@asynccontextmanager
async def application(
    servers: Registry, serving: Serving | None = None, meter: PrometheusMeter | None = None
) -> AsyncIterator[ASGIApp]:
    """`/s/<name>/mcp` for each, guarded, and health paths; with `meter` counts, too."""
    from fairlead.mcp.entering import guarding  # what verifies tokens is slow to import, and a pipe has none
    from fairlead.mcp.entering.guarding import Front

    serving = serving or Serving(exposure=Exposure("127.0.0.1"))
    exposure = serving.exposure
    front = Front(
        Allowed(exposure.allowed_hosts),
        public_url=serving.public_url,
        alone=serving.alone,
        behind_tls_proxy=exposure.behind_tls_proxy,
        beyond_loopback=exposure.is_reached_by_others,
    )
    async with mounting.mounted(servers, serving.manner) as mounts:
        inner = Starlette(routes=[approving.route(servers), Mount("/", app=mounts)])
        async with guarding.guarded(mounting.alone(Floods(inner, servers), serving.alone), servers, front) as guarded:
            is_here = serving.metrics is None and not exposure.is_reached_by_others
            yield Operated(guarded, health.checks(servers), meter, shows=is_here)
