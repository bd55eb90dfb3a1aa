"""The clusters that a server's tools may reach, opened when first asked for, with a client that can only read.

That a server changes nothing must not depend on its tools being written well: the connection itself refuses whatever is
not a read, before anything is sent. A GET can do harm too (exec and port-forward are GETs that are upgraded, a proxy
passes on what it is given), so those paths are refused as well.

Source: issue MCP serving, 5 ("servers whose Kubernetes client can only send reads").
"""

import re
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self, TypeVar

from fairlead.client import kubeconfig
from fairlead.client.api import Client
from fairlead.client.connection import Answered
from fairlead.machinery import paths
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.messages import Headers
from fairlead.mcp.callers import Caller
from fairlead.mcp.observing import ObservedConnection
from fairlead.mcp.servers import Target
from fairlead.mcp.tools import ToolError
from fairlead.resources.reading import Reader

_REVIEWS = ("/apis/authorization.k8s.io/v1/selfsubject", "/apis/authentication.k8s.io/v1/selfsubjectreviews")
_ACTING = frozenset({"exec", "attach", "portforward", "proxy"})
# What a kubelet prints and counts. The name holds no colon, which would choose another port or scheme; nothing is
# percent-encoded and no part begins with a dot, so that the path is what the kubelet reads.
_PART = r"[A-Za-z0-9_-][A-Za-z0-9_.-]*"
_NODE = re.compile(rf"/api/v1/nodes/[a-z0-9][a-z0-9.-]*/proxy/(?:stats/summary|logs/(?:{_PART}/)*(?:{_PART})?)")
_Answer = TypeVar("_Answer", bound=Answered)


class ReadOnlyError(FairleadError):
    """A request that could change something, on a server that only reads."""


def check_reads(method: str, path: str, headers: Headers) -> None:
    """Raises `ReadOnlyError`."""
    if method == "POST" and path.startswith(_REVIEWS):
        return
    if method in ("GET", "HEAD") and "upgrade" not in headers and _NODE.fullmatch(path):
        return
    acting = _ACTING & set(path.split("/")) and paths.read("GET", path, {}).subresource in _ACTING
    if method not in ("GET", "HEAD") or "upgrade" in headers or acting or "/proxy/" in f"{path}/":
        raise ReadOnlyError(f"this server only reads: a {method} is not sent")


class ReadOnlyConnection(ObservedConnection):
    async def _around(
        self, method: str, path: str, headers: Headers, exchange: Callable[[], Awaitable[_Answer]]
    ) -> _Answer:
        check_reads(method, path, headers)
        return await super()._around(method, path, headers, exchange)


class Targets:
    """A call context whose targets are kubeconfig contexts."""

    def __init__(self, targets: tuple[Target, ...], *, reads_only: bool = True) -> None:
        self.reads_only = reads_only
        self._targets = {each.name: each for each in targets}
        self._readers: dict[str, Reader] = {}

    @property
    def names(self) -> list[str]:
        return list(self._targets)

    def target(self, name: str, caller: Caller) -> Reader:
        """Raises `ToolError` for a name that there is not, `ClientError` for a kubeconfig that cannot be used."""
        name = name or next(iter(self._targets))
        if name not in self._targets:
            raise ToolError("this server has no such context", "", f"there are: {', '.join(self._targets)}")
        if name not in self._readers:
            wanted = self._targets[name]
            settings = kubeconfig.load(wanted.kubeconfig or None, wanted.context or None)
            self._readers[name] = Reader(
                Client((ReadOnlyConnection if self.reads_only else ObservedConnection)(settings))
            )
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
