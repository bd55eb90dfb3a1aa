"""A TLS client that shows what is on the wire: no pool, no retry, no decoding that could hide a fault."""

import asyncio
import ssl
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fairlead.serving.certificates import Authority, KeyPair
from fairlead.serving.listening import Listening


def client_tls(authority: Authority, pair: KeyPair | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=authority.certificate.decode())
    if pair is not None:
        with tempfile.NamedTemporaryFile() as file:
            file.write(pair.certificate + pair.key)
            file.flush()
            context.load_cert_chain(file.name)
    return context


@dataclass
class Answer:
    status: int
    lines: list[tuple[str, str]]
    body: bytes = field(repr=False)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.lines if key.lower() == name]


@dataclass
class Wire:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def ask(self, method: str, target: str, *lines: str, body: bytes = b"") -> Answer:
        length = [f"Content-Length: {len(body)}"] if body else []
        head = "\r\n".join([f"{method} {target} HTTP/1.1", "Host: server", *length, *lines])
        await self.send(head.encode() + b"\r\n\r\n" + body)
        return await self.answer(bodiless=method == "HEAD")

    async def head(self) -> tuple[int, list[tuple[str, str]]]:
        raw = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        status, *lines = raw.rstrip().split("\r\n")
        pairs = [line.partition(": ") for line in lines]
        return int(status.split()[1]), [(name, value) for name, _, value in pairs]

    async def answer(self, *, bodiless: bool = False) -> Answer:
        status, lines = await self.head()
        found = {name.lower(): value for name, value in lines}
        body = b""
        if not bodiless and "content-length" in found:
            body = await self.reader.readexactly(int(found["content-length"]))
        elif not bodiless and found.get("transfer-encoding") == "chunked":
            body = b"".join([chunk async for chunk in self.chunks()])
        return Answer(status, lines, body)

    async def chunk(self) -> bytes:
        """Empty at the end of the stream; raises `IncompleteReadError` where it was cut off."""
        size = int(await self.reader.readuntil(b"\r\n"), 16)
        return (await self.reader.readexactly(size + 2))[:-2]

    async def chunks(self) -> AsyncIterator[bytes]:
        while chunk := await self.chunk():
            yield chunk

    async def closed(self) -> bool:
        return await self.reader.read(1) == b""


@asynccontextmanager
async def connect(listening: Listening, tls: ssl.SSLContext | None = None) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", listening.port, ssl=tls, server_hostname=None if tls is None else "localhost"
    )
    try:
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
