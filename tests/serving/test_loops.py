import asyncio
import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fairlead.serving import loops

CUT = struct.pack("ii", 1, 0)
"""For SO_LINGER: closing answers with RST, as the kernel does for a program that was killed."""


async def loop_names() -> list[str]:
    return [each.__module__ for each in type(asyncio.get_running_loop()).__mro__]


@pytest.mark.requirement("serving:loop")
def test_a_server_runs_on_uvloop() -> None:
    assert "uvloop" in loops.run(loop_names())


@pytest.mark.requirement("serving:loop")
def test_a_server_runs_without_uvloop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "uvloop" not in loops.run(loop_names())


@contextmanager
def connected() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Our end, which does not block, and theirs, which cuts the connection when it is closed."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as ours:
        ours.setblocking(False)
        theirs, _ = listener.accept()
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, CUT)
        with theirs:
            yield ours, theirs


def handing_over(ours: socket.socket) -> "asyncio.Task[object]":
    loop = asyncio.get_running_loop()
    context = ssl.create_default_context()
    made = loop.create_connection(asyncio.Protocol, sock=ours, ssl=context, server_hostname="localhost")
    return asyncio.ensure_future(made)


@pytest.mark.requirement("serving:descriptors")
@pytest.mark.anyio
@pytest.mark.parametrize("turns", [-1, 0, 1, 2, 3])
@pytest.mark.parametrize("way", ["cut", "cancelled"])
async def test_a_socket_that_fails_on_its_way_to_tls_has_no_descriptor_any_more(turns: int, way: str) -> None:
    with connected() as (ours, theirs):
        if turns < 0:
            theirs.close()
        task = handing_over(ours)
        for _ in range(turns):
            await asyncio.sleep(0)
        if way == "cut":
            theirs.close()
        else:
            await asyncio.sleep(0)
            task.cancel()
        with pytest.raises((ConnectionError, asyncio.CancelledError)):
            await task
        await asyncio.sleep(0)
        assert ours.fileno() == -1
