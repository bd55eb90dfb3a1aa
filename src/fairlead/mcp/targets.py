"""The clusters that a server's tools may reach, opened when first asked for, with a client that can only read.

That a server changes nothing must not depend on its tools being written well: the connection itself refuses whatever is
not a read, before anything is sent. A GET can do harm too (exec and port-forward are GETs that are upgraded, a proxy
passes on what it is given), so those paths are refused as well.

Source: issue MCP serving, 5 ("servers whose Kubernetes client can only send reads").
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

from fairlead.client import kubeconfig
from fairlead.client.api import Client
from fairlead.client.connection import Connection, Streamed
from fairlead.machinery import paths
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.messages import Headers, Response
from fairlead.mcp.servers import Target
from fairlead.mcp.tools import ToolError
from fairlead.resources.reading import Reader

_REVIEWS = ("/apis/authorization.k8s.io/v1/selfsubject", "/apis/authentication.k8s.io/v1/selfsubjectreviews")
_ACTING = frozenset({"exec", "attach", "portforward", "proxy"})


class ReadOnlyError(FairleadError):
    """A request that could change something, on a server that only reads."""


def check_reads(method: str, path: str, headers: Headers) -> None:
    """Raises `ReadOnlyError`."""
    if method == "POST" and path.startswith(_REVIEWS):
        return
    acting = _ACTING & set(path.split("/")) and paths.read("GET", path, {}).subresource in _ACTING
    if method not in ("GET", "HEAD") or "upgrade" in headers or acting or "/proxy/" in f"{path}/":
        raise ReadOnlyError(f"this server only reads: a {method} is not sent")


class ReadOnlyConnection(Connection):
    async def request(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        headers: Headers = Headers(),  # noqa: B008 - a frozen value
        body: bytes = b"",
        timeout: float | None = 60.0,  # noqa: ASYNC109 - as the method that it narrows
    ) -> Response:
        check_reads(method, path, headers)
        return await super().request(method, path, query=query, headers=headers, body=body, timeout=timeout)

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        headers: Headers = Headers(),  # noqa: B008 - a frozen value
        body: bytes = b"",
    ) -> AsyncIterator[Streamed]:
        check_reads(method, path, headers)
        async with super().stream(method, path, query=query, headers=headers, body=body) as streamed:
            yield streamed


class Targets:
    """A call context whose targets are kubeconfig contexts."""

    def __init__(self, targets: tuple[Target, ...]) -> None:
        self._targets = {each.name: each for each in targets}
        self._readers: dict[str, Reader] = {}

    @property
    def names(self) -> list[str]:
        return list(self._targets)

    def target(self, name: str = "") -> Reader:
        """Raises `ToolError` for a name that there is not, `ClientError` for a kubeconfig that cannot be used."""
        name = name or next(iter(self._targets))
        if name not in self._targets:
            raise ToolError("this server has no such context", "", f"there are: {', '.join(self._targets)}")
        if name not in self._readers:
            wanted = self._targets[name]
            settings = kubeconfig.load(wanted.kubeconfig or None, wanted.context or None)
            self._readers[name] = Reader(Client(ReadOnlyConnection(settings)))
        return self._readers[name]

    async def close(self) -> None:
        for each in self._readers.values():
            await each.client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
