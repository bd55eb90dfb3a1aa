"""An agent without a model: it calls what a task scripts, and for the rest does what the replies say.

A next call is a line `next: tool argument=value …` in a reply. What follows it takes the tool and its arguments from
there, typed by the tool's schema, so that a wrong hint fails its task: a script that knew the call by heart would not
notice. Confirmations are given as the gate asks for them and are part of the same call, because a client shows them to
a person and not to the model.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fairlead.mcp.callers import STDIO
from fairlead.mcp.calling import Outcome
from fairlead.mcp.deciding.gate import Gate
from fairlead.mcp.tools import Tool
from tests.mcp.changing import Person

_NEXT = re.compile(r"\bnext: (?P<tool>[a-z][a-z0-9_]+)(?P<arguments>(?: [a-z_]+=.*)?)$", re.MULTILINE)
_ARGUMENT = re.compile(r"(?:^|(?<= ))([a-z_]+)=(.*?)(?= [a-z_]+=|$)")


@dataclass(frozen=True)
class Step:
    tool: str
    arguments: Mapping[str, Any]


@dataclass
class Agent:
    gate: Gate
    talk: Person = field(default_factory=Person)
    calls: list[tuple[str, int]] = field(default_factory=list)
    """Each tool with the bytes that went over the wire for it: arguments and reply."""

    @property
    def bytes(self) -> int:
        return sum(size for _, size in self.calls)

    async def outcome(self, tool: str, arguments: Mapping[str, Any]) -> Outcome:
        self.talk = Person()
        found = await self.gate.call(STDIO, tool, arguments, self.talk)
        self.calls.append((tool, len(f"{dict(arguments)}".encode()) + len(found.answer.text.encode())))
        return found

    async def __call__(self, tool: str, **arguments: Any) -> str:
        found = await self.outcome(tool, arguments)
        assert not found.failed, f"{tool}: {found.answer.text}"
        return found.answer.text

    async def refused(self, tool: str, **arguments: Any) -> str:
        found = await self.outcome(tool, arguments)
        assert found.failed, f"{tool}: {found.answer.text}"
        return found.answer.text

    async def follows(self, reply: str, **more: Any) -> str:
        """The first next call that the reply names; `more` is what only the person knows, such as a new value."""
        step = self.next(reply)
        return await self(step.tool, **step.arguments, **more)

    def next(self, reply: str) -> Step:
        found = _NEXT.search(reply)
        assert found is not None, f"no next call in: {reply}"
        tool = self.gate.tool(STDIO, found["tool"])
        assert tool is not None, f"the reply names {found['tool']}, which this server does not have: {reply}"
        return Step(tool.name, typed(tool, _ARGUMENT.findall(found["arguments"].strip())))


def typed(tool: Tool, arguments: list[tuple[str, str]]) -> dict[str, Any]:
    """As the schema says; a list is written with commas."""
    types = {each.name: each.type for each in tool.parameters}
    made: dict[str, Any] = {}
    for name, text in arguments:
        assert name in types, f"{tool.name} has no {name}"
        kind = types[name]
        made[name] = (
            int(text)
            if kind == "integer"
            else text == "true"
            if kind == "boolean"
            else text.split(",")
            if kind == "array"
            else text
        )
    return made
