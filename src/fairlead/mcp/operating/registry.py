"""The named servers of a process, taken up whole: all that a change says is checked before any of it holds.

A server that is new in name is new to its clients; one that keeps its name keeps its sessions, its clients' connections
and, where nothing about them changed, its connections to clusters. What cannot be taken up leaves everything as it was
and is told in the log and by `fault`, for readiness.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from fairlead.machinery.errors import FairleadError
from fairlead.mcp.background import Background
from fairlead.mcp.callers import Caller
from fairlead.mcp.deciding import production, sharing
from fairlead.mcp.deciding.auditing import ToolAudit
from fairlead.mcp.deciding.gate import Gate
from fairlead.mcp.deciding.keeping import Store
from fairlead.mcp.deciding.production import Served
from fairlead.mcp.named.catalog import BrokenToolsetError
from fairlead.mcp.named.servers import NamedServer
from fairlead.mcp.operating.holding import Held, Term
from fairlead.mcp.operating.preparing import Prepared, prepare
from fairlead.mcp.reaching.targets import Targets
from fairlead.mcp.tools import Toolset

_log = logging.getLogger(__name__)
Servers = Mapping[str, NamedServer]
Check = Callable[[Iterable[NamedServer]], None]
"""Raises where servers cannot be served in the way that this process serves."""


@dataclass
class Shared:
    """What outlives every change: an allowance is not given anew because a description was edited."""

    audit: ToolAudit = field(default_factory=ToolAudit)
    among_workers: sharing.Shared = field(default_factory=sharing.Shared)
    served: Served | None = None
    """How, for what production mode insists on; None for a person's own terminal."""


@dataclass
class _Taken:
    held: Held
    prepared: Prepared
    targets: Targets


class Registry(Mapping[str, Held]):
    """Leaving it closes everything."""

    def __init__(
        self, everybody: Caller, shared: Shared, available: Mapping[str, Toolset], check: Check | None = None
    ) -> None:
        self.fault = ""
        """Why the latest change was not taken up, in one line."""
        self._everybody = everybody
        self._shared = shared
        self._available = available
        self._check = check or (lambda servers: None)
        self._taken: dict[str, _Taken] = {}
        self._tasks = Background()

    def __getitem__(self, name: str) -> Held:
        return self._taken[name].held

    def __iter__(self) -> Iterator[str]:
        return iter(self._taken)

    def __len__(self) -> int:
        return len(self._taken)

    @property
    def store(self) -> Store:
        return self._shared.among_workers.store

    @property
    def servers(self) -> dict[str, NamedServer]:
        return {name: each.prepared.server for name, each in self._taken.items()}

    def take(self, servers: Servers) -> None:
        """All of them or none. Raises what is wrong with the first that cannot be served: a `FairleadError`.

        One whose toolset is broken stays as it was, or is not served, and is no reason against the others: it says
        nothing false, and the fault is a package's.
        """
        prepared, broken = self._prepared(servers)
        self._check([each.server for each in prepared.values()])
        if self._shared.served is not None:
            for each in prepared.values():
                production.check(each.server, self._shared.served, reads_only=each.reads_only)
        for name in self._taken.keys() - prepared.keys():
            self._remove(name)
        for name, each in prepared.items():
            if name not in self._taken:
                targets = self._targets(each)
                self._taken[name] = _Taken(Held(self._gate(each, targets), self._everybody), each, targets)
            elif each != self._taken[name].prepared:
                self._exchange(self._taken[name], each)
        self.fault = "; ".join(broken)

    def _prepared(self, servers: Servers) -> tuple[dict[str, Prepared], list[str]]:
        """What to serve, and what is broken. Raises a `FairleadError`, also where nothing else is left."""
        found, broken = {}, []
        for name, each in servers.items():
            try:
                found[name] = prepare(each, self._available)
            except BrokenToolsetError as error:
                if len(servers) == 1:
                    raise
                broken.append(f"the server {name} stays as it was: {error}")
                _log.error("the server %s stays as it was, or is not served: %s", name, error)
                if name in self._taken:
                    found[name] = self._taken[name].prepared
        return found, broken

    def retire(self) -> None:
        """Ends what has no end of its own: no new request is served, calls that run are finished."""
        for each in self._taken.values():
            each.held.removed.set()

    def take_or_keep(self, read: Callable[[], Servers]) -> bool:
        """Whether it was taken up; if not, everything is as before, and `fault` says why."""
        try:
            self.take(read())
        except FairleadError as error:
            self.fault = str(error)
            _log.error("the servers stay as they were: %s", error)
            return False
        _log.info("servers: %s", ", ".join(sorted(self._taken)) or "none")
        return True

    def _targets(self, prepared: Prepared) -> Targets:
        server = prepared.server
        return Targets(server.targets, reads_only=prepared.reads_only, identity=server.identity, denied=server.denied)

    def _gate(self, prepared: Prepared, targets: Targets) -> Gate:
        audit = self._shared.audit if prepared.server.logging else ToolAudit()
        return Gate(prepared.server, prepared.offer, targets, audit, self._shared.among_workers)

    def _exchange(self, taken: _Taken, new: Prepared) -> None:
        old = taken.targets
        if new.reach != taken.prepared.reach:
            taken.targets = self._targets(new)
        term = taken.held.exchange(self._gate(new, taken.targets))
        if new.looks != taken.prepared.looks:
            self._tasks.start(taken.held.announce())
        taken.prepared = new
        if taken.targets is not old:
            self._tasks.start(_closed(term, old))

    def _remove(self, name: str) -> None:
        taken = self._taken.pop(name)
        taken.held.removed.set()
        self._tasks.start(_closed(taken.held, taken.targets))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._tasks.end()
        for each in self._taken.values():
            await each.targets.close()


async def _closed(used: Held | Term, targets: Targets) -> None:
    """Once no call needs them, or the process ends."""
    try:
        await used.ended()
    finally:
        await targets.close()
