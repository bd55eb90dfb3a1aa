"""`fairlead mcp server connect`: what a person enters into a client, so that it finds a server."""

import os
import shutil
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fairlead.mcp.connecting.connecting import Client, Way
    from fairlead.mcp.named.servers import NamedServer

_CLIENTS = "claude-code, claude-desktop, cursor, vscode, codex, gemini or json"


def connect(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The server.")] = "",
    client: Annotated[str, typer.Option(metavar="CLIENT", help=f"{_CLIENTS} (default: all).")] = "",
    url: Annotated[
        str, typer.Option(help="Where it is served; without one the client starts a process of its own.")
    ] = "",
    token_env: Annotated[
        str, typer.Option(metavar="NAME", help="The client's environment variable with a token, instead of a login.")
    ] = "",
    servers: Annotated[Path | None, typer.Option("--servers", metavar="DIR", help="Directory of servers.")] = None,
) -> None:
    """Print how a client is set up for a server."""
    from fairlead.mcp.operating.sources import Source

    source = Source(servers, name)
    server = source.one(source.read())
    way = _way(server, url, token_env, servers)
    for each in _chosen(client):
        typer.echo(_shown(each, server.name, way, alone=bool(client)))


def _chosen(client: str) -> "list[Client]":
    from fairlead.mcp.connecting.clientformats import CLIENTS
    from fairlead.mcp.connecting.connecting import ConnectError

    if client and client not in CLIENTS:
        raise ConnectError(f"there is no client {client!r}", "", f"--client takes {_CLIENTS}")
    return [CLIENTS[client]] if client else list(CLIENTS.values())


def _way(server: "NamedServer", url: str, token_env: str, directory: Path | None) -> "Way":
    from fairlead.mcp.connecting.connecting import Address, ConnectError, Pipe, address
    from fairlead.mcp.named.identities import OIDC

    identity = server.identity
    if url:
        oidc = isinstance(identity, OIDC)
        number = identity.client_id if isinstance(identity, OIDC) else ""
        return Address(address(url, server.name), oidc, number, token_env)
    if isinstance(identity, OIDC):
        raise ConnectError(
            f"{server.name} tells callers apart by their tokens, and over a pipe there are none",
            "",
            "--url says where it is served",
        )
    if token_env:
        raise ConnectError("over a pipe nobody brings a token", "", "--url says where it is served")
    return Pipe((*_ourselves(), "mcp", "serve", "--stdio", *_served(server, directory)), _environment())


def _served(server: "NamedServer", directory: Path | None) -> tuple[str, ...]:
    """Paths are absolute: the client starts the command wherever it likes."""
    where = () if directory is None else ("--servers", str(directory.absolute()))
    return (*where, "--server", server.name)


def _ourselves() -> tuple[str, ...]:
    """The program that runs now, by its whole path: clients with a window do not have the shell's."""
    started = Path(sys.argv[0])
    if started.name == "fairlead" and started.is_file():
        return (str(started.absolute()),)
    found = shutil.which("fairlead")
    return (found,) if found else (sys.executable, "-m", "fairlead")


def _environment() -> dict[str, str]:
    """What a client started from elsewhere would not know."""
    told = os.environ.get("KUBECONFIG", "")
    paths = [str(Path(each).absolute()) for each in told.split(os.pathsep) if each]
    return {"KUBECONFIG": os.pathsep.join(paths)} if paths else {}


def _shown(client: "Client", name: str, way: "Way", *, alone: bool) -> str:
    """What is no command is a comment, so that one client's set-up can be handed to a shell."""
    from fairlead.mcp.connecting.connecting import Note, Snippet

    lines: list[str] = []
    for step in client.steps(name, way):
        if isinstance(step, Snippet) and step.file:
            lines.append(f"# into {step.file}")
        lines.append(f"# {step}" if isinstance(step, Note) else str(step))
    text = "\n".join(lines)
    return text if alone else f"{client.title}\n{textwrap.indent(text, '  ')}\n"
