"""One server, and raw requests to it.

An HTTP status is never an exception here: a proxy passes it on, and `api` turns it into a typed error. Requests and
streams have pools of their own, because a watch holds its connection for hours. aiohttp was chosen for its cost, a
sixth of httpx's per request; everything it would add by itself (redirects, cookies, proxies from the environment,
headers, decompression of a watch) is switched off.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar
from urllib.parse import quote

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from fairlead.client import faults, websockets
from fairlead.client.credentials import Bearer
from fairlead.client.errors import TooLarge, Unreachable
from fairlead.client.faults import CONNECT_SECONDS
from fairlead.client.kubeconfig import ConnectionSettings
from fairlead.client.pools import Pools
from fairlead.machinery.messages import Headers, Response
from fairlead.machinery.principals import Principal

_OWN_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_T = TypeVar("_T")
_Answer = TypeVar("_Answer", bound="Answered")
_SAFE = ("GET", "HEAD", "OPTIONS")
_DECODED = ("content-encoding", "content-length", "transfer-encoding")


@dataclass(frozen=True)
class Streamed:
    status: int
    headers: Headers
    chunks: AsyncIterator[bytes] = field(repr=False)
    """Bytes as they arrive. Raises `Unreachable` when the server is lost before the stream's end."""


class Answered(Protocol):
    """What a request and the beginning of a stream have in common."""

    @property
    def status(self) -> int: ...


