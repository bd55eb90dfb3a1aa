"""Ports are held before, while and after a server uses them."""

import errno
import socket
from collections.abc import Iterator

import pytest

from testenv.ports import Ports

pytestmark = pytest.mark.requirement("testenv:loopback")


@pytest.fixture
def ports() -> Iterator[Ports]:
    held = Ports("one", "two")
    yield held
    held.close()


def bind(port: int, *, reuse: bool) -> socket.socket:
    made = socket.socket()
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
        made.bind(("127.0.0.1", port))
        made.listen()
    except OSError:
        made.close()
        raise
    return made


def test_no_port_is_given_out_twice() -> None:
    """Of the kernel's 28,000; by chance alone three among 400 would be."""
    names = [str(number) for number in range(400)]
    held = Ports(*names)
    assert len({held[name] for name in names}) == len(names)
    held.close()


def test_a_server_can_listen_on_one_and_again_after_it_ended(ports: Ports) -> None:
    for _ in range(2):
        with (
            bind(ports["one"], reuse=True) as server,
            socket.create_connection(("127.0.0.1", ports["one"])) as client,
            server.accept()[0] as accepted,
        ):
            accepted.sendall(b"x")
            assert client.recv(1) == b"x"


def test_nobody_else_is_given_one_that_is_held(ports: Ports) -> None:
    with pytest.raises(OSError, match="in use") as refused:
        bind(ports["one"], reuse=False)
    assert refused.value.errno == errno.EADDRINUSE


def test_one_is_free_when_it_is_given_back() -> None:
    given = Ports("one")
    port = given["one"]
    given.close()
    bind(port, reuse=False).close()
