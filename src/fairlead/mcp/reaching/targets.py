"""The clusters that a server's tools may reach, opened when first asked for, as the caller and, there, only to read.

Nobody is ever given the connection of somebody else: it is looked up by who calls, and for those whose token travels by
that token. That a server changes nothing must not depend on its tools being written well: the connection itself refuses
whatever is not a read, before anything is sent. A GET can do harm too (exec and port-forward are GETs that are
upgraded, a proxy passes on what it is given), so those paths are refused as well.

Source: issue MCP serving, 5 ("servers whose Kubernetes client can only send reads").
"""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

from fairlead.client.api import Client
from fairlead.client.connection import Answered
from fairlead.machinery import paths
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.messages import Headers
from fairlead.mcp.callers import Caller
from fairlead.mcp.named.identities import Identity, Kubeconfig
from fairlead.mcp.named.servers import LONGEST_TIMEOUT, Denied, Target
from fairlead.mcp.observing import ObservedConnection
from fairlead.mcp.reaching.acting import ActingConnection, Actor
from fairlead.mcp.reaching.denying import DenyingConnection
from fairlead.mcp.tools import ToolError
from fairlead.resources.reading import Alike, Reader, Served

_REVIEWS = ("/apis/authorization.k8s.io/v1/selfsubject", "/apis/authentication.k8s.io/v1/selfsubjectreviews")
_ACTING = frozenset({"exec", "attach", "portforward", "proxy"})
# What a kubelet prints and counts. The name holds no colon, which would choose another port or scheme; nothing is
# percent-encoded and no part begins with a dot, so that the path is what the kubelet reads.
_PART = r"[A-Za-z0-9_-][A-Za-z0-9_.-]*"
_NODE = re.compile(rf"/api/v1/nodes/[a-z0-9][a-z0-9.-]*/proxy/(?:stats/summary|logs/(?:{_PART}/)*(?:{_PART})?)")
_MOST_OPEN = 500
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


class _Acting(DenyingConnection, ActingConnection):
    pass


class _ActingReadOnly(ReadOnlyConnection, _Acting):
    pass


@dataclass
class _Opened:
    reader: Reader
    used: float


class Targets:
    """A call context whose targets are kubeconfig contexts, or the one address of a token.

    Each caller who is told apart has connections of their own, kept while they are used. One that has been idle for
    longer than any call may last is closed; so is the one that was idle longest where there are too many.
    """

    def __init__(
        self,
        targets: tuple[Target, ...],
        *,
        reads_only: bool = True,
        identity: Identity | None = None,
        denied: tuple[Denied, ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.reads_only = reads_only
        self._targets = {each.name: each for each in targets}
        self._actor = Actor(identity or Kubeconfig())
        self._denied = denied
        self._clock = clock
        self._opened: OrderedDict[tuple[str, str], _Opened] = OrderedDict()
        self._served: OrderedDict[tuple[str, str], Served] = OrderedDict()
        self._alike = Alike()
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def names(self) -> list[str]:
        return list(self._targets)

    def target(self, name: str, caller: Caller) -> Reader:
        """Raises `ToolError` for a name that there is not, `ClientError` for a kubeconfig that cannot be used."""
        name = name or next(iter(self._targets))
        if name not in self._targets:
            raise ToolError("this server has no such context", "", f"there are: {', '.join(self._targets)}")
        guise = self._actor.guise(caller)
        key = name, guise.key
        if key not in self._opened:
            settings = self._actor.settings(self._targets[name], caller)
            connection = (_ActingReadOnly if self.reads_only else _Acting)(settings, self._actor)
            connection.denied = self._denied
            self._opened[key] = _Opened(Reader(Client(connection), self._known((name, guise.kin))), self._clock())
            self._evict()
        found = self._opened[key]
        found.used = self._clock()
        self._opened.move_to_end(key)
        return found.reader

    def _known(self, key: tuple[str, str]) -> Served:
        """What a cluster serves to somebody; it outlives the token by which they came."""
        found = self._served.setdefault(key, Served(self._alike))
        self._served.move_to_end(key)
        if len(self._served) > _MOST_OPEN:
            self._served.popitem(last=False)
        return found

    def _evict(self) -> None:
        while len(self._opened) > 1:
            key, oldest = next(iter(self._opened.items()))
            if len(self._opened) <= _MOST_OPEN and self._clock() - oldest.used <= LONGEST_TIMEOUT:
                return
            del self._opened[key]
            task = asyncio.get_running_loop().create_task(oldest.reader.client.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        await asyncio.gather(*self._closing, *(each.reader.client.close() for each in self._opened.values()))
        await self._actor.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
