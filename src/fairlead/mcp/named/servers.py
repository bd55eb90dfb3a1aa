"""Named servers: what an operator says about each, as values; `serverkeys` reads them, `serverfiles` keeps them.

Source: issue MCP serving, 2; seeds/crossplane-mcp-server.md ("Create an MCP server").
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from fairlead.mcp.named.identities import Identity, Kubeconfig
from fairlead.mcp.tools import Toolset

LONGEST_TIMEOUT = 600


@dataclass(frozen=True)
class Limits:
    """Calls of one principal to one server in an hour."""

    read: int = 1000
    write: int = 100
    delete: int = 10


@dataclass(frozen=True)
class Target:
    name: str
    context: str = ""
    """Of the kubeconfig; empty for its current one."""
    kubeconfig: str = ""
    """Empty: as for every Kubernetes client."""


@dataclass(frozen=True)
class Access:
    """Who may use a server, of those that an identity tells apart; nobody beyond loopback where it says nothing."""

    subjects: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.subjects or self.groups)


@dataclass(frozen=True)
class Denied:
    """Objects that no tool shows or touches; an empty version or kind stands for all."""

    group: str
    version: str = ""
    kind: str = ""


@dataclass(frozen=True)
class NamedServer:
    name: str
    description: str = ""
    catalog: tuple[str, ...] = ("core-readonly",)
    """Toolsets or presets."""
    allow: tuple[str, ...] = ()
    """Tool names, shell patterns; empty for all."""
    deny: tuple[str, ...] = ()
    targets: tuple[Target, ...] = (Target("default"),)
    identity: Identity = field(default_factory=Kubeconfig)
    access: Access = field(default_factory=Access)
    timeout_seconds: int = 30
    timeout_said: bool = True
    """False: the longest of its presets' counts, where that is longer."""
    production: bool = False
    limits: Limits = field(default_factory=Limits)
    logging: bool = True
    dress: Callable[[Toolset], Toolset] | None = None
    """What its toolsets are made into before they are served; no key of a server file says it."""
    denied: tuple[Denied, ...] = ()
