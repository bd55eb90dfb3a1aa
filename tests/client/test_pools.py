import socket

import pytest

from fairlead.client.connection import Connection
from fairlead.client.credentials import Bearer, ClientCertificate, Fixed
from fairlead.client.errors import CredentialsError
from fairlead.client.kubeconfig import ConnectionSettings
from fairlead.client.pools import keep_alive_socket


@pytest.mark.requirement("client:vanished-server")
def test_sockets_ask_whether_the_other_side_is_still_there() -> None:
    with keep_alive_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 0))) as made:
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        idle, interval, count = (
            made.getsockopt(socket.IPPROTO_TCP, each)
            for each in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        )
    assert idle + interval * count <= 120


@pytest.mark.anyio
@pytest.mark.requirement("client:credentials", "client:keys-stay-secret")
@pytest.mark.parametrize(
    ("server", "complaint"),
    [
        ("http://me:hush@127.0.0.1:1", "needs https: the server is http://127.0.0.1:1"),
        ("https://127.0.0.1:1", "the client certificate cannot be used"),
    ],
)
async def test_a_certificate_that_cannot_be_shown_is_said(server: str, complaint: str) -> None:
    source = Fixed(Bearer("", ClientCertificate(b"no", b"hush")))
    async with Connection(ConnectionSettings(server, source)) as connection:
        with pytest.raises(CredentialsError, match=complaint) as caught:
            await connection.request("GET", "/")
    assert "hush" not in str(caught.value)
