"""One server, and raw requests to it.

An HTTP status is never an exception here: a proxy passes it on, and `api` turns it into a typed error. Requests and
streams have pools of their own, because a watch holds its connection for hours. aiohttp was chosen for its cost, a
sixth of httpx's per request; everything it would add by itself (redirects, cookies, proxies from the environment,
headers, decompression of a watch) is switched off.
"""

import os
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlsplit

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from fairlead.client import tls
from fairlead.client.credentials import Bearer, ClientCertificate
from fairlead.client.errors import CredentialsError, Unreachable, Untrusted
from fairlead.client.kubeconfig import ConnectionSettings
from fairlead.machinery.messages import Headers, Response
from fairlead.machinery.principals import Principal

CONNECT_SECONDS = 5.0
KEEP_ALIVE_SECONDS = 45.0
"""Shorter than any API server's or load balancer's usual idle time, so that a request rarely meets a closing one."""
_OWN_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_T = TypeVar("_T")
_SAFE = ("GET", "HEAD", "OPTIONS")
_DECODED = ("content-encoding", "content-length", "transfer-encoding")


@dataclass(frozen=True)
class Streamed:
    status: int
    headers: Headers
    chunks: AsyncIterator[bytes] = field(repr=False)
    """Bytes as they arrive. Raises `Unreachable` when the server is lost before the stream's end."""


