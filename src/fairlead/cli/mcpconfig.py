"""`fairlead mcp serve --config`: what a `config.toml` of kubernetes-mcp-server says of a process that serves."""

from dataclasses import replace
from pathlib import Path

from fairlead.mcp.dropin import reading, reloading
from fairlead.mcp.dropin.reading import DropIn, Flags
from fairlead.mcp.dropin.reloading import ConfigSource
from fairlead.mcp.exposing import Exposure
from fairlead.mcp.running import Serving
from fairlead.serving.certificates import KeyPair
from fairlead.serving.tls import ServerTLS


def serving(config: Path | None, directory: Path | None, flags: Flags, said: Serving) -> tuple[Serving, int]:
    """With what the command line says besides, and the port: 0 for standard input and output.

    Raises `ConfigError`, and `KubeconfigError` for a kubeconfig that it names.
    """
    source = ConfigSource(config, directory, flags)
    found = source.dropin(source.read())
    reloading.tell(found)
    tls = said.tls or _tls(found)
    exposure = Exposure()
    if found.port:
        hosts = (*said.exposure.allowed_hosts, *found.hosts)
        exposure = Exposure(found.bind_address, hosts, tls is not None, said.exposure.behind_tls_proxy)
    made = replace(said, source=source, exposure=exposure, tls=tls, public_url=found.base, alone=reading.NAME)
    return made, found.port


def _tls(found: DropIn) -> ServerTLS | None:
    return ServerTLS(KeyPair.load(Path(found.certificate), Path(found.key))) if found.certificate else None
