"""Named servers as a process: one over stdio, or all of them on one port."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import IO, Any

from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from fairlead.machinery.errors import FairleadError
from fairlead.mcp import catalog, eras, offering, policy, protocol
from fairlead.mcp.auditing import ToolAudit
from fairlead.mcp.callers import Caller
from fairlead.mcp.gate import Gate
from fairlead.mcp.limiting import HourlyLimiter
from fairlead.mcp.servers import NamedServer
from fairlead.mcp.targets import Targets

LOOPBACK = ("127.0.0.1", "::1", "localhost")
DEFAULT = NamedServer("default", "Reads the Kubernetes clusters of this kubeconfig.")


class ServeError(FairleadError):
    """Serving was asked for in a way that is not safe, or not possible."""


@dataclass(frozen=True)
class Opened:
    gate: Gate
    sdk: Server[Any]


@asynccontextmanager
async def opened(
    servers: Mapping[str, NamedServer], caller: Caller, audit: IO[bytes] | None = None
) -> AsyncIterator[dict[str, Opened]]:
    """Raises `CatalogError` and `OfferError`; kubeconfigs are read when a tool first asks for a cluster."""
    available, log, limiter = catalog.toolsets(), ToolAudit(audit), HourlyLimiter()
    async with AsyncExitStack() as stack:
        found = {}
        for name, each in servers.items():
            offer = offering.combined(catalog.chosen(each.catalog, available))
            reads_only = policy.reads_only(each, offer.tools.values())
            targets = await stack.enter_async_context(Targets(each.targets, reads_only=reads_only))
            gate = Gate(each, offer, targets, log if each.logging else ToolAudit(), limiter)
            found[name] = Opened(gate, protocol.server(gate, caller))
        yield found


async def serve_stdio(server: Opened) -> None:
    """Until the client closes its end."""
    async with stdio_server() as (reading, writing):
        await eras.serve(server.sdk, reading, writing)


@asynccontextmanager
async def application(servers: Mapping[str, Opened]) -> AsyncIterator[Starlette]:
    """`/s/<name>/mcp` for each, and health paths. Answers only for loopback hosts: there is no identity yet."""
    async with AsyncExitStack() as stack:
        routes: list[Route | Mount] = [Route(path, _healthy) for path in ("/healthz", "/livez", "/readyz")]
        for name, each in servers.items():
            inner = each.sdk.streamable_http_app(host="127.0.0.1", streamable_http_path="/mcp")
            await stack.enter_async_context(inner.router.lifespan_context(inner))
            routes.append(Mount(f"/s/{name}", app=inner))
        yield Starlette(routes=routes)


async def _healthy(request: Request) -> PlainTextResponse:
    return PlainTextResponse("ok")


def check_address(address: str) -> None:
    """Raises `ServeError` for one that others can reach."""
    if address not in LOOPBACK:
        raise ServeError(
            f"will not serve on {address}",
            "callers are not told apart yet, so whoever reaches it acts as you",
            "bind to 127.0.0.1 and put an authenticating proxy or a tunnel before it",
        )
