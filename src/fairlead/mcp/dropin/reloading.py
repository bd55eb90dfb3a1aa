"""A `config.toml` as the source of a process's one server, read again on SIGHUP.

As the other product does it: a signal, not a look each second, because several files have to be changed before they are
read together. Unlike it, flags are applied anew each time, so that nothing that the command line tightened is loosened
by a file (there a server that was started read-only writes after a reload); and what cannot be read leaves everything
as it was. What a process listens on stays until it is started again.

Source: issue MCP serving, 3; reference/kubernetes-mcp-server.md §2 (its verified bug).
"""

import logging
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import anyio

from fairlead.machinery.errors import FairleadError
from fairlead.mcp.dropin import reading
from fairlead.mcp.dropin.files import ConfigError
from fairlead.mcp.dropin.reading import DropIn, Flags
from fairlead.mcp.named import catalog
from fairlead.mcp.named.servers import NamedServer
from fairlead.mcp.operating.registry import Registry

_DEBUGGING = 4
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ConfigReading:
    """What the files said at one moment."""

    found: DropIn | None = None
    fault: FairleadError | None = None


@dataclass(frozen=True)
class ConfigSource:
    config: Path | None
    directory: Path | None = None
    flags: Flags = field(default_factory=Flags)

    def read(self) -> ConfigReading:
        try:
            return ConfigReading(reading.load(self.config, self.directory, self.flags, catalog.toolsets()))
        except FairleadError as error:
            return ConfigReading(fault=error)

    def dropin(self, read: ConfigReading) -> DropIn:
        """Raises what was wrong with the files."""
        if read.fault is not None or read.found is None:
            raise read.fault or ConfigError("there is no configuration")
        return read.found

    def servers(self, read: ConfigReading) -> dict[str, NamedServer]:
        """Raises what was wrong with the files."""
        return {reading.NAME: self.dropin(read).server}

    first = servers

    def one(self, read: ConfigReading) -> NamedServer:
        """Raises what was wrong with the files."""
        return self.dropin(read).server

    def narrowed(self, name: str) -> Self:
        """There is one."""
        return self

    async def follow(self, registry: Registry, known: ConfigReading) -> None:
        """Endless; takes up what the files say after each SIGHUP."""
        if known.found:
            tell(known.found)
        with anyio.open_signal_receiver(signal.SIGHUP) as signals:
            async for _ in signals:
                self.reload(registry, known)

    def reload(self, registry: Registry, known: ConfigReading) -> None:
        """`known` is how it was started: what of that has changed since is told, for it does not hold yet."""
        read = self.read()
        if registry.take_or_keep(lambda: self.servers(read)) and read.found and known.found:
            tell(read.found)
            for what in kept(known.found, read.found):
                _log.warning("%s has changed: it holds when the server is started again", what)


def tell(found: DropIn) -> None:
    """The level of the log, and what people should know about their files."""
    logging.getLogger("fairlead").setLevel(logging.DEBUG if found.log_level >= _DEBUGGING else logging.INFO)
    for each in found.warnings:
        _log.warning("%s", each)


def kept(known: DropIn, now: DropIn) -> list[str]:
    """What the process was started with and does not change."""
    pairs = {
        "port": (known.port, now.port),
        "bind_address": (known.bind_address, now.bind_address),
        "server_url": (known.resource, now.resource),
        "tls_cert or tls_key": ((known.certificate, known.key), (now.certificate, now.key)),
    }
    return [name for name, (before, after) in pairs.items() if before != after]
