"""Named servers as a process: one over stdio, or all of them on one port."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import IO

from mcp.server.stdio import stdio_server
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from fairlead.machinery.errors import FairleadError
from fairlead.mcp import catalog, eras, mounting
from fairlead.mcp.auditing import ToolAudit
from fairlead.mcp.callers import Caller
from fairlead.mcp.holding import Held
from fairlead.mcp.registry import Registry, Shared
from fairlead.mcp.servers import NamedServer

LOOPBACK = ("127.0.0.1", "::1", "localhost")
DEFAULT = NamedServer("default", "Reads the Kubernetes clusters of this kubeconfig.")


class ServeError(FairleadError):
    """Serving was asked for in a way that is not safe, or not possible."""


@asynccontextmanager
async def opened(
    servers: Mapping[str, NamedServer], caller: Caller, audit: IO[bytes] | None = None
) -> AsyncIterator[Registry]:
    """Raises `CatalogError` and `OfferError`; kubeconfigs are read when a tool first asks for a cluster."""
    async with Registry(caller, Shared(ToolAudit(audit)), catalog.toolsets()) as found:
        found.take(servers)
        yield found


async def serve_stdio(server: Held) -> None:
    """Until the client closes its end."""
    async with stdio_server() as (reading, writing):
        await eras.serve(server.sdk, reading, writing)


@asynccontextmanager
async def application(servers: Mapping[str, Held]) -> AsyncIterator[Starlette]:
    """`/s/<name>/mcp` for each, and health paths. Answers only for loopback hosts: there is no identity yet."""
    async with mounting.mounted(servers) as mounts:
        health = [Route(path, _healthy) for path in ("/healthz", "/livez", "/readyz")]
        yield Starlette(routes=[*health, Mount("/", app=mounts)])


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
