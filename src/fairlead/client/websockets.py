"""Streams in both directions, as exec needs them: a WebSocket of numbered channels.

kube-apiserver has spoken this for as long as it has exec (`v4.channel.k8s.io`), and SPDY beside it, which no Python
library speaks. aiohttp's own handshake throws the body of a refusal away and follows redirects; both are mended by a
session of its own for each WebSocket, which shares the pool's connector.

Source: k8s.io/streaming `pkg/httpstream/wsstream`; k8s.io/apimachinery `pkg/util/remotecommand` (the protocols).
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import aiohttp
from yarl import URL

from fairlead.client.errors import Unreachable

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
"""The newer one can also say that a channel has ended, which only input needs."""
STDIN, STDOUT, STDERR, ERROR = range(4)
_FAREWELL_SECONDS = 1.0


@dataclass(frozen=True)
class Refused:
    """What was answered in place of a WebSocket."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes = field(repr=False)


class Upgraded:
    """Raises what the connection's requests raise, when it is lost."""

    status = 101

    def __init__(self, socket: "aiohttp.ClientWebSocketResponse[Any]", where: str) -> None:
        self._socket = socket
        self._where = where

    async def frames(self) -> AsyncIterator[tuple[int, bytes]]:
        """Channel and bytes, until the server ends it."""
        async for message in self._socket:
            if message.type is aiohttp.WSMsgType.BINARY and message.data:
                yield message.data[0], message.data[1:]
            elif message.type is aiohttp.WSMsgType.ERROR:
                raise Unreachable(f"{self._where} was lost during the exchange", str(message.data), sent=True)

    async def close(self) -> None:
        await self._socket.close()


class _RefusedError(Exception):
    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.status)
        self.refused = refused


@asynccontextmanager
async def session(connector: aiohttp.BaseConnector | None, limit: aiohttp.ClientTimeout) -> AsyncIterator[Any]:
    tracing = aiohttp.TraceConfig()
    tracing.on_request_redirect.append(_stay)
    async with aiohttp.ClientSession(
        connector=connector,
        connector_owner=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        timeout=limit,
        skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
        raise_for_status=_check,
        trace_configs=[tracing],
    ) as made:
        yield made


async def _check(answer: aiohttp.ClientResponse) -> None:
    if answer.status != 101:
        lines = [(key.decode("latin-1").lower(), value.decode("utf-8", "replace")) for key, value in answer.raw_headers]
        raise _RefusedError(Refused(answer.status, lines, await answer.read()))


async def _stay(_: aiohttp.ClientSession, __: SimpleNamespace, told: aiohttp.TraceRequestRedirectParams) -> None:
    raise _RefusedError(Refused(told.response.status, (), b"it redirects, and that is not followed"))


async def connect(
    opened: aiohttp.ClientSession, url: URL, where: str, protocols: Sequence[str], arguments: dict[str, Any]
) -> Upgraded | Refused:
    """`arguments` are headers, proxy and server name, as requests take them."""
    mine = {key: value for key, value in arguments.items() if key in ("headers", "proxy", "server_hostname")}
    closing = aiohttp.ClientWSTimeout(ws_close=_FAREWELL_SECONDS)
    try:
        socket = await opened.ws_connect(url, protocols=protocols, timeout=closing, **mine)
    except _RefusedError as error:
        return error.refused
    return Upgraded(socket, where)
