"""One named server's settings as they are now, exchanged whole while its calls run.

A request sees one gate from its beginning to its end, so that a change of settings never falls into the middle of a
call, and what the old settings had open is closed when the last call under them has ended. What the protocol's library
keeps for the server (sessions, streams) stays as it is: clients do not notice.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import anyio
from mcp import MCPError
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.types import INVALID_REQUEST

from fairlead.mcp.callers import Caller
from fairlead.mcp.deciding.gate import Gate
from fairlead.mcp.named.identities import OIDC
from fairlead.mcp.operating.announcing import Announcer
from fairlead.mcp.wire import protocol

_ENDLESS = frozenset({"subscriptions/listen"})


class Count:
    """How many of something run."""

    def __init__(self) -> None:
        self.now = 0
        self._awaited: anyio.Event | None = None

    @contextmanager
    def one(self) -> Iterator[None]:
        self.now += 1
        try:
            yield
        finally:
            self.now -= 1
            if not self.now and self._awaited is not None:
                self._awaited.set()

    async def ended(self) -> None:
        """Returns when none runs."""
        while self.now:
            if self._awaited is None or self._awaited.is_set():
                self._awaited = anyio.Event()
            await self._awaited.wait()


class Term(Count):
    """The time under one gate, and the requests that began in it."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self.gate = gate

    @contextmanager
    def one(self) -> Iterator[None]:
        token = _present.set(self)
        try:
            with super().one():
                yield
        finally:
            _present.reset(token)


_present: ContextVar[Term | None] = ContextVar("term", default=None)


class Held:
    def __init__(self, gate: Gate, everybody: Caller) -> None:
        self._term = Term(gate)
        self._older: set[Term] = set()
        self.removed = anyio.Event()
        """Set when the server is no longer among the named ones."""
        self._announcer = Announcer()
        self.sdk = protocol.server(self, everybody, self._announcer.bus)
        self.sdk.middleware.append(self._around)

    @property
    def gate(self) -> Gate:
        """Of the request that asks, from its beginning to its end; else the newest."""
        present = _present.get()
        if present is not None and (present is self._term or present in self._older):
            return present.gate
        return self._term.gate

    @property
    def newest(self) -> Gate:
        return self._term.gate

    def exchange(self, gate: Gate) -> Term:
        """For all requests from now on; answers the old term, whose calls still run under the old gate."""
        old, self._term = self._term, Term(gate)
        self._older = {each for each in self._older if each.now} | {old}
        self.sdk.instructions = protocol.instructions(gate)
        return old

    async def announce(self) -> None:
        """Tells clients that what is listed may be something else now."""
        await self._announcer.lists_changed()

    async def ended(self) -> None:
        """Returns when no call runs."""
        for each in (self._term, *self._older):
            await each.ended()

    async def _around(self, ctx: ServerRequestContext[Any], call_next: CallNext) -> HandlerResult:
        self._announcer.met(ctx)
        if ctx.method in _ENDLESS or ctx.request_id is None:
            return await call_next(ctx)
        with self._term.one():
            self._check_told_apart(ctx)
            return await call_next(ctx)

    def _check_told_apart(self, ctx: ServerRequestContext[Any]) -> None:
        """Raises `MCPError` for a request that nobody has looked at, on a server that wants to know who asks.

        It was let through before the server came to want that: its file has changed in between.
        """
        caller = getattr(getattr(ctx.request, "state", None), "caller", None)
        if isinstance(self.gate.server.identity, OIDC) and not isinstance(caller, Caller):
            raise MCPError(INVALID_REQUEST, "this server tells its callers apart now: log in and ask again")
