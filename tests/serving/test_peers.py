import asyncio

import pytest

from fairlead.machinery.messages import Request, Response
from fairlead.serving import listening
from fairlead.serving.asgi import Application
from fairlead.serving.peers import Connections, PeerProtocol

pytestmark = pytest.mark.anyio


class Transport(asyncio.Transport):
    closed = False

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


async def unused(request: Request) -> Response:
    return Response(200)


@pytest.mark.requirement("serving:drain")
@pytest.mark.parametrize("draining", [True, False])
async def test_a_handshake_that_ends_after_the_listener_is_turned_away(draining: bool) -> None:
    connections = Connections()
    connections.draining = draining
    protocol = PeerProtocol(listening._config(Application(unused, 1)), connections, {})
    transport = Transport()
    protocol.connection_made(transport)
    assert transport.closed == draining
    assert not connections.gone.is_set()
    protocol.connection_lost(None)
    assert connections.gone.is_set()
