"""How a person sees the plans that wait, and says yes or no: over HTTP, or over a socket of their own machine.

Over HTTP as any other request to the server, behind the same guard, with the scope that administers; it is no tool, so
that no model is ever offered it. A server on a pipe listens on a Unix socket in the user's runtime folder instead: only
the same user can open it, and the kernel says who has.

Both speak the same two things: which plans wait, and a decision on one of them.
"""

import asyncio
import os
import socket
import stat
import struct
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fairlead.machinery.errors import FairleadError
from fairlead.mcp.callers import LOOPBACK, Caller
from fairlead.mcp.deciding.gate import Gate
from fairlead.mcp.deciding.handles import Pending

_MOST_BYTES = 4096
_SECONDS = 10.0


class ApprovalError(FairleadError):
    """Approvals cannot be offered or given."""


class Decision(msgspec.Struct, forbid_unknown_fields=True):
    id: str = ""
    """Empty: list what waits."""
    approve: bool = False


class Gates(Protocol):
    @property
    def gate(self) -> Gate: ...


async def answer(gate: Gate, approver: Caller, asked: Decision, now: float) -> Any:
    """Raises `ToolError`, `StoreError`."""
    if asked.id:
        plan = await gate.confirming.decide(approver, asked.id, yes=asked.approve)
        return {"id": plan.id, "decision": "approved" if asked.approve else "refused"}
    return {"plans": [_shown(each, now) for each in await gate.confirming.handles.waiting() if each.by_person]}


def _shown(plan: Pending, now: float) -> dict[str, Any]:
    return {
        "id": plan.id,
        "server": plan.server,
        "who": plan.who,
        "tool": plan.tool,
        "plan": plan.summary,
        "diff": plan.diff,
        "seconds": max(0, int(plan.expires - now)),
    }


def route(servers: Mapping[str, Gates]) -> Route:
    """`/s/<name>/approvals`: GET lists, POST decides. Whether the caller may is the guard's affair."""

    async def approvals(request: Request) -> Response:
        found = servers.get(request.path_params["name"])
        if found is None:
            return JSONResponse({"error": "there is no such server"}, 404)
        caller = getattr(request.state, "caller", LOOPBACK)
        try:
            asked = Decision() if request.method == "GET" else await _decision(request)
            return JSONResponse(await answer(found.gate, caller, asked, found.gate.confirming.handles.now()))
        except FairleadError as error:
            return JSONResponse({"error": str(error)}, 409)

    return Route("/s/{name}/approvals", approvals, methods=["GET", "POST"])


async def _decision(request: Request) -> Decision:
    """Raises `ApprovalError`. No web page can send this type unasked."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise ApprovalError("a decision is sent as application/json")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise ApprovalError("a decision is not so long")
    return decoded(body)


def decoded(body: bytes) -> Decision:
    """Raises `ApprovalError`."""
    try:
        return msgspec.json.decode(body, type=Decision)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ApprovalError('a decision is {"id": "…", "approve": true}') from error


def folder() -> Path:
    """For sockets, of this user alone. Raises `ApprovalError` for one that others could have made."""
    given = os.environ.get("XDG_RUNTIME_DIR", "")
    base = Path(given) if given else Path(tempfile.gettempdir())
    found = base / ("fairlead" if given else f"fairlead-{os.getuid()}")
    try:
        found.mkdir(mode=0o700, exist_ok=True)
        about = found.lstat()
    except OSError as error:
        raise ApprovalError(f"cannot use the folder {found}", error.strerror or str(error)) from error
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid() or stat.S_IMODE(about.st_mode) & 0o077:
        raise ApprovalError(f"the folder {found} is not this user's alone", "", "remove it, or set XDG_RUNTIME_DIR")
    return found


@asynccontextmanager
async def listening(gates: Gates) -> AsyncIterator[Path | None]:
    """The socket on which this user approves what a server on a pipe has planned.

    Where it cannot be, a server that is not in production mode does without. Raises `ApprovalError`.
    """
    try:
        path = folder() / f"{gates.gate.server.name}-{os.getpid()}.sock"
        listener = _bound(path)
    except FairleadError:
        if gates.gate.server.production:
            raise
        yield None
        return
    server = await asyncio.start_unix_server(lambda reader, writer: _serve(gates, reader, writer), sock=listener)
    try:
        yield path
    finally:
        server.close()
        path.unlink(missing_ok=True)


def _bound(path: Path) -> socket.socket:
    """In a folder that nobody else enters, so that nobody is quicker than its mode. Raises `ApprovalError`."""
    listener = socket.socket(socket.AF_UNIX)
    try:
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        path.chmod(0o600)
    except OSError as error:
        listener.close()
        raise ApprovalError(f"cannot listen on {path}", error.strerror or str(error)) from error
    return listener


async def _serve(gates: Gates, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One line in, one line out."""
    try:
        async with asyncio.timeout(_SECONDS):
            said = await _said(gates, await reader.readline(), writer.get_extra_info("socket"))
            writer.write(msgspec.json.encode(said) + b"\n")
            await writer.drain()
    except (OSError, ValueError, TimeoutError):
        pass  # whoever asked has gone, or says nothing that is meant for us
    finally:
        writer.close()


async def _said(gates: Gates, line: bytes, connected: socket.socket) -> Any:
    user = _user(connected)
    if user != os.getuid():
        return {"error": "only the user who runs the server approves"}
    gate = gates.gate
    try:
        return await answer(gate, Caller(f"user {user}"), decoded(line), gate.confirming.handles.now())
    except FairleadError as error:
        return {"error": str(error)}


def _user(connected: socket.socket) -> int:
    """As the kernel tells; where it does not, the folder has let in nobody else."""
    if not hasattr(socket, "SO_PEERCRED"):
        return os.getuid()
    told = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", told)[1])
