"""How a server answers over HTTP: the newer era by JSON, the older one, and whoever wants progress, by events.

A stream of events costs a task, a queue and a watcher for each call, half as much as the call itself; most calls are
answered in one piece, so they get JSON. The protocol's library offers one manner for each manager of sessions, hence
two of them. In its JSON manner it does not notice that a client has gone, which is how a call is given up since
2026-07-28: that is looked for here, once a call has lasted longer than the quick ones.

Source: reference/mcp-and-gateways.md §1.2 (closing the stream is the cancellation), §2.3.
"""

import asyncio
from dataclasses import dataclass

import anyio
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.types import Message, Receive, Scope, Send

_VERSION = b"mcp-protocol-version"
_OLDER = frozenset(each.encode() for each in HANDSHAKE_PROTOCOL_VERSIONS)
_WANTS_PROGRESS = b'"progressToken"'
_QUICK = 0.05


@dataclass(frozen=True)
class Replying:
    """Two managers of one server, both running."""

    by_events: StreamableHTTPSessionManager
    by_json: StreamableHTTPSessionManager

    async def handle_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        version = next((value for key, value in scope["headers"] if key == _VERSION), None)
        if version is None or version in _OLDER or scope["method"] != "POST":
            await self.by_events.handle_request(scope, receive, send)
            return
        body = _Body(receive, await receive())
        if _WANTS_PROGRESS in body.first.get("body", b""):
            await self.by_events.handle_request(scope, body.receive, send)
        else:
            await _while_awaited(self.by_json, scope, body, send)


class _Body:
    """What the client sends, of which the beginning has been looked at."""

    def __init__(self, receive: Receive, first: Message) -> None:
        self.first = first
        self.is_read = False
        self._given = False
        self._receive = receive

    async def receive(self) -> Message:
        found = await self._receive() if self._given else self.first
        self._given = True
        self.is_read = self.is_read or not found.get("more_body", False)
        return found


async def _while_awaited(manager: StreamableHTTPSessionManager, scope: Scope, body: _Body, send: Send) -> None:
    with anyio.CancelScope() as awaited:
        watch = _Watch(body, awaited)
        try:
            await manager.handle_request(scope, body.receive, send)
        finally:
            watch.end()


class _Watch:
    """Gives a call up once its client has gone; costs a timer, and a task only where the call lasts."""

    def __init__(self, body: _Body, awaited: anyio.CancelScope) -> None:
        self._body = body
        self._awaited = awaited
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._timer = self._loop.call_later(_QUICK, self._begin)

    def _begin(self) -> None:
        if self._body.is_read:
            self._task = self._loop.create_task(self._watch())
        else:  # what is still to come of it is the manager's to receive
            self._timer = self._loop.call_later(_QUICK, self._begin)

    async def _watch(self) -> None:
        while (await self._body.receive())["type"] != "http.disconnect":
            pass
        self._awaited.cancel()

    def end(self) -> None:
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
