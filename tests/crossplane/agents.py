"""Agents at a control plane, each with the tools of some toolsets, and a person who says yes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fairlead.mcp.callers import STDIO
from fairlead.mcp.calling import Outcome
from fairlead.mcp.deciding.gate import Gate
from fairlead.mcp.named import catalog, offering
from fairlead.mcp.named.servers import Limits, NamedServer, Target
from fairlead.mcp.reaching.targets import Targets
from tests.mcp.changing import Person


class Hand:
    """An agent whose person says yes."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.talk = Person()

    async def outcome(self, tool: str, **arguments: Any) -> Outcome:
        self.talk = Person()
        return await self._gate.call(STDIO, tool, arguments, self.talk)

    async def __call__(self, tool: str, **arguments: Any) -> str:
        outcome = await self.outcome(tool, **arguments)
        assert not outcome.failed, outcome.answer.text
        return outcome.answer.text

    async def refused(self, tool: str, **arguments: Any) -> str:
        outcome = await self._gate.call(STDIO, tool, arguments, self.talk)
        assert outcome.failed, outcome.answer.text
        return outcome.answer.text


@asynccontextmanager
async def hand(kubeconfig: Path, *toolsets: str) -> AsyncIterator[Hand]:
    """`toolsets` are entries of the catalog."""
    many = Limits(read=10_000, write=10_000, delete=10_000)
    server = NamedServer("one", catalog=toolsets, limits=many, timeout_seconds=120)
    offer = offering.combined(catalog.chosen(server.catalog, catalog.toolsets()))
    async with Targets((Target("here", kubeconfig=str(kubeconfig)),), reads_only=False) as targets:
        yield Hand(Gate(server, offer, targets))
