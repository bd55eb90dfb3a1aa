"""The client certificate of a connection, which uvicorn does not show to an application.

To be deleted when uvicorn ships ASGI's `tls` extension. It reaches the application through the connection's own state,
which uvicorn copies into each request's scope; so does the connection itself, because an answer that cannot be finished
must be cut off, and ASGI has no word for that.
"""

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

PEER_CERTIFICATE = "fairlead.peer_certificate"
CONNECTION = "fairlead.connection"


class Connections(ServerState):
    """All open connections and running requests of one listener; `gone` is set whenever no connection is left."""

    def __init__(self) -> None:
        super().__init__()
        self.draining = False
        self.gone = asyncio.Event()
        self.gone.set()


class PeerProtocol(HttpToolsProtocol):
    server_state: Connections

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, dict(app_state), _loop)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.server_state.gone.clear()
        tls = transport.get_extra_info("ssl_object")
        self.app_state[PEER_CERTIFICATE] = None if tls is None else tls.getpeercert(binary_form=True)
        self.app_state[CONNECTION] = transport
        if self.server_state.draining:  # its handshake was under way when the listener closed
            transport.close()
        else:
            # uvicorn bounds the pause between requests, but not the one before the first.
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if not self.server_state.connections:
            self.server_state.gone.set()