class Connection:
    """Opens nothing before the first request; close it, or use it as an async context manager."""

    def __init__(self, settings: ConnectionSettings, *, user_agent: str = "fairlead") -> None:
        self.settings = settings
        self._user_agent = user_agent
        self._pools = _Pools(settings)
        self._impersonation = _impersonation(settings.impersonate)
        self.where = _without_secrets(settings.server)
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
        bearer = await self.settings.source.current()
        answer = await self._exchange(method, self._url(path, query), headers, body, bearer, limit)
        if answer.status == 401 and (renewed := await self._renewed(bearer)):
            answer = await self._exchange(method, self._url(path, query), headers, body, renewed, limit)
        return answer

    async def _exchange(
        self, method: str, url: URL, headers: Headers, body: bytes, bearer: Bearer, limit: aiohttp.ClientTimeout
    ) -> Response:
        arguments = self._arguments(bearer, headers, body)

        async def once() -> Response:
            with self._stages(method):
                async with self._pools.requests(bearer.certificate).request(
                    method, url, timeout=limit, **arguments
                ) as answer:
                    return Response(answer.status, _headers(answer), await answer.read())

        return await _despite_closing(method, once)

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
        bearer = await self.settings.source.current()
        answer = await self._begin(method, self._url(path, query), headers, body, bearer)
        if answer.status == 401 and (renewed := await self._renewed(bearer)):
            answer.close()
            answer = await self._begin(method, self._url(path, query), headers, body, renewed)
        try:
            async with aclosing(self._chunks(method, answer)) as chunks:
                yield Streamed(answer.status, _headers(answer), chunks)
        finally:
            answer.close()

    async def _begin(
        self, method: str, url: URL, headers: Headers, body: bytes, bearer: Bearer
    ) -> aiohttp.ClientResponse:
        limit = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
        arguments = self._arguments(bearer, headers, body)

        async def once() -> aiohttp.ClientResponse:
            with self._stages(method):
                return await self._pools.streams(bearer.certificate).request(method, url, timeout=limit, **arguments)

        return await _despite_closing(method, once)

    async def _chunks(self, method: str, answer: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
        with self._stages(method):
            async for chunk in answer.content.iter_any():
                yield chunk

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

    @contextmanager
    def _stages(self, method: str) -> Iterator[None]:
        """Names the stage at which aiohttp gave up; its own exception stays as the cause."""
        where = self.where
        try:
            yield
        except (aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError) as error:
            proxy = _without_secrets(self.settings.proxy)
            raise Unreachable(
                f"cannot reach {where} through {proxy}", _proxy_fault(error), "check proxy-url"
            ) from error
        except (aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError) as error:
            raise Untrusted(
                f"{where} is not trusted", _certificate_fault(error), "check the certificate authority"
            ) from error
        except (aiohttp.ClientConnectorSSLError, aiohttp.ClientSSLError, ssl.SSLError) as error:
            why = getattr(error, "reason", None) or getattr(getattr(error, "os_error", None), "reason", None)
            raise Untrusted(f"no TLS with {where}", _words(why)) from error
        except aiohttp.ConnectionTimeoutError as error:
            raise Unreachable(f"cannot reach {where}", f"no connection within {CONNECT_SECONDS:g} s") from error
        except aiohttp.ClientConnectorError as error:
            why = _system_fault(error.os_error)
            raise Unreachable(f"cannot reach {where}", why, "check the address, and that the server runs") from error
        except TimeoutError as error:
            raise Unreachable(f"{where} did not answer the {method} in time", sent=True) from error
        except (aiohttp.ClientError, ConnectionError) as error:
            why = " ".join(str(error).split())[:200] or type(error).__name__
            raise Unreachable(f"{where} was lost during the {method}", why, sent=True) from error

    async def close(self) -> None:
        await self._pools.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class _Pools:
    """aiohttp sessions for one client certificate at a time; a new certificate gets new ones.

    The old ones finish what is under way; their idle connections close by themselves.
    """

    def __init__(self, settings: ConnectionSettings) -> None:
        self._settings = settings
        self._certificate: ClientCertificate | None = None
        self._sessions: tuple[aiohttp.ClientSession, aiohttp.ClientSession] | None = None
        self._retired: list[aiohttp.ClientSession] = []

    def requests(self, certificate: ClientCertificate | None) -> aiohttp.ClientSession:
        return self._open(certificate)[0]

    def streams(self, certificate: ClientCertificate | None) -> aiohttp.ClientSession:
        return self._open(certificate)[1]

    def _open(self, certificate: ClientCertificate | None) -> tuple[aiohttp.ClientSession, aiohttp.ClientSession]:
        if self._sessions is None or certificate != self._certificate:
            made = (self._session(certificate), self._session(certificate))
            self._retired += self._sessions or ()
            self._sessions, self._certificate = made, certificate
        return self._sessions

    def _session(self, certificate: ClientCertificate | None) -> aiohttp.ClientSession:
        secure = self._settings.server.startswith("https")
        settings = self._settings
        context = tls.context(settings.authority, certificate, insecure=settings.insecure) if secure else False
        if not secure and certificate is not None:
            raise CredentialsError("a client certificate needs https", f"the server is {settings.server}")
        connector = aiohttp.TCPConnector(
            ssl=context, limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS, socket_factory=keep_alive_socket
        )
        session = aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, read_bufsize=1 << 18
        )
        session._retry_connection = False  # see _despite_closing
        return session

    async def close(self) -> None:
        open_sessions = [*self._retired, *(self._sessions or ())]
        self._sessions, self._retired = None, []
        for session in open_sessions:
            await session.close()


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


def _without_secrets(url: str) -> str:
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}{parts.path}"


def keep_alive_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    """One that notices within two minutes that the other side has vanished: a watch says nothing for as long."""
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, name):  # each system has its own
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return made


def _headers(answer: aiohttp.ClientResponse) -> Headers:
    lines = [(key.decode("latin-1").lower(), value.decode("utf-8", "replace")) for key, value in answer.raw_headers]
    if "Content-Encoding" in answer.headers:
        lines = [(key, value) for key, value in lines if key not in _DECODED]
    return Headers(lines)


def _proxy_fault(error: aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError) -> str:
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy answered HTTP {error.status}"
    return _system_fault(error.os_error)


def _system_fault(error: OSError) -> str:
    """The system's words: asyncio and the resolver put their own into `strerror`."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)


def _words(reason: str | None) -> str:
    """OpenSSL's upper-case names as text."""
    return (reason or "the handshake failed").lower().replace("_", " ")


def _certificate_fault(error: Exception) -> str:
    inner = getattr(error, "certificate_error", error)
    return str(getattr(inner, "verify_message", "") or "its certificate cannot be verified")


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
