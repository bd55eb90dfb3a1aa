"""Streams in both directions, as exec needs them: a WebSocket of numbered channels.

kube-apiserver has spoken this for as long as it has exec (`v4.channel.k8s.io`), and SPDY beside it, which no Python
library speaks. aiohttp's own handshake throws the body of a refusal away and follows redirects; both are mended by a
session of its own for each WebSocket, which shares the pool's connector.

Source: k8s.io/streaming `pkg/httpstream/wsstream`; k8s.io/apimachinery `pkg/util/remotecommand` (the protocols).
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace, TracebackType
from typing import Any, Self

import aiohttp
from yarl import URL

from fairlead.client.errors import Unreachable
from fairlead.machinery.messages import Headers

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
"""The newer one can also say that a channel has ended, which only input needs."""
STDIN, STDOUT, STDERR, ERROR = range(4)
_FAREWELL_SECONDS = 1.0


@dataclass(frozen=True)
class Refused:
    """What was answered in place of a WebSocket."""

    status: int
    headers: Headers
    body: bytes = field(repr=False)


class Upgraded:
    """Raises what the connection's requests raise, when it is lost."""

    status = 101

    def __init__(self, socket: "aiohttp.ClientWebSocketResponse[Any]", headers: Headers, where: str) -> None:
        self.headers = headers
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


class Handshake:
    """`async with`; for one WebSocket, which must not outlive it."""

    def __init__(self, connector: aiohttp.BaseConnector | None, limit: aiohttp.ClientTimeout) -> None:
        tracing = aiohttp.TraceConfig()
        tracing.on_request_redirect.append(_stay)
        self._headers = Headers()
        self._session = aiohttp.ClientSession(
            connector=connector,
            connector_owner=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            timeout=limit,
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
            raise_for_status=self._check,
            trace_configs=[tracing],
        )

    async def connect(
        self, url: URL, where: str, protocols: Sequence[str], arguments: dict[str, Any]
    ) -> Upgraded | Refused:
        """`arguments` are headers, proxy and server name, as requests take them; `where` is for errors."""
        mine = {key: value for key, value in arguments.items() if key in ("headers", "proxy", "server_hostname")}
        closing = aiohttp.ClientWSTimeout(ws_close=_FAREWELL_SECONDS)
        try:
            socket = await self._session.ws_connect(url, protocols=protocols, timeout=closing, **mine)
        except _RefusedError as error:
            return error.refused
        return Upgraded(socket, self._headers, where)

    async def _check(self, answer: aiohttp.ClientResponse) -> None:
        lines = [(key.decode("latin-1"), value.decode("utf-8", "replace")) for key, value in answer.raw_headers]
        self._headers = Headers(lines)
        if answer.status != 101:
            raise _RefusedError(Refused(answer.status, self._headers, await answer.read()))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()


async def _stay(_: aiohttp.ClientSession, __: SimpleNamespace, told: aiohttp.TraceRequestRedirectParams) -> None:
    raise _RefusedError(Refused(told.response.status, Headers(), b"it redirects, and that is not followed"))
