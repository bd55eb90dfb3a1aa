"""`fairlead mcp`: Model Context Protocol servers, and their tools for people at a terminal."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fairlead.cli import mcpapprove, mcpservers

if TYPE_CHECKING:
    from fairlead.mcp.servers import NamedServer

app = typer.Typer(help="Model Context Protocol servers for AI agents.", no_args_is_help=True)

_Servers = Annotated[
    Path | None,
    typer.Option(
        "--servers", metavar="DIR", help="Directory of named servers (default: in your configuration folder)."
    ),
]
_Server = Annotated[str, typer.Option("--server", metavar="NAME", help="Which of them (default: the only one).")]
_Audit = Annotated[str, typer.Option(metavar="FILE|-", help="Append one JSON line for each call; - is standard error.")]


app.command("approve")(mcpapprove.approve)
app.add_typer(mcpservers.app, name="server")


_Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="A config.toml of kubernetes-mcp-server: one server, at /mcp."),
]
_ConfigDir = Annotated[
    Path | None, typer.Option("--config-dir", metavar="DIR", help="Its drop-ins (default: conf.d beside it).")
]


@app.callback()
def _group() -> None: ...


@app.command("serve")
def serve(
    stdio: Annotated[bool, typer.Option("--stdio", help="Serve one client on standard input and output.")] = False,
    port: Annotated[int, typer.Option(help="Serve all on this port, at /s/NAME/mcp.")] = 0,
    bind_address: Annotated[
        str, typer.Option(help="127.0.0.1 by default; beyond loopback, callers must be told apart.")
    ] = "",
    servers: _Servers = None,
    server: _Server = "",
    config: _Config = None,
    config_dir: _ConfigDir = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Of a --config, whatever it says.")] = False,
    disable_destructive: Annotated[
        bool, typer.Option("--disable-destructive", help="Of a --config, whatever it says.")
    ] = False,
    audit_log: _Audit = "",
    workers: Annotated[int, typer.Option(help="Processes that serve the port; several need --redis-url.")] = 1,
    redis_url: Annotated[
        str,
        typer.Option(metavar="URL", envvar="FAIRLEAD_REDIS_URL", help="Keeps limits and handles for several workers."),
    ] = "",
    seal_key_file: Annotated[Path | None, typer.Option(metavar="FILE", help="Seals handles for all workers.")] = None,
    metrics_port: Annotated[
        int, typer.Option(help="Show metrics here (default: at /metrics, to this machine only).")
    ] = 0,
    allowed_host: Annotated[list[str] | None, typer.Option(help="A name that clients may call it by.")] = None,
    tls_cert: Annotated[Path | None, typer.Option(metavar="FILE", help="Certificate to serve with, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="Its key.")] = None,
    behind_tls_proxy: Annotated[
        bool, typer.Option("--behind-tls-proxy", help="A proxy before it terminates TLS.")
    ] = False,
    log_format: Annotated[Literal["text", "json"], typer.Option(help="Of the log on standard error.")] = "text",
) -> None:
    """Serve named servers until interrupted; changes of their files are taken up while they are served."""
    from dataclasses import replace

    from fairlead.cli import mcpserving
    from fairlead.cli.stopping import until_asked
    from fairlead.mcp import running
    from fairlead.mcp import workers as checks
    from fairlead.mcp.exposing import Exposure
    from fairlead.mcp.sources import Source
    from fairlead.serving import logs, loops

    tls = _tls(tls_cert, tls_key)
    hosts = tuple(allowed_host or ())
    exposure = Exposure(bind_address or "127.0.0.1", hosts, tls is not None, behind_tls_proxy)
    serving = running.Serving(Source(servers, server), exposure, audit_log, redis_url, seal_key_file, tls=tls)
    if config or config_dir:
        from fairlead.cli import mcpconfig
        from fairlead.mcp.dropin.reading import Flags

        if servers or server:
            raise running.ServeError("a config.toml is one server", "", "leave out --servers and --server")
        said = 0 if stdio else port or None
        flags = Flags(read_only, disable_destructive, said, bind_address, behind_tls_proxy)
        serving, found = mcpconfig.serving(config, config_dir, flags, serving)
        port, metrics_port = found.port, metrics_port or found.metrics_port
        stdio = not port
    elif read_only or disable_destructive:
        raise running.ServeError("--read-only and --disable-destructive belong to --config", "", "edit the servers")
    if stdio == bool(port):
        raise running.ServeError("nothing to serve on", "", "give either --stdio or --port")
    checks.check(workers, redis_url, stdio=stdio)
    with logs.on_standard_error(logs.LogFormat(log_format)):
        if stdio:
            loops.run(until_asked(running.serve_stdio(replace(serving, exposure=Exposure()))))
        else:
            mcpserving.serve(serving, port, metrics_port, workers)


def _tls(certificate: Path | None, key: Path | None) -> Any:
    from fairlead.mcp.running import ServeError
    from fairlead.serving.tlsfiles import FileTLS

    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise ServeError("a certificate and its key go together", "", "give --tls-cert and --tls-key")
    return FileTLS(certificate, key)


@app.command("tools")
def tools(servers: _Servers = None, server: _Server = "") -> None:
    """List the tools of a server."""
    from fairlead.serving import loops

    loops.run(_tools(_one(servers, server)))


@app.command("call")
def call(
    tool: Annotated[str, typer.Argument(metavar="TOOL", help="Its name.")],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Its arguments; @FILE for what a file holds.")
    ] = None,
    servers: _Servers = None,
    server: _Server = "",
    audit_log: _Audit = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Confirm what it asks.")] = False,
) -> None:
    """Call a tool once and print its answer."""
    from fairlead.serving import loops

    if not loops.run(_call(_one(servers, server), tool, arguments or [], audit_log, yes=yes)):
        raise typer.Exit(1)


def _one(directory: Path | None, name: str) -> "NamedServer":
    from fairlead.mcp.sources import Source

    source = Source(directory, name)
    return source.one(source.read())


async def _tools(one: "NamedServer") -> None:
    from fairlead.mcp import running
    from fairlead.mcp.callers import TERMINAL

    async with running.opened({one.name: one}, TERMINAL) as servers:
        for each in servers[one.name].gate.tools(TERMINAL):
            typer.echo(f"{each.name:32}{each.description}")


async def _call(one: "NamedServer", tool: str, given: list[str], audit_log: str, *, yes: bool) -> bool:
    from fairlead.cli import toolarguments
    from fairlead.cli.answering import Person
    from fairlead.mcp import auditfiles, running
    from fairlead.mcp.callers import TERMINAL

    with auditfiles.opened(audit_log) as log:
        async with running.opened({one.name: one}, TERMINAL, log) as servers:
            gate = servers[one.name].gate
            arguments = toolarguments.read(gate.offer.tools.get(tool), given)
            outcome = await gate.call(TERMINAL, tool, arguments, Person(yes=yes))
    typer.echo(outcome.answer.text, err=outcome.failed)
    return not outcome.failed
