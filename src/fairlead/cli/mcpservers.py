"""`fairlead mcp server`: making, changing and deleting named servers, which are files that are served."""

import os
import shlex
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fairlead.cli import mcpcatalog, mcpconnect
from fairlead.cli.mcpcatalog import Servers, directory
from fairlead.cli.showing import Output, document
from fairlead.machinery.errors import FairleadError

if TYPE_CHECKING:
    from fairlead.mcp.named.servers import NamedServer

app = typer.Typer(help="Named servers: what AI agents may use, and how.", no_args_is_help=True)

_Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the server.")]
_Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")]
_Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Any key of the file, as in tools.allow=pods_list,pods_get."),
]


class ServerCommandError(FairleadError):
    """A server cannot be made or changed in this way."""


app.command("list")(mcpcatalog.list_servers)
app.command("catalog")(mcpcatalog.show_catalog)
app.command("connect")(mcpconnect.connect)


@app.callback()
def _group() -> None: ...


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Without one, it is asked for step by step.")] = "",
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    catalog: Annotated[list[str] | None, typer.Option(help="A toolset or preset; several times for more.")] = None,
    allow: Annotated[list[str] | None, typer.Option(help="A tool, or a pattern of names, to let through.")] = None,
    deny: Annotated[list[str] | None, typer.Option(help="A tool, or a pattern of names, to leave out.")] = None,
    context: Annotated[
        list[str] | None, typer.Option(help="A context of the kubeconfig; the first is default.")
    ] = None,
    timeout: Annotated[int, typer.Option(metavar="SECONDS", help="Of each call (default: 30, or as presets say).")] = 0,
    production: Annotated[bool, typer.Option("--production", help="In production mode.")] = False,
    no_logging: Annotated[bool, typer.Option("--no-logging", help="Leave its calls out of the audit log.")] = False,
    set_: _Set = None,
    servers: Servers = None,
    yes: _Yes = False,
) -> None:
    """Make a server of the catalog."""
    if not name:
        _guided(directory(servers), yes=yes)
        return
    from fairlead.mcp.named import serveredits

    wanted: dict[str, Any] = {
        "name": name,
        "description": description,
        "catalog": catalog,
        "tools": {key: value for key, value in (("allow", allow), ("deny", deny)) if value},
        "targets": [{"name": each, "context": each} for each in context or ()],
        "timeoutSeconds": timeout,
        "production": production,
    }
    found = {key: value for key, value in wanted.items() if value} | ({"logging": False} if no_logging else {})
    _deploy(directory(servers), serveredits.changed(found, set_ or ()))


def _guided(where: Path, *, yes: bool) -> None:
    from fairlead.cli import serverdialogue

    if not sys.stdin.isatty() or yes:
        raise ServerCommandError("nobody can be asked here", "", "give a name and options; see --help")
    found = serverdialogue.ask()
    if found is None:
        raise typer.Abort
    _deploy(where, found)


def _deploy(where: Path, found: dict[str, Any]) -> None:
    from fairlead.machinery import encoding
    from fairlead.mcp.named import serverfiles

    text = encoding.to_yaml(found).encode()
    _check(text, "the new server")
    path = serverfiles.create(where, text)
    typer.echo(f"created {path}")
    there = "" if where == serverfiles.default_directory() else f" --servers {shlex.quote(str(where))}"
    connect = f"`fairlead mcp server connect {found['name']}{there}`"
    typer.echo(f"served by `fairlead mcp serve{there} …`; {connect} tells a client of it")


def _check(text: bytes, origin: str) -> "NamedServer":
    """Raises what is wrong, toolsets included."""
    from fairlead.mcp.named import catalog, serverkeys
    from fairlead.mcp.operating.preparing import prepare

    return prepare(serverkeys.read(text, origin), catalog.toolsets()).server


@app.command("edit")
def edit(
    name: _Name,
    set_: _Set = None,
    unset: Annotated[list[str] | None, typer.Option(metavar="KEY", help="Back to its default.")] = None,
    servers: Servers = None,
) -> None:
    """Change a server by --set and --unset, else in your $EDITOR; one that is served changes within seconds."""
    from fairlead.machinery import encoding
    from fairlead.mcp.named import serveredits, serverfiles, serverkeys

    path = serverfiles.find(directory(servers), name)
    before = path.read_bytes()
    if set_ or unset:
        changed = serveredits.changed(serverkeys.document(before, str(path)), set_ or (), unset or ())
        after = encoding.to_yaml(changed).encode()
    else:
        after = _edited(before)
    if after == before:
        typer.echo("nothing changed")
        return
    _check(after, str(path))
    typer.echo(f"changed {serverfiles.change(path, after)}")


def _edited(text: bytes) -> bytes:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not editor:
        raise ServerCommandError("there is no editor", "$EDITOR is not set", "use --set KEY=VALUE")
    with TemporaryDirectory(prefix="fairlead-edit-") as folder:
        path = Path(folder) / "server.yaml"
        path.write_bytes(text)
        try:
            code = subprocess.run([*shlex.split(editor), str(path)], check=False).returncode
        except (OSError, ValueError) as error:
            raise ServerCommandError(f"the editor {editor!r} cannot be started", "", "set $EDITOR") from error
        if code:
            raise ServerCommandError("nothing was changed", f"the editor ended with {code}")
        return path.read_bytes()


@app.command("show")
def show(
    name: _Name,
    servers: Servers = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="yaml or json.")] = Output.YAML,
) -> None:
    """Show a server as it is written down."""
    from fairlead.mcp.named import serverfiles, serverkeys

    path = serverfiles.find(directory(servers), name)
    text = path.read_bytes()
    if output is Output.JSON:
        document(serverkeys.document(text, str(path)), output)
    else:
        typer.echo(text.decode(errors="replace").rstrip())


@app.command("delete")
def delete(name: _Name, servers: Servers = None, yes: _Yes = False) -> None:
    """Delete a server; whoever uses it is answered 404 from then on."""
    from fairlead.mcp.named import serverfiles

    path = serverfiles.find(directory(servers), name)
    if not yes:
        if not sys.stdin.isatty():
            raise ServerCommandError("nobody can be asked here", "", "use --yes")
        typer.confirm(f"Delete {path}?", abort=True, err=True)
    serverfiles.remove(path)
    typer.echo(f"deleted {path}")
