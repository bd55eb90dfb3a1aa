"""`fairlead mcp server`: the catalog, and the named servers that are made of it, as files that are served."""

import os
import shlex
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fairlead.cli import mcpconnect
from fairlead.cli.showing import Output, document, rows
from fairlead.machinery.errors import FairleadError

if TYPE_CHECKING:
    from fairlead.mcp.servers import NamedServer

app = typer.Typer(help="Named servers: what AI agents may use, and how.", no_args_is_help=True)

Servers = Annotated[
    Path | None,
    typer.Option("--servers", metavar="DIR", help="Their directory (default: in your configuration folder)."),
]
_Output = Annotated[Output, typer.Option("--output", "-o", help="How to print it.")]
_Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the server.")]
_Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")]
_Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Any key of the file, as in tools.allow=pods_list,pods_get."),
]


class ServerCommandError(FairleadError):
    """A server cannot be made or changed in this way."""


app.command("connect")(mcpconnect.connect)


@app.callback()
def _group() -> None: ...


def directory(said: Path | None) -> Path:
    from fairlead.mcp.serverfiles import default_directory

    return said or default_directory()


@app.command("list")
def list_servers(servers: Servers = None, output: _Output = Output.TABLE) -> None:
    """List the named servers, those included that cannot be served and why."""
    found = _listed(directory(servers))
    if output is not Output.TABLE:
        document(found, output)
    elif not found:
        typer.echo(f"no servers in {directory(servers)}; `fairlead mcp server create` makes one", err=True)
    else:
        keys = ("name", "catalog", "tools", "changes", "identity", "production", "description")
        rows([each.upper() for each in keys], [[_cell(each.get(key, "")) for key in keys] for each in found])
    if any("fault" in each for each in found):
        raise typer.Exit(1)


def _listed(where: Path) -> list[dict[str, Any]]:
    from fairlead.mcp import serverfiles

    files = serverfiles.texts(where) if where.is_dir() else {}
    return [_row(path, text) for path, text in files.items()]


def _row(path: Path, text: bytes) -> dict[str, Any]:
    from fairlead.mcp import catalog, serverkeys
    from fairlead.mcp.callers import TERMINAL
    from fairlead.mcp.preparing import prepare

    try:
        server = serverkeys.read(text, str(path))
        prepared = prepare(server, catalog.toolsets())
    except FairleadError as error:
        return {"name": path.stem, "file": str(path), "fault": str(error), "description": f"cannot be served: {error}"}
    return {
        "name": server.name,
        "description": server.description,
        "catalog": list(server.catalog),
        "tools": len(prepared.tools(TERMINAL)),
        "changes": not prepared.reads_only,
        "identity": server.identity.way,
        "production": server.production,
        "file": str(path),
    }


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(value) if isinstance(value, list) else str(value)


@app.command("catalog")
def show_catalog(
    words: Annotated[list[str] | None, typer.Argument(metavar="WORDS", help="Found in names, texts, tools.")] = None,
    output: _Output = Output.TABLE,
) -> None:
    """Search what servers can be made of: toolsets, and presets, which are ready servers."""
    from fairlead.mcp import catalog, searching

    available = catalog.toolsets()
    found = searching.search(words or (), available)
    for each in catalog.usable(available)[1]:
        typer.echo(f"fairlead: {each}", err=True)
    if output is not Output.TABLE:
        document([_entry(each) for each in found], output)
    elif found:
        lines = [[each.name, each.kind, str(len(each.tools)), each.description, each.authentication] for each in found]
        rows(["NAME", "KIND", "TOOLS", "WHAT IT DOES", "NEEDS"], lines)
    else:
        raise ServerCommandError("nothing in the catalog has all of these words", "", "try fewer, or none for all")


def _entry(entry: Any) -> dict[str, Any]:
    return {
        "name": entry.name,
        "kind": entry.kind,
        "description": entry.description,
        "authentication": entry.authentication,
        "timeoutSeconds": entry.timeout_seconds,
        "tools": [
            {"name": each.name, "class": each.tool_class.value, "description": each.description} for each in entry.tools
        ],
    }


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
    from fairlead.mcp import serveredits

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
    from fairlead.mcp import serverfiles

    text = encoding.to_yaml(found).encode()
    _check(text, "the new server")
    path = serverfiles.create(where, text)
    typer.echo(f"created {path}")
    there = "" if where == serverfiles.default_directory() else f" --servers {shlex.quote(str(where))}"
    connect = f"`fairlead mcp server connect {found['name']}{there}`"
    typer.echo(f"served by `fairlead mcp serve{there} …`; {connect} tells a client of it")


def _check(text: bytes, origin: str) -> "NamedServer":
    """Raises what is wrong, toolsets included."""
    from fairlead.mcp import catalog, serverkeys
    from fairlead.mcp.preparing import prepare

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
    from fairlead.mcp import serveredits, serverfiles, serverkeys

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
    from fairlead.mcp import serverfiles, serverkeys

    path = serverfiles.find(directory(servers), name)
    text = path.read_bytes()
    if output is Output.JSON:
        document(serverkeys.document(text, str(path)), output)
    else:
        typer.echo(text.decode(errors="replace").rstrip())


@app.command("delete")
def delete(name: _Name, servers: Servers = None, yes: _Yes = False) -> None:
    """Delete a server; whoever uses it is answered 404 from then on."""
    from fairlead.mcp import serverfiles

    path = serverfiles.find(directory(servers), name)
    if not yes:
        if not sys.stdin.isatty():
            raise ServerCommandError("nobody can be asked here", "", "use --yes")
        typer.confirm(f"Delete {path}?", abort=True, err=True)
    serverfiles.remove(path)
    typer.echo(f"deleted {path}")
