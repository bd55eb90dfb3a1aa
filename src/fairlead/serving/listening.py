"""A socket, a handler, and an orderly end.

uvicorn's `Server` is for programs that are one server: it takes the signals, polls ten times a second and knows nothing
of streams that must end. A playground runs two servers in one process and tests run dozens, so this module opens the
socket itself and puts uvicorn's protocol on it.
"""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from uvicorn.config import Config

from fairlead.machinery.errors import FairleadError
from fairlead.machinery.messages import Handler
from fairlead.serving.asgi import Application, ASGIApplication
from fairlead.serving.peers import Connections, PeerProtocol
from fairlead.serving.tls import ServerTLS

# The API aggregator keeps idle connections for 90 s and answers 503 to a write on one that closes under it.
KEEP_ALIVE = 120
MAX_BODY = 3 * 1024 * 1024
GRACE = 10.0
_BACKLOG = 2048
_TLS_HANDSHAKE = 10.0
_TLS_CLOSING = 2.0


class ListenError(FairleadError):
    """The address cannot be listened on."""


@dataclass(frozen=True)
class Listening:
    host: str
    port: int
    secure: bool

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.secure else 'http'}://{host}:{self.port}"


def bind(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """For who must know that the port is free before anything else starts. Raises `ListenError`."""
    if not 0 <= port <= 65535:  # getaddrinfo would take the remainder
        raise ListenError(f"cannot listen on {host}:{port}", "a port is between 0 and 65535")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        opened = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ListenError(f"cannot listen on {host}:{port}", error.strerror or str(error)) from error
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(_BACKLOG)
        opened.setblocking(False)
    except OSError as error:
        opened.close()
        raise _refused(host, port, error) from error
    return opened


def _refused(host: str, port: int, error: OSError) -> ListenError:
    what = f"cannot listen on {host}:{port}"
    if error.errno == errno.EADDRINUSE:
        return ListenError(what, "the port is in use", "choose another port, or stop the program that has it")
    if error.errno == errno.EACCES:
        return ListenError(what, "permission denied", "choose a port above 1023")
    return ListenError(what, error.strerror or str(error))


@asynccontextmanager
async def listen(
    handler: Handler,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: ServerTLS | None = None,
    max_body: int = MAX_BODY,
    bound: socket.socket | None = None,
    grace: float = GRACE,
) -> AsyncIterator[Listening]:
    """Serves from entering to leaving; `bound` (of `bind`) takes the place of host and port and is closed at the end.

    Leaving stops accepting, ends streams cleanly and lets requests finish for `grace` seconds, then cuts them off.
    Raises `ListenError`.
    """
    application = Application(handler, max_body)
    async with listen_application(application, host=host, port=port, tls=tls, bound=bound, grace=grace) as listening:
        yield listening


@asynccontextmanager
async def listen_application(
    application: ASGIApplication,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: ServerTLS | None = None,
    bound: socket.socket | None = None,
    grace: float = GRACE,
) -> AsyncIterator[Listening]:
    """As `listen`, for any ASGI application; its streams are not told that the end has come, only cut off after it."""
    opened = bind(host, port) if bound is None else bound
    connections = Connections()
    server = await _serve(opened, application, connections, tls)
    address = opened.getsockname()
    try:
        yield Listening(address[0], address[1], tls is not None)
    finally:
        server.close()
        await _drain(application, connections, grace)


async def _serve(
    opened: socket.socket, application: ASGIApplication, connections: Connections, tls: ServerTLS | None
) -> asyncio.AbstractServer:
    config = _config(application)
    return await asyncio.get_running_loop().create_server(
        lambda: PeerProtocol(config, connections, {}),
        sock=opened,
        ssl=None if tls is None else tls.context,
        ssl_handshake_timeout=None if tls is None else _TLS_HANDSHAKE,
        ssl_shutdown_timeout=None if tls is None else _TLS_CLOSING,
    )


def _config(application: ASGIApplication) -> Config:
    config = Config(
        application,
        http=PeerProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
    )
    config.load()
    return config


async def _drain(application: ASGIApplication, connections: Connections, grace: float) -> None:
    connections.draining = True
    for each in list(connections.connections):
        each.shutdown()
    if isinstance(application, Application):
        application.end_streams()
    try:
        if connections.tasks:
            await asyncio.wait(list(connections.tasks), timeout=grace)
        await asyncio.wait_for(connections.gone.wait(), 0 if connections.tasks else _TLS_CLOSING)
    except TimeoutError:
        pass
    finally:
        _cut_off(connections)
    await connections.gone.wait()


def _cut_off(connections: Connections) -> None:
    for task in list(connections.tasks):
        task.cancel()
    for each in list(connections.connections):
        each.transport.abort()
