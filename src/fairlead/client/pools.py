"""Kept connections, and how they are made."""

import asyncio
import socket
import weakref

import aiohttp

from fairlead.client import tls
from fairlead.client.credentials import Bearer, ClientCertificate
from fairlead.client.errors import CredentialsError
from fairlead.client.faults import without_secrets
from fairlead.client.kubeconfig import ConnectionSettings

KEEP_ALIVE_SECONDS = 45.0
"""Shorter than any API server's or load balancer's usual idle time, so that a request rarely meets a closing one."""
FAREWELL_SECONDS = 1.0
"""How long closing waits for what a cancelled request left behind: TLS says farewell before its socket closes, and a
loop that ends in between leaves the socket open. aiohttp forgets such connections."""
_TURN_SECONDS = 0.005


class Pools:
    """aiohttp sessions for one client certificate and authority at a time; new ones get new sessions.

    The old ones finish what is under way; their idle connections close by themselves.
    """

    def __init__(self, settings: ConnectionSettings) -> None:
        self._settings = settings
        self._made_for: tuple[ClientCertificate | None, bytes | None] = (None, None)
        self._sessions: tuple[aiohttp.ClientSession, aiohttp.ClientSession] | None = None
        self._retired: list[aiohttp.ClientSession] = []
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()

    def requests(self, bearer: Bearer) -> aiohttp.ClientSession:
        return self._open(bearer)[0]

    def streams(self, bearer: Bearer) -> aiohttp.ClientSession:
        return self._open(bearer)[1]

    def _open(self, bearer: Bearer) -> tuple[aiohttp.ClientSession, aiohttp.ClientSession]:
        wanted = (bearer.certificate, bearer.authority)
        if self._sessions is None or wanted != self._made_for:
            made = (self._session(*wanted), self._session(*wanted))
            self._retired += self._sessions or ()
            self._sessions, self._made_for = made, wanted
        return self._sessions

    def _session(self, certificate: ClientCertificate | None, authority: bytes | None) -> aiohttp.ClientSession:
        secure = self._settings.server.startswith("https")
        settings = self._settings
        context = (
            tls.context(authority or settings.authority, certificate, insecure=settings.insecure) if secure else False
        )
        if not secure and certificate is not None:
            raise CredentialsError(
                "a client certificate needs https", f"the server is {without_secrets(settings.server)}"
            )
        connector = aiohttp.TCPConnector(
            ssl=context, limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS, socket_factory=self._socket
        )
        session = aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, read_bufsize=1 << 18
        )
        session._retry_connection = False  # see connection._despite_closing
        return session

    async def close(self) -> None:
        open_sessions = [*self._retired, *(self._sessions or ())]
        self._sessions, self._retired = None, []
        for session in open_sessions:
            await session.close()
        for _ in range(int(FAREWELL_SECONDS / _TURN_SECONDS)):
            if all(each.fileno() == -1 for each in self._sockets):
                break
            await asyncio.sleep(_TURN_SECONDS)

    def _socket(self, address: aiohttp.AddrInfoType) -> socket.socket:
        made = keep_alive_socket(address)
        self._sockets.add(made)
        return made


def keep_alive_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    """One that notices within two minutes that the other side has vanished: a watch says nothing for as long."""
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, name):  # each system has its own
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return made
