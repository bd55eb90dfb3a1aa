"""Small servers to be a client of: a handler over TLS, and scripted bytes for what no handler can get wrong."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fairlead.client.connection import Connection
from fairlead.client.credentials import Fixed, Source
from fairlead.client.kubeconfig import ConnectionSettings
from fairlead.machinery.messages import Handler
from fairlead.serving.certificates import Authority
from fairlead.serving.listening import listen
from fairlead.serving.tls import ServerTLS

AUTHORITY = Authority.create("test authority")


@asynccontextmanager
async def serve(handler: Handler, *, prefix: str = "", source: Source | None = None) -> AsyncIterator[Connection]:
    tls = ServerTLS(AUTHORITY.issue_server(["localhost"], ["127.0.0.1"]), AUTHORITY.certificate)
    async with listen(handler, tls=tls) as listening:
        settings = ConnectionSettings(
            f"{listening.url}{prefix}", source=source or Fixed(), authority=AUTHORITY.certificate
        )
        async with Connection(settings) as connection:
            yield connection


@asynccontextmanager
async def scripted(*answers: bytes) -> AsyncIterator[Connection]:
    """Answers each connection's first request with the next of the byte strings, and closes it."""
    waiting = list(answers)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(waiting.pop(0) if waiting else b"")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, Connection(ConnectionSettings(f"http://127.0.0.1:{port}")) as connection:
        yield connection


def chunked(*chunks: bytes, end: bool = True) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    parts = [f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n" for chunk in chunks]
    return head + b"".join(parts) + (b"0\r\n\r\n" if end else b"")


@asynccontextmanager
async def raw_server(seen: list[bytes], answer: bytes) -> AsyncIterator[int]:
    """Answers every request on every connection with the same bytes; yields its port."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                seen.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def closing_after_one() -> AsyncIterator[tuple[Connection, list[bytes]]]:
    """Each connection answers one request and closes silently on the next, as a server does that drains."""
    seen: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        with suppress(asyncio.IncompleteReadError):
            seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with Connection(ConnectionSettings(f"http://127.0.0.1:{port}")) as connection:
            yield connection, seen
