"""Floods of requests, stopped before anything is parsed: 429 with the seconds to wait.

What a call may cost is the gate's affair (`limiting`), which answers in words that a model reads. This is against a
client that has lost its mind: more requests in a minute than it would have calls in two hours, or more at once than a
program has reason for. Whoever is told apart by a token has an allowance of their own, everybody else one by the
address that they come from. It is counted in this process alone: behind several workers the guard is only coarser.

Paths by which clients learn where to log in are let through: hosted clients share few addresses, and one of them must
not keep the others out (reference/mcp-and-gateways.md §1.4). So is health.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Protocol

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from fairlead.mcp.callers import Caller
from fairlead.mcp.deciding.gate import Gate
from fairlead.mcp.deciding.limiting import HourlyLimiter

WINDOW = 60.0
_AT_ONCE = 128
_LEAST = 1200


class Gates(Protocol):
    @property
    def gate(self) -> Gate: ...


class Floods:
    """Goes inside the guard, which says who calls."""

    def __init__(
        self, application: ASGIApp, servers: Mapping[str, Gates], limiter: HourlyLimiter | None = None
    ) -> None:
        self._application = application
        self._servers = servers
        self._limiter = limiter or HourlyLimiter()
        self._running: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        server = self._server(scope)
        if server is None:
            await self._application(scope, receive, send)
            return
        who = _who(scope)
        wait = self._limiter.take_now((who, server), self._allowance(server), WINDOW)
        if wait == 0 and self._running[who] >= _AT_ONCE:
            wait = 1.0
        if wait:
            seconds = str(int(wait) + 1)
            refusal = PlainTextResponse(f"too many requests: wait {seconds} s", 429, {"Retry-After": seconds})
            await refusal(scope, receive, send)
            return
        self._running[who] += 1
        try:
            await self._application(scope, receive, send)
        finally:
            self._running[who] -= 1
            if not self._running[who]:
                del self._running[who]

    def _server(self, scope: Scope) -> str | None:
        """None for what is never held up."""
        parts = scope["path"].split("/") if scope["type"] == "http" else []
        return parts[2] if len(parts) > 3 and parts[1] == "s" and parts[2] in self._servers else None

    def _allowance(self, server: str) -> int:
        """Of requests in a minute: twice what an hour allows of calls."""
        limits = self._servers[server].gate.server.limits
        return max(_LEAST, 2 * (limits.read + limits.write + limits.delete))


def _who(scope: Scope) -> str:
    caller = scope.get("state", {}).get("caller")
    client = scope.get("client")
    return caller.key if isinstance(caller, Caller) else f"address {client[0] if client else ''}"
