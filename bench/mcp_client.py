"""A client that costs next to nothing: raw requests of 2026-07-28 over kept connections, and lines over pipes."""

import asyncio
import json
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

MODERN = "2026-07-28"
_META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "0"},
}


@dataclass(frozen=True)
class Timed:
    calls: int
    seconds: float
    median: float
    """Seconds of one call."""
    last: bytes

    @property
    def rate(self) -> float:
        return self.calls / self.seconds


def message(method: str, parameters: Mapping[str, Any], number: int = 1) -> bytes:
    said = {"jsonrpc": "2.0", "id": number, "method": method, "params": {**parameters, "_meta": _META}}
    return json.dumps(said, separators=(",", ":")).encode()


def request(url: str, tool: str, arguments: Mapping[str, Any], token: str = "") -> bytes:
    parts = urlsplit(url)
    body = message("tools/call", {"name": tool, "arguments": arguments})
    lines = [
        f"POST {parts.path} HTTP/1.1",
        f"Host: {parts.netloc}",
        "Content-Type: application/json",
        "Accept: application/json, text/event-stream",
        f"MCP-Protocol-Version: {MODERN}",
        "Mcp-Method: tools/call",
        f"Mcp-Name: {tool}",
        f"Content-Length: {len(body)}",
        *([f"Authorization: Bearer {token}"] if token else []),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def parsed(said: bytes) -> dict[str, Any]:
    """A reply, which may come as an event of a stream."""
    text = said.decode()
    if not text.startswith("{"):
        text = next(each.removeprefix("data:") for each in text.splitlines() if each.startswith("data:"))
    found: dict[str, Any] = json.loads(text)
    return found


def answered(said: bytes) -> dict[str, Any]:
    """The result of a call that succeeded."""
    result: dict[str, Any] = parsed(said).get("result", {})
    if not result or result.get("isError"):
        raise SystemExit(f"a call that should succeed failed: {said[:500]!r}")
    return result


async def timed(url: str, asked: bytes, concurrency: int, seconds: float) -> Timed:
    """As many calls as there is time for; the first of each connection is not counted."""
    parts = urlsplit(url)
    spent: list[float] = []
    last = b""

    async def one() -> None:
        nonlocal last
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        last = await exchange(reader, writer, asked)
        answered(last)
        await together.wait()
        while (began := time.perf_counter()) < end:
            writer.write(asked)
            last = await _reply(reader)
            spent.append(time.perf_counter() - began)
        writer.close()

    together = asyncio.Barrier(concurrency)
    end = time.perf_counter() + seconds + 1.0
    async with asyncio.TaskGroup() as tasks:
        for _ in range(concurrency):
            tasks.create_task(one())
    answered(last)
    return Timed(len(spent), sum(spent) / concurrency, statistics.median(spent), last)


async def once(url: str, asked: bytes) -> bytes:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        return await exchange(reader, writer, asked)
    finally:
        writer.close()


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: bytes) -> bytes:
    writer.write(asked)
    return await _reply(reader)


async def _reply(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if not head.startswith((b"http/1.1 200", b"http/1.1 202")):
        raise SystemExit(f"answered {head[:100]!r}")
    if b"content-length:" in head:
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        return await reader.readexactly(length)
    chunks = []
    while size := int(await reader.readline(), 16):
        chunks.append(await reader.readexactly(size))
        await reader.readline()
    await reader.readline()
    return b"".join(chunks)