class Connection:
    """Opens nothing before the first request; close it, or use it as an async context manager."""

    most_bytes = 0
    """Of the body of an answer that is read whole, decompressed; 0 for any number. Streams have no bound."""

    def __init__(self, settings: ConnectionSettings, *, user_agent: str = "fairlead") -> None:
        self.settings = settings
        self._user_agent = user_agent
        self._pools = Pools(settings)
        self._impersonation = _impersonation(settings.impersonate)
        self.where = faults.without_secrets(settings.server)
        """The server in words, for errors."""

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        headers: Headers = Headers(),  # noqa: B008 - a frozen value
        body: bytes = b"",
        timeout: float | None = 60.0,  # noqa: ASYNC109 - one deadline for connecting, sending and reading
    ) -> Response:
        """`path` and `query` are percent-encoded; the answer's body is `bytes`, its content encoding undone.

        A 401 makes the credentials be fetched anew, once. Raises `ClientError` by stage.
        """
        limit = aiohttp.ClientTimeout(total=timeout, sock_connect=CONNECT_SECONDS)

        async def exchange() -> Response:
            bearer = await self.settings.source.current()
            answer = await self._exchange(method, self._url(path, query), headers, body, bearer, limit)
            if answer.status == 401 and (renewed := await self._renewed(bearer)):
                answer = await self._exchange(method, self._url(path, query), headers, body, renewed, limit)
            return answer

        return await self._around(method, path, headers, exchange)

    async def _around(
        self, method: str, path: str, headers: Headers, exchange: Callable[[], Awaitable[_Answer]]
    ) -> _Answer:
        """Of each request and each stream until it is answered, renewed credentials included; for subclasses."""
        return await exchange()

    async def _exchange(
        self, method: str, url: URL, headers: Headers, body: bytes, bearer: Bearer, limit: aiohttp.ClientTimeout
    ) -> Response:
        arguments = self._arguments(bearer, headers, body)

        async def once() -> Response:
            with self._stages(method):
                async with self._pools.requests(bearer).request(method, url, timeout=limit, **arguments) as answer:
                    return Response(answer.status, _headers(answer), await self._body(answer))

        return await _despite_closing(method, once)

    async def _body(self, answer: aiohttp.ClientResponse) -> bytes:
        """Raises `TooLarge`; what is left of it then is never read."""
        if not self.most_bytes:
            return await answer.read()
        body = bytearray()
        async for chunk in answer.content.iter_any():
            body += chunk
            if len(body) > self.most_bytes:
                _cut_off(answer)
                what = f"{self.where} answered more than {self.most_bytes >> 20} MiB"
                raise TooLarge(what, "", "ask for less: a page, a namespace, chosen fields")
        return bytes(body)

    async def _renewed(self, refused: Bearer) -> Bearer | None:
        """Other credentials than those that were refused, where there are any."""
        if not self.settings.source.forget(refused):
            return None
        bearer = await self.settings.source.current()
        return bearer if bearer != refused else None

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
        """As `request`, without a limit on reading; leaving closes the connection. Compression is never asked for."""
        plain = [(key, value) for key, value in headers.lines if key != "accept-encoding"]
        headers = Headers([*plain, ("accept-encoding", "identity")])

        async def begin() -> aiohttp.ClientResponse:
            bearer = await self.settings.source.current()
            answer = await self._begin(method, self._url(path, query), headers, body, bearer)
            if answer.status == 401 and (renewed := await self._renewed(bearer)):
                answer.close()
                answer = await self._begin(method, self._url(path, query), headers, body, renewed)
            return answer

        answer = await self._around(method, path, headers, begin)
        try:
            async with aclosing(self._chunks(method, answer)) as chunks:
                yield Streamed(answer.status, _headers(answer), self._arriving(chunks))
        finally:
            _cut_off(answer)

    def _arriving(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Of each stream, as it is read; for subclasses."""
        return chunks

    async def _begin(
        self, method: str, url: URL, headers: Headers, body: bytes, bearer: Bearer
    ) -> aiohttp.ClientResponse:
        limit = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
        arguments = self._arguments(bearer, headers, body)

        async def once() -> aiohttp.ClientResponse:
            with self._stages(method):
                return await self._pools.streams(bearer).request(method, url, timeout=limit, **arguments)

        return await _despite_closing(method, once)

    async def _chunks(self, method: str, answer: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
        with self._stages(method):
            async for chunk in answer.content.iter_any():
                yield chunk

    @asynccontextmanager
    async def upgraded(
        self, path: str, *, query: str = "", protocols: Sequence[str] = websockets.PROTOCOLS
    ) -> AsyncIterator[websockets.Upgraded | websockets.Refused]:
        """A WebSocket, or what was answered in its place. Leaving closes it. Raises `ClientError` by stage."""
        headers = Headers([("upgrade", "websocket"), ("connection", "Upgrade")])
        limit = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
        async with AsyncExitStack() as sessions:

            async def once(bearer: Bearer) -> websockets.Upgraded | websockets.Refused:
                with self._stages("GET"):
                    shared = self._pools.streams(bearer).connector
                    handshake = await sessions.enter_async_context(websockets.Handshake(shared, limit))
                    arguments = self._arguments(bearer, headers, b"")
                    return await handshake.connect(self._url(path, query), self.where, protocols, arguments)

            async def begin() -> websockets.Upgraded | websockets.Refused:
                bearer = await self.settings.source.current()
                answer = await once(bearer)
                renewed = await self._renewed(bearer) if answer.status == 401 else None
                return await once(renewed) if renewed else answer

            answer = await self._around("GET", path, headers, begin)
            try:
                yield answer
            finally:
                if isinstance(answer, websockets.Upgraded):
                    await answer.close()

    def _url(self, path: str, query: str) -> URL:
        url = f"{self.settings.server}{path}"
        return URL(f"{url}?{query}" if query else url, encoded=True)

    def _arguments(self, bearer: Bearer, headers: Headers, body: bytes) -> dict[str, Any]:
        lines = CIMultiDict(headers.lines)
        for name, value in self._impersonation:
            lines.add(name, value)
        if bearer.header:
            lines["Authorization"] = bearer.header
        lines.setdefault("User-Agent", self._user_agent)
        arguments: dict[str, Any] = {"headers": lines, "allow_redirects": False, "skip_auto_headers": _OWN_HEADERS}
        if body:
            arguments["data"] = body
        if self.settings.proxy:
            arguments["proxy"] = self.settings.proxy
        if self.settings.tls_server_name:
            arguments["server_hostname"] = self.settings.tls_server_name
        return arguments

    def _stages(self, method: str) -> AbstractContextManager[None]:
        return faults.stages(method, self.where, self.settings.proxy)

    async def close(self) -> None:
        await self._pools.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def _despite_closing(method: str, attempt: Callable[[], Awaitable[_T]]) -> _T:
    """A server may close a kept connection just as it is taken; what changes nothing is then sent once more.

    aiohttp would also send PUT and DELETE again, whose second answer (409, 404) belies the first.
    """
    try:
        return await attempt()
    except Unreachable as error:
        closing = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionError)
        if method not in _SAFE or not error.sent or not isinstance(error.__cause__, closing):
            raise
    return await attempt()


def _cut_off(answer: aiohttp.ClientResponse) -> None:
    """At once: closing TLS politely waits for the server's farewell, and outlives the event loop of a short program.

    An answer that was read to its end has given its connection back, and that is kept.
    """
    connection = answer.connection
    transport = None if connection is None else connection.transport
    answer.close()
    if transport is not None:
        transport.abort()


def _headers(answer: aiohttp.ClientResponse) -> Headers:
    lines = [(key.decode("latin-1").lower(), value.decode("utf-8", "replace")) for key, value in answer.raw_headers]
    if "Content-Encoding" in answer.headers:
        lines = [(key, value) for key, value in lines if key not in _DECODED]
    return Headers(lines)


def _impersonation(who: Principal | None) -> list[tuple[str, str]]:
    """Source: Kubernetes API, user impersonation headers; extra keys are percent-encoded."""
    if who is None:
        return []
    lines = [("Impersonate-User", who.name)]
    lines += [("Impersonate-Uid", who.uid)] if who.uid else []
    lines += [("Impersonate-Group", group) for group in who.groups]
    for key, values in who.extra:
        lines += [(f"Impersonate-Extra-{quote(key, safe='')}", value) for value in values]
    return lines
