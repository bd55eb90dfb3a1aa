"""A named server with all that its words stand for; what cannot be served is found out here, before anything opens."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fairlead.mcp.callers import Caller
from fairlead.mcp.deciding import policy
from fairlead.mcp.entering import admitting
from fairlead.mcp.named import catalog, offering
from fairlead.mcp.named.offering import Offer
from fairlead.mcp.named.servers import NamedServer
from fairlead.mcp.tools import Tool, Toolset


@dataclass(frozen=True)
class Prepared:
    server: NamedServer
    offer: Offer
    reads_only: bool

    @property
    def reach(self) -> tuple[Any, ...]:
        """What its connections to clusters depend on."""
        return self.server.targets, self.server.identity, self.server.denied, self.reads_only

    @property
    def looks(self) -> tuple[Any, ...]:
        """What its lists depend on."""
        server = self.server
        return self.offer, server.allow, server.deny, server.identity, server.production, len(server.targets) > 1

    def tools(self, caller: Caller) -> list[Tool]:
        """What is allowed, in the order of names."""
        ordered = (each for _, each in sorted(self.offer.tools.items()))
        return [each for each in ordered if policy.authorize(self.server, each, caller).allowed]


def prepare(server: NamedServer, available: Mapping[str, Toolset]) -> Prepared:
    """Raises `CatalogError`, `OfferError`, `ProviderError`."""
    toolsets = catalog.chosen(server.catalog, available)
    offer = offering.combined(map(server.dress, toolsets) if server.dress else toolsets)
    if not server.timeout_said:
        said = catalog.timeout(server.catalog, available)
        server = replace(server, timeout_seconds=max(said, server.timeout_seconds))
    admitting.check(server.identity)
    return Prepared(server, offer, policy.reads_only(server, offer.tools.values()))
