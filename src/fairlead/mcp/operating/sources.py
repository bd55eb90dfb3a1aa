"""Where the named servers of a process come from, now and later: a directory, of which one server may be meant.

The user's own directory need not be there, nor hold anything: then one built-in server is served that only reads. A
directory that was named must hold a server at the start; later it may become empty, which takes the last one away.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol, Self

from fairlead.machinery.errors import FairleadError
from fairlead.mcp.named import serverfiles
from fairlead.mcp.named.serverkeys import ServerFileError
from fairlead.mcp.named.servers import NamedServer
from fairlead.mcp.operating import watching
from fairlead.mcp.operating.registry import Registry

DEFAULT = NamedServer("default", "Reads the Kubernetes clusters of this kubeconfig.", timeout_said=False)


class SourceError(FairleadError):
    """There is no such server to serve."""


@dataclass(frozen=True)
class Reading:
    """What a directory held at one moment."""

    files: Mapping[Path, bytes]
    fault: str = ""
    """Why it could not be read; as text, so that two looks at the same fault are equal."""


class ServerSource(Protocol):
    """Where servers come from: `read` what it says at a moment, then ask what that means."""

    def read(self) -> Any: ...
    def first(self, reading: Any) -> dict[str, NamedServer]: ...
    def one(self, reading: Any) -> NamedServer: ...
    def narrowed(self, name: str) -> Self: ...
    async def follow(self, registry: Registry, known: Any) -> None: ...


@dataclass(frozen=True)
class Source:
    directory: Path | None = None
    """None: the user's own."""
    only: str = ""
    """The one server that is meant; empty for all."""

    @property
    def where(self) -> Path:
        return self.directory or serverfiles.default_directory()

    def read(self) -> Reading:
        if self.directory is None and not self.where.is_dir():
            return Reading({})
        try:
            return Reading(serverfiles.texts(self.where))
        except ServerFileError as error:
            return Reading({}, str(error))

    def servers(self, reading: Reading) -> dict[str, NamedServer]:
        """Raises `ServerFileError`."""
        if reading.fault:
            raise ServerFileError(reading.fault)
        found = serverfiles.parsed(reading.files)
        if not found and self.directory is None:
            found = {DEFAULT.name: DEFAULT}
        return {name: each for name, each in found.items() if self.only in ("", name)}

    def first(self, reading: Reading) -> dict[str, NamedServer]:
        """Raises `SourceError` where there is nothing to serve, and `ServerFileError`."""
        found = self.servers(reading)
        if not found and self.only:
            there = ", ".join(sorted(Source(self.directory).servers(reading))) or "none"
            raise SourceError(f"there is no server {self.only!r}", "", f"--server takes one of: {there}")
        if not found:
            raise SourceError(f"{self.where} has no servers", "a server is a file NAME.yaml in it")
        return found

    def one(self, reading: Reading) -> NamedServer:
        """The only one. Raises `SourceError` where there are several, else as `first`."""
        found = self.first(reading)
        if len(found) > 1:
            names = ", ".join(sorted(found))
            raise SourceError("which server is not said", "", f"--server takes one of: {names}")
        return next(iter(found.values()))

    def narrowed(self, name: str) -> Self:
        return replace(self, only=name)

    async def follow(self, registry: Registry, known: Reading) -> None:
        """Endless; takes up whatever it comes to say."""
        await follow(registry, self, known)


async def follow(registry: Registry, source: Source, known: Reading, interval: float = watching.INTERVAL) -> None:
    """Endless; takes up whatever the source comes to say."""
    async for reading in watching.changes(source.read, known, interval):
        registry.take_or_keep(partial(source.servers, reading))
