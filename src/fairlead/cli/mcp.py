"""`fairlead mcp`: Model Context Protocol servers, and their tools for people at a terminal."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.mcp.servers import NamedServer
    from fairlead.mcp.tools import Tool

app = typer.Typer(help="Model Context Protocol servers for AI agents.", no_args_is_help=True)

_Servers = Annotated[
    Path | None, typer.Option("--servers", help="Directory of named servers (default: one read-only server).")
]
_Server = Annotated[str, typer.Option("--server", help="Which of them (default: the only one).")]
_Audit = Annotated[str, typer.Option(metavar="FILE|-", help="Append one JSON line for each call; - is standard error.")]


@app.callback()
def _group() -> None: ...


@app.command("serve")
def serve(
    stdio: Annotated[bool, typer.Option("--stdio", help="Serve one client on standard input and output.")] = False,
    port: Annotated[int, typer.Option(help="Serve all on this port, at /s/NAME/mcp.")] = 0,
    bind_address: Annotated[str, typer.Option(help="Loopback addresses only, for now.")] = "127.0.0.1",
    servers: _Servers = None,
    server: _Server = "",
    audit_log: _Audit = "",
) -> None:
    """Serve named servers until interrupted."""
    from fairlead.cli.stopping import until_asked
    from fairlead.mcp import running
    from fairlead.serving import loops

    if stdio == bool(port):
        raise running.ServeError("nothing to serve on", "give either --stdio or --port")
    found = _loaded(servers)
    if stdio:
        one = _chosen(found, server)
        loops.run(until_asked(_stdio(one, audit_log)))
    else:
        running.check_address(bind_address)
        loops.run(until_asked(_http(found, bind_address, port, audit_log)))


@app.command("tools")
def tools(servers: _Servers = None, server: _Server = "") -> None:
    """List the tools of a server."""
    from fairlead.serving import loops

    loops.run(_tools(_chosen(_loaded(servers), server)))


@app.command("call")
def call(
    tool: Annotated[str, typer.Argument(metavar="TOOL", help="Its name.")],
    arguments: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Its arguments.")] = None,
    servers: _Servers = None,
    server: _Server = "",
    audit_log: _Audit = "",
) -> None:
    """Call a tool once and print its answer."""
    from fairlead.serving import loops

    chosen = _chosen(_loaded(servers), server)
    if not loops.run(_call(chosen, tool, arguments or [], audit_log)):
        raise typer.Exit(1)


def _loaded(directory: Path | None) -> "Mapping[str, NamedServer]":
    from fairlead.mcp import running, serverfiles

    if directory is None:
        return {running.DEFAULT.name: running.DEFAULT}
    found = serverfiles.load(directory)
    if not found:
        raise running.ServeError(f"{directory} has no servers", "a server is a file NAME.yaml in it")
    return found


def _chosen(found: "Mapping[str, NamedServer]", name: str) -> "NamedServer":
    from fairlead.mcp import running

    if not name and len(found) == 1:
        return next(iter(found.values()))
    if name not in found:
        what = f"there is no server {name!r}" if name else "which server is not said"
        raise running.ServeError(what, "", f"--server takes one of: {', '.join(sorted(found))}")
    return found[name]


async def _stdio(one: "NamedServer", audit_log: str) -> None:
    from fairlead.mcp import running
    from fairlead.mcp.auditfiles import opened as audit
    from fairlead.mcp.callers import STDIO

    with audit(audit_log) as log:
        async with running.opened({one.name: one}, STDIO, log) as servers:
            await running.serve_stdio(servers[one.name])


async def _http(found: "Mapping[str, NamedServer]", host: str, port: int, audit_log: str) -> None:
    from fairlead.cli.stopping import forever
    from fairlead.mcp import running
    from fairlead.mcp.auditfiles import opened as audit
    from fairlead.mcp.callers import LOOPBACK
    from fairlead.serving import listening

    with audit(audit_log) as log:
        async with (
            running.opened(found, LOOPBACK, log) as servers,
            running.application(servers) as application,
            listening.listen_application(application, host=host, port=port) as listener,
        ):
            for name in sorted(servers):
                typer.echo(f"ready: {listener.url}/s/{name}/mcp")
            await forever()


async def _tools(one: "NamedServer") -> None:
    from fairlead.mcp import running
    from fairlead.mcp.callers import TERMINAL

    async with running.opened({one.name: one}, TERMINAL) as servers:
        for each in servers[one.name].gate.tools(TERMINAL):
            typer.echo(f"{each.name:32}{each.description}")


async def _call(one: "NamedServer", tool: str, given: list[str], audit_log: str) -> bool:
    from fairlead.mcp import running
    from fairlead.mcp.auditfiles import opened as audit
    from fairlead.mcp.callers import TERMINAL

    with audit(audit_log) as log:
        async with running.opened({one.name: one}, TERMINAL, log) as servers:
            gate = servers[one.name].gate
            outcome = await gate.call(TERMINAL, tool, _arguments(gate.offer.tools.get(tool), given))
    typer.echo(outcome.answer.text, err=outcome.failed)
    return not outcome.failed


def _arguments(tool: "Tool | None", given: list[str]) -> dict[str, Any]:
    """Of `key=value`, each as its parameter's type; a list is comma-separated."""
    from fairlead.mcp.running import ServeError

    types = {each.name: each.type for each in tool.parameters} if tool else {}
    found: dict[str, Any] = {}
    for each in given:
        key, sign, value = each.partition("=")
        if not sign:
            raise ServeError(f"{each!r} is no argument", "arguments are written KEY=VALUE")
        kind = types.get(key, "string")
        if kind == "integer" and value.lstrip("-").isdigit():
            found[key] = int(value)
        elif kind == "boolean" and value in ("true", "false"):
            found[key] = value == "true"
        else:
            found[key] = value.split(",") if kind == "array" else value
    return found
