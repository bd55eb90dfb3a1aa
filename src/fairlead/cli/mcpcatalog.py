"""What there is: the named servers of a directory, and the catalog that they are made of."""

from pathlib import Path
from typing import Annotated, Any

import typer

from fairlead.cli.showing import Output, document, rows
from fairlead.machinery.errors import FairleadError

Servers = Annotated[
    Path | None,
    typer.Option("--servers", metavar="DIR", help="Their directory (default: in your configuration folder)."),
]
_Output = Annotated[Output, typer.Option("--output", "-o", help="How to print it.")]


class CatalogSearchError(FairleadError):
    """Nothing in the catalog is what was searched for."""


def directory(said: Path | None) -> Path:
    from fairlead.mcp.named.serverfiles import default_directory

    return said or default_directory()


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
    from fairlead.mcp.named import serverfiles

    files = serverfiles.texts(where) if where.is_dir() else {}
    return [_row(path, text) for path, text in files.items()]


def _row(path: Path, text: bytes) -> dict[str, Any]:
    from fairlead.mcp.callers import TERMINAL
    from fairlead.mcp.named import catalog, serverkeys
    from fairlead.mcp.operating.preparing import prepare

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


def show_catalog(
    words: Annotated[list[str] | None, typer.Argument(metavar="WORDS", help="Found in names, texts, tools.")] = None,
    output: _Output = Output.TABLE,
) -> None:
    """Search what servers can be made of: toolsets, and presets, which are ready servers."""
    from fairlead.mcp.named import catalog, searching

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
        raise CatalogSearchError("nothing in the catalog has all of these words", "", "try fewer, or none for all")


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
