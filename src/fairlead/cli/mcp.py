"""`fairlead mcp`: Model Context Protocol servers, and their tools for people at a terminal."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fairlead.cli import mcpapprove, mcprbac, mcpserve, mcpservers
from fairlead.cli.mcpserve import AuditLog, ServerName, Servers

if TYPE_CHECKING:
    from fairlead.mcp.named.servers import NamedServer

app = typer.Typer(help="Model Context Protocol servers for AI agents.", no_args_is_help=True)


@app.callback()
def _group() -> None: ...


app.command("serve")(mcpserve.serve)
app.command("approve")(mcpapprove.approve)
app.command("rbac")(mcprbac.rbac)
app.add_typer(mcpservers.app, name="server")


@app.command("tools")
def tools(servers: Servers = None, server: ServerName = "") -> None:
    """List the tools of a server."""
    from fairlead.serving import loops

    loops.run(_tools(_one(servers, server)))


@app.command("call")
def call(
    tool: Annotated[str, typer.Argument(metavar="TOOL", help="Its name.")],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Its arguments; @FILE for what a file holds.")
    ] = None,
    servers: Servers = None,
    server: ServerName = "",
    audit_log: AuditLog = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Confirm what it asks.")] = False,
) -> None:
    """Call a tool once and print its answer."""
    from fairlead.serving import loops

    if not loops.run(_call(_one(servers, server), tool, arguments or [], audit_log, yes=yes)):
        raise typer.Exit(1)


def _one(directory: Path | None, name: str) -> "NamedServer":
    from fairlead.mcp.operating.sources import Source

    source = Source(directory, name)
    return source.one(source.read())


async def _tools(one: "NamedServer") -> None:
    from fairlead.mcp.callers import TERMINAL
    from fairlead.mcp.operating import running

    async with running.opened({one.name: one}, TERMINAL) as servers:
        for each in servers[one.name].gate.tools(TERMINAL):
            typer.echo(f"{each.name:32}{each.description}")


async def _call(one: "NamedServer", tool: str, given: list[str], audit_log: str, *, yes: bool) -> bool:
    from fairlead.cli import toolarguments
    from fairlead.cli.answering import Person
    from fairlead.mcp.callers import TERMINAL
    from fairlead.mcp.deciding import auditfiles
    from fairlead.mcp.operating import running

    with auditfiles.opened(audit_log) as log:
        async with running.opened({one.name: one}, TERMINAL, log) as servers:
            gate = servers[one.name].gate
            arguments = toolarguments.read(gate.offer.tools.get(tool), given)
            outcome = await gate.call(TERMINAL, tool, arguments, Person(yes=yes))
    typer.echo(outcome.answer.text, err=outcome.failed)
    return not outcome.failed
