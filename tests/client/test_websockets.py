"""WebSockets against a small server of aiohttp's, which plays kube-apiserver's part of them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from fairlead.client import websockets
from fairlead.client.connection import Connection
from fairlead.client.credentials import Bearer, Fixed, Renewing
from fairlead.client.errors import Unreachable
from fairlead.client.kubeconfig import ConnectionSettings
from fairlead.client.websockets import ERROR, STDERR, STDOUT, Refused, Upgraded
from fairlead.mcp.reaching.targets import ReadOnlyConnection, ReadOnlyError

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("client:upgraded")]
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def served(answer: Answer) -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def talking(request: web.Request) -> web.StreamResponse:
    socket = web.WebSocketResponse(protocols=websockets.PROTOCOLS)
    await socket.prepare(request)
    for channel, data in (
        (STDOUT, request.rel_url.raw_query_string),
        (STDERR, request.headers.get("authorization", "")),
        (ERROR, "end"),
    ):
        await socket.send_bytes(bytes([channel]) + data.encode())
    await socket.close()
    return socket


async def read(connection: Connection, path: str = "/exec") -> list[tuple[int, bytes]] | Refused:
    async with connection.upgraded(path, query="a=%2C") as answer:
        return [frame async for frame in answer.frames()] if isinstance(answer, Upgraded) else answer


async def test_channels_carry_bytes_with_our_credentials() -> None:
    async with served(talking) as url, Connection(ConnectionSettings(url, Fixed(Bearer("Bearer mine")))) as connection:
        assert await read(connection) == [(STDOUT, b"a=%2C"), (STDERR, b"Bearer mine"), (ERROR, b"end")]


async def test_a_refusal_keeps_its_body_and_nothing_is_followed() -> None:
    async def refusing(request: web.Request) -> web.StreamResponse:
        if request.path == "/away":
            return web.Response(status=302, headers={"location": "/exec"})
        return web.Response(status=403, text="no", headers={"x-why": "rights"})

    async with served(refusing) as url, Connection(ConnectionSettings(url)) as connection:
        refused = await read(connection)
        assert isinstance(refused, Refused)
        assert (refused.status, refused.body, refused.headers.get("x-why")) == (403, b"no", "rights")
        away = await read(connection, "/away")
        assert isinstance(away, Refused)
        assert away.status == 302


async def test_refused_credentials_are_renewed_once() -> None:
    handed = iter(["Bearer old", "Bearer new", "Bearer newer"])

    async def fetch() -> Bearer:
        return Bearer(next(handed))

    async def only_new(request: web.Request) -> web.StreamResponse:
        return await talking(request) if "new" in request.headers["authorization"] else web.Response(status=401)

    async with served(only_new) as url, Connection(ConnectionSettings(url, Renewing(fetch))) as connection:
        found = await read(connection)
        assert isinstance(found, list)
        assert found[1] == (STDERR, b"Bearer new")


async def test_a_read_only_connection_sends_none() -> None:
    asked: list[str] = []

    async def noting(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return await talking(request)

    async with served(noting) as url, ReadOnlyConnection(ConnectionSettings(url)) as connection:
        with pytest.raises(ReadOnlyError):
            await read(connection)
    assert asked == []


async def test_a_server_that_is_not_there_is_unreachable(free_port: int) -> None:
    async with Connection(ConnectionSettings(f"http://127.0.0.1:{free_port}")) as connection:
        with pytest.raises(Unreachable, match="cannot reach"):
            await read(connection)


@pytest.fixture
def free_port() -> int:
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port
