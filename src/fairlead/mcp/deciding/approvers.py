"""The other end of `approving`: whoever approves, at a terminal."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec

from fairlead.client.connection import Connection
from fairlead.client.credentials import Fixed, TokenFile
from fairlead.client.kubeconfig import ConnectionSettings
from fairlead.machinery import redacting
from fairlead.machinery.messages import Headers
from fairlead.mcp import fencing
from fairlead.mcp.deciding.approving import ApprovalError, folder

_SECONDS = 15.0
_MOST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Waiting:
    id: str
    server: str
    who: str
    tool: str
    plan: str
    diff: str
    seconds: int


class Approver(Protocol):
    async def ask(self, decision: Mapping[str, Any]) -> Any:
        """Raises `ApprovalError`, `ClientError`."""


class ByAddress:
    """`url` is the server's, with or without `/mcp`."""

    def __init__(self, url: str, token_file: Path | None = None, authority: Path | None = None) -> None:
        parts = urlsplit(url.rstrip("/").removesuffix("/mcp"))
        if parts.scheme not in ("http", "https") or not parts.netloc or not parts.path.startswith("/s/"):
            raise ApprovalError(f"{url!r} is no server's address", "", "it is like https://HOST/s/NAME/mcp")
        if parts.scheme == "http" and token_file and parts.hostname not in ("127.0.0.1", "::1", "localhost"):
            raise ApprovalError("the token would be sent in the clear", "", "use https")
        self._path = f"{parts.path}/approvals"
        self._settings = ConnectionSettings(
            f"{parts.scheme}://{parts.netloc}",
            TokenFile(token_file) if token_file else Fixed(),
            _bytes(authority) if authority else None,
        )

    async def ask(self, decision: Mapping[str, Any]) -> Any:
        method = "POST" if decision else "GET"
        headers = Headers([("content-type", "application/json")] if decision else [])
        body = msgspec.json.encode(decision) if decision else b""
        async with Connection(self._settings) as connection:
            found = await connection.request(method, self._path, headers=headers, body=body, timeout=_SECONDS)
        said = found.body if isinstance(found.body, bytes) else b""
        if found.status in (401, 403):
            what = (
                "the server wants a token that administers it" if found.status == 401 else "your token does not approve"
            )
            raise ApprovalError(what, "", "give --token-file with one that has the scope admin")
        return _understood(said, f"the server answered {found.status}")


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ApprovalError(f"cannot read {path}", error.strerror or str(error)) from error


class BySocket:
    def __init__(self, path: Path) -> None:
        self._path = path

    async def ask(self, decision: Mapping[str, Any]) -> Any:
        try:
            async with asyncio.timeout(_SECONDS):
                reader, writer = await asyncio.open_unix_connection(str(self._path), limit=_MOST_BYTES)
                writer.write(msgspec.json.encode(decision) + b"\n")
                await writer.drain()
                said = await reader.readline()
                writer.close()
        except (OSError, TimeoutError, ValueError) as error:
            raise ApprovalError(
                f"nobody answers on {self._path}", type(error).__name__, "is the server running?"
            ) from error
        return _understood(said, "the server said nothing")


def sockets() -> list[Path]:
    """Of this user's servers on pipes. Raises `ApprovalError`."""
    return sorted(each for each in folder().iterdir() if each.suffix == ".sock")


async def waiting(approver: Approver) -> list[Waiting]:
    found = await approver.ask({})
    try:
        plans = msgspec.convert(found["plans"], list[Waiting])
    except (KeyError, TypeError, msgspec.ValidationError) as error:
        raise ApprovalError("the answer is none of a server that takes approvals") from error
    return [_plain(each) for each in plans]


async def decide(approver: Approver, plan: Waiting, *, yes: bool) -> None:
    """Raises `ApprovalError` where it is too late for it."""
    await approver.ask({"id": plan.id, "approve": yes})


def _understood(said: bytes, otherwise: str) -> Any:
    try:
        found = msgspec.json.decode(said)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ApprovalError(otherwise) from error
    if not isinstance(found, dict) or "error" in found:
        raise ApprovalError(str(found["error"]) if isinstance(found, dict) else otherwise)
    return found


def _plain(plan: Waiting) -> Waiting:
    """What others wrote is shown at a terminal: no control characters, no secrets."""
    said = {key: redacting.text(fencing.plain(getattr(plan, key))) for key in ("who", "tool", "plan", "diff", "server")}
    return Waiting(id=plan.id, seconds=plan.seconds, **said)
