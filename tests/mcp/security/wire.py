"""Bare HTTP/1.1 to servers as `running` serves them, so that a test can say every byte."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from fairlead.mcp.callers import LOOPBACK
from fairlead.mcp.named.servers import NamedServer
from fairlead.mcp.operating import running
from fairlead.serving import listening

MODERN = "2026-07-28"
_META = "io.modelcontextprotocol"
Lines = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Said:
    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """In lower case."""

    @property
    def document(self) -> Any:
        """The one message, whether it comes as JSON or as an event."""
        lines = [each.removeprefix("data: ") for each in self.body.splitlines() if each.startswith("data: {")]
        return json.loads(lines[-1] if lines else self.body)

    @property
    def code(self) -> int:
        return int(self.document.get("error", {}).get("code", 0))


@dataclass(frozen=True)
class Wire:
    host: str
    port: int

    async def send(self, lines: Lines, body: bytes, path: str = "/s/one/mcp", method: str = "POST") -> Said:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            head = "".join(f"{key}: {value}\r\n" for key, value in lines)
            writer.write(f"{method} {path} HTTP/1.1\r\n{head}Connection: close\r\n\r\n".encode() + body)
            answer = await reader.read()
        except ConnectionError:
            return Said(0, "")
        finally:
            writer.close()
        first, _, rest = answer.partition(b"\r\n")
        parts = rest.partition(b"\r\n\r\n")
        headers = {
            key.lower(): value for key, _, value in (each.partition(": ") for each in parts[0].decode().splitlines())
        }
        return Said(int(first.split()[1]) if first else 0, _dechunked(parts), headers)

    def lines(self, method: str, name: str | None, length: int) -> list[tuple[str, str]]:
        return [
            ("Host", f"{self.host}:{self.port}"),
            ("Accept", "application/json, text/event-stream"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(length)),
            ("MCP-Protocol-Version", MODERN),
            ("Mcp-Method", method),
            *([("Mcp-Name", name)] if name is not None else []),
        ]

    async def call(self, tool: str, arguments: Mapping[str, Any] | None = None, header: str | None = None) -> Said:
        """`header` is what `Mcp-Name` says in place of the tool's name."""
        body = message("tools/call", {"name": tool, "arguments": dict(arguments or {})})
        return await self.send(self.lines("tools/call", tool if header is None else header, len(body)), body)


def message(method: str, parameters: Mapping[str, Any]) -> bytes:
    meta = {f"{_META}/protocolVersion": MODERN, f"{_META}/clientCapabilities": {}}
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": {**parameters, "_meta": meta}}).encode()


def _dechunked(parts: tuple[bytes, bytes, bytes]) -> str:
    head, _, body = parts
    if b"transfer-encoding: chunked" not in head.lower():
        return body.decode()
    found = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        found, body = found + body[:length], body[length + 2 :]
    return found.decode()


@asynccontextmanager
async def wire(*servers: NamedServer) -> AsyncIterator[Wire]:
    async with (
        running.opened({each.name: each for each in servers}, LOOPBACK) as opened,
        running.application(opened) as application,
        listening.listen_application(application, grace=1) as listener,
    ):
        parts = urlsplit(listener.url)
        yield Wire(str(parts.hostname), int(parts.port or 0))
