"""`fairlead mcp serve --config`: what a `config.toml` of kubernetes-mcp-server says of a process that serves."""

from dataclasses import replace
from pathlib import Path

from fairlead.mcp.deciding.exposing import Exposure
from fairlead.mcp.dropin import reading
from fairlead.mcp.dropin.reading import DropIn, Flags
from fairlead.mcp.dropin.reloading import ConfigSource
from fairlead.mcp.operating.running import Serving
from fairlead.serving.tlsfiles import FileTLS


def serving(config: Path | None, directory: Path | None, flags: Flags, said: Serving) -> tuple[Serving, DropIn]:
    """With what the command line says besides.

    Raises `ConfigError`, and `KubeconfigError` for a kubeconfig that it names.
    """
    source = ConfigSource(config, directory, flags)
    found = source.dropin(source.read())
    tls = said.tls or _tls(found)
    manner = replace(said.manner, stateless=said.manner.stateless or found.stateless)
    exposure = Exposure()
    if found.port:
        hosts = (*said.exposure.allowed_hosts, *found.hosts)
        exposure = Exposure(found.bind_address, hosts, tls is not None, said.exposure.behind_tls_proxy)
    made = replace(said, source=source, exposure=exposure, manner=manner, tls=tls, public_url=found.base)
    return replace(made, alone=reading.NAME), found


def _tls(found: DropIn) -> FileTLS | None:
    return FileTLS(Path(found.certificate), Path(found.key)) if found.certificate else None
