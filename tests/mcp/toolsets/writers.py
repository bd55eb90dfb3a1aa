"""A gate that may write, and the person behind it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fairlead.mcp.callers import STDIO
from fairlead.mcp.conversing import Elicit, Nobody, Question, Reply
from fairlead.mcp.deciding.gate import Gate
from fairlead.mcp.named import offering
from fairlead.mcp.named.servers import Limits, NamedServer
from fairlead.mcp.reaching.targets import Targets
from fairlead.mcp.toolsets.core import TOOLSET

SERVER = NamedServer("one", timeout_seconds=60, limits=Limits(100_000, 100_000, 100_000))


class Person(Nobody):
    """Answers each question the same way, and remembers what was asked."""

    capabilities = frozenset({"elicitation"})

    def __init__(self, *, agrees: bool = True) -> None:
        super().__init__()
        self.agrees = agrees
        self.asked: list[str] = []

    async def ask(self, questions: Mapping[str, Question]) -> dict[str, Reply]:
        self.asked += [each.message for each in questions.values() if isinstance(each, Elicit)]
        reply = {"action": "accept", "content": {"confirm": True}} if self.agrees else {"action": "decline"}
        return dict.fromkeys(questions, reply)


class Hands:
    """Calls tools of the core toolset on one server."""

    def __init__(self, targets: Targets, server: NamedServer = SERVER) -> None:
        self.gate = Gate(server, offering.combined([TOOLSET]), targets)

    def limited_to(self, seconds: int) -> None:
        server = replace(SERVER, timeout_seconds=seconds)
        self.gate = Gate(server, self.gate.offer, self.gate.clusters)

    async def outcome(self, tool: str, person: Person | None = None, **arguments: Any) -> Any:
        return await self.gate.call(STDIO, tool, arguments, person or Person(agrees=False))

    async def said(self, tool: str, person: Person | None = None, **arguments: Any) -> str:
        found = await self.outcome(tool, person, **arguments)
        assert not found.failed, found.answer.text
        return str(found.answer.text)

    async def refusal(self, tool: str, person: Person | None = None, **arguments: Any) -> str:
        found = await self.outcome(tool, person, **arguments)
        assert found.failed, found.answer.text
        return str(found.answer.text)
