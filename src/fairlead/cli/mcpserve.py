"""`fairlead mcp serve`: its options, and what they make together."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from fairlead.mcp.operating.running import Serving
    from fairlead.serving.tlsfiles import FileTLS

Servers = Annotated[
    Path | None,
    typer.Option(
        "--servers", metavar="DIR", help="Directory of named servers (default: in your configuration folder)."
    ),
]
ServerName = Annotated[str, typer.Option("--server", metavar="NAME", help="Which of them (default: the only one).")]
AuditLog = Annotated[
    str, typer.Option(metavar="FILE|-", help="Append one JSON line for each call; - is standard error.")
]
_Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="A config.toml of kubernetes-mcp-server: one server, at /mcp."),
]
_ConfigDir = Annotated[
    Path | None, typer.Option("--config-dir", metavar="DIR", help="Its drop-ins (default: conf.d beside it).")
]


def serve(
    stdio: Annotated[bool, typer.Option("--stdio", help="Serve one client on standard input and output.")] = False,
    port: Annotated[int, typer.Option(help="Serve all on this port, at /s/NAME/mcp.")] = 0,
    bind_address: Annotated[
        str, typer.Option(help="127.0.0.1 by default; beyond loopback, callers must be told apart.")
    ] = "",
    servers: Servers = None,
    server: ServerName = "",
    config: _Config = None,
    config_dir: _ConfigDir = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Of a --config, whatever it says.")] = False,
    disable_destructive: Annotated[
        bool, typer.Option("--disable-destructive", help="Of a --config, whatever it says.")
    ] = False,
    audit_log: AuditLog = "",
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
    from fairlead.mcp.deciding.exposing import Exposure
    from fairlead.mcp.operating.running import ServeError, Serving
    from fairlead.mcp.operating.sources import Source

    tls = _tls(tls_cert, tls_key)
    exposure = Exposure(bind_address or "127.0.0.1", tuple(allowed_host or ()), tls is not None, behind_tls_proxy)
    serving = Serving(Source(servers, server), exposure, audit_log, redis_url, seal_key_file, tls=tls)
    if config or config_dir:
        from fairlead.cli import mcpconfig
        from fairlead.mcp.dropin.reading import Flags

        if servers or server:
            raise ServeError("a config.toml is one server", "", "leave out --servers and --server")
        said = 0 if stdio else port or None
        flags = Flags(read_only, disable_destructive, said, bind_address, behind_tls_proxy)
        serving, found = mcpconfig.serving(config, config_dir, flags, serving)
        port, metrics_port = found.port, metrics_port or found.metrics_port
        stdio = not port
    elif read_only or disable_destructive:
        raise ServeError("--read-only and --disable-destructive belong to --config", "", "edit the servers")
    if stdio == bool(port):
        raise ServeError("nothing to serve on", "", "give either --stdio or --port")
    _serve(serving, port, metrics_port, workers, log_format)


def _serve(serving: "Serving", port: int, metrics_port: int, count: int, log_format: str) -> None:
    """On standard input and output where there is no port."""
    from dataclasses import replace

    from fairlead.cli import mcpserving
    from fairlead.cli.stopping import until_asked
    from fairlead.mcp.deciding.exposing import Exposure
    from fairlead.mcp.operating import running, workers
    from fairlead.serving import logs, loops

    workers.check(count, serving.redis_url, stdio=not port)
    with logs.on_standard_error(logs.LogFormat(log_format)):
        if port:
            mcpserving.serve(serving, port, metrics_port, count)
        else:
            loops.run(until_asked(running.serve_stdio(replace(serving, exposure=Exposure()))))


def _tls(certificate: Path | None, key: Path | None) -> "FileTLS | None":
    from fairlead.mcp.operating.running import ServeError
    from fairlead.serving.tlsfiles import FileTLS

    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise ServeError("a certificate and its key go together", "", "give --tls-cert and --tls-key")
    return FileTLS(certificate, key)
