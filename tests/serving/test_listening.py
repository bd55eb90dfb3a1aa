import asyncio
import socket
from collections.abc import AsyncIterator

import anyio
import pytest

from fairlead.machinery.messages import Request, Response
from fairlead.serving import listening as module
from fairlead.serving.certificates import Authority
from fairlead.serving.listening import KEEP_ALIVE, ListenError, bind, listen
from fairlead.serving.tls import ServerTLS
from tests.serving.clients import client_tls, connect

pytestmark = pytest.mark.anyio


async def hello(request: Request) -> Response:
    return Response(200, body=b"hello")


class Gate:
    """A handler that stands still until the test lets it go."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.open = asyncio.Event()

    async def __call__(self, request: Request) -> Response:
        self.entered.set()
        await self.open.wait()
        return Response(200, body=b"late")


@pytest.mark.requirement("serving:port-in-use")
class TestBinding:
    def test_a_port_in_use_is_one_line(self) -> None:
        with bind() as taken:
            port = taken.getsockname()[1]
            with pytest.raises(ListenError) as caught:
                bind("127.0.0.1", port)
        assert str(caught.value) == (
            f"cannot listen on 127.0.0.1:{port}: the port is in use; "
            "choose another port, or stop the program that has it"
        )

    async def test_nothing_is_served_on_a_port_in_use(self) -> None:
        with bind() as taken, pytest.raises(ListenError, match="the port is in use"):
            async with listen(hello, port=taken.getsockname()[1]):
                pytest.fail("it listens")

    @pytest.mark.parametrize(("host", "port"), [("192.0.2.1", 0), ("no.such.host.invalid", 0), ("127.0.0.1", 70_000)])
    def test_other_addresses_that_cannot_be(self, host: str, port: int) -> None:
        with pytest.raises(ListenError, match=f"cannot listen on {host}:{port}: ."):
            bind(host, port)

    def test_a_privileged_port_says_what_to_do(self) -> None:
        error = module._refused("127.0.0.1", 443, PermissionError(13, "Permission denied"))
        assert str(error) == "cannot listen on 127.0.0.1:443: permission denied; choose a port above 1023"

    async def test_a_socket_bound_before_is_served(self) -> None:
        bound = bind()
        port = bound.getsockname()[1]
        with anyio.fail_after(10):
            async with listen(hello, bound=bound) as listening:
                assert listening.port == port
                async with connect(listening) as wire:
                    assert (await wire.ask("GET", "/")).body == b"hello"
        assert bound.fileno() == -1

    async def test_urls(self, serving_authority: Authority) -> None:
        async with listen(hello) as plain:
            assert plain.url == f"http://127.0.0.1:{plain.port}"
        async with listen(hello, tls=ServerTLS(serving_authority.issue_server(["localhost"]))) as secure:
            assert secure.url == f"https://127.0.0.1:{secure.port}"
        async with listen(hello, host="::1") as six:
            assert six.url == f"http://[::1]:{six.port}"


@pytest.mark.requirement("serving:keep-alive")
async def test_a_connection_is_used_again_and_outlives_the_aggregators() -> None:
    assert KEEP_ALIVE > 90
    with anyio.fail_after(10):
        async with listen(hello) as listening, connect(listening) as wire:
            for _ in range(3):
                answer = await wire.ask("GET", "/")
                assert (answer.body, answer.all("connection")) == (b"hello", [])


@pytest.mark.requirement("serving:keep-alive")
async def test_a_connection_that_never_asks_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEEP_ALIVE", 0)
    with anyio.fail_after(10):
        async with listen(hello) as listening, connect(listening) as wire:
            assert await wire.closed()


@pytest.mark.requirement("serving:drain")
class TestDraining:
    async def test_a_running_request_finishes_and_no_new_one_is_accepted(self) -> None:
        gate = Gate()
        with anyio.fail_after(10):
            context = listen(gate)
            listening = await context.__aenter__()
            async with connect(listening) as wire:
                await wire.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                await gate.entered.wait()
                leaving = asyncio.ensure_future(context.__aexit__(None, None, None))
                while not await self.closed_to(listening.port):  # noqa: ASYNC110 - a socket's closing raises no event
                    await asyncio.sleep(0)
                assert not leaving.done()
                gate.open.set()
                answer = await wire.answer()
                assert (answer.body, answer.all("connection")) == (b"late", ["close"])
                await leaving

    async def closed_to(self, port: int) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) != 0

    async def test_idle_connections_do_not_delay_the_end(self, serving_authority: Authority) -> None:
        tls = ServerTLS(serving_authority.issue_server(["localhost"]))
        with anyio.fail_after(1.5):
            context = listen(hello, tls=tls)
            listening = await context.__aenter__()
            async with connect(listening, client_tls(serving_authority)) as wire:
                await wire.ask("GET", "/")
                await context.__aexit__(None, None, None)
                assert await wire.closed()

    async def test_streams_end_cleanly(self) -> None:
        closed = asyncio.Event()

        async def endless() -> AsyncIterator[bytes]:
            try:
                yield b"event\n"
                await asyncio.Event().wait()
            finally:
                closed.set()

        async def handler(request: Request) -> Response:
            return Response(200, body=endless())

        with anyio.fail_after(10):
            context = listen(handler)
            listening = await context.__aenter__()
            async with connect(listening) as wire:
                await wire.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                await wire.head()
                assert await wire.chunk() == b"event\n"
                await context.__aexit__(None, None, None)
                assert closed.is_set()
                assert await wire.chunk() == b""
                assert await wire.closed()

    async def test_what_exceeds_the_grace_is_cut_off(self) -> None:
        gate = Gate()
        with anyio.fail_after(10):
            context = listen(gate, grace=0)
            listening = await context.__aenter__()
            async with connect(listening) as wire:
                await wire.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                await gate.entered.wait()
                await context.__aexit__(None, None, None)
                with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                    await wire.answer()
