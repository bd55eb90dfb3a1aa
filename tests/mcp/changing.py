"""A gate with something that can be changed, and clients of each kind in front of it."""

import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fairlead.mcp.callers import Caller
from fairlead.mcp.conversing import Nobody, Question, Reply
from fairlead.mcp.deciding.auditing import Sink, ToolAudit
from fairlead.mcp.deciding.gate import Gate
from fairlead.mcp.deciding.sharing import Shared
from fairlead.mcp.named.offering import Offer
from fairlead.mcp.named.servers import NamedServer
from fairlead.mcp.tools import Answer, Parameter, Plan, Tool, ToolClass, ToolError
from tests.mcp.fakes import NoClusters

ME, YOU = Caller("me"), Caller("you")
_PARAMETERS = (
    Parameter("name", "Which.", required=True),
    Parameter("removes", "Whether something goes.", type="boolean", default=True),
    Parameter("dry_run", "Only say.", type="boolean"),
)


@dataclass
class World:
    """What tools change: how often, and a version that a plan rests on."""

    version: int = 1
    done: list[str] = field(default_factory=list)
    trouble: Exception | None = None

    def tool(self, name: str, tool_class: ToolClass) -> Tool:
        async def plan(call: Any, arguments: Mapping[str, Any]) -> Plan:
            async def carry_out() -> Answer:
                if self.trouble:
                    raise self.trouble
                self.done.append(f"{name} {arguments['name']}")
                return Answer("done")

            summary = f"{name} {arguments['name']} in namespace shop"
            digest = f"{summary}@{self.version}"
            return Plan(summary, digest, carry_out, "- image: a\n+ image: b", removes=bool(arguments["removes"]))

        return Tool(name, name, name, None, _PARAMETERS, tool_class, plan=plan)

    @property
    def offer(self) -> Offer:
        tools = [self.tool("things_delete", ToolClass.DELETE), self.tool("things_apply", ToolClass.WRITE)]
        tools.append(self.tool("things_exec", ToolClass.EXEC))
        return Offer({each.name: each for each in tools})


def gate(
    world: World, server: NamedServer | None = None, *, shared: Shared | None = None, log: Sink | None = None
) -> Gate:
    return Gate(server or NamedServer("one"), world.offer, NoClusters(), ToolAudit(log), shared or Shared())


class Person(Nobody):
    """Can be asked in the middle of a call, and always says the same."""

    capabilities = frozenset({"elicitation"})

    def __init__(self, reply: Reply | None = None) -> None:
        super().__init__()
        self.reply = reply or {"action": "accept", "content": {"confirm": True}}
        self.asked: list[str] = []

    async def ask(self, questions: Mapping[str, Question]) -> dict[str, Reply]:
        self.asked += [each.message for each in questions.values() if hasattr(each, "message")]
        return dict.fromkeys(questions, self.reply)


def handle(text: str) -> dict[str, str]:
    """The arguments that an answer says `changes_confirm` takes."""
    found = re.search(r"handle=(\S+) plan=(.+)", text)
    if found is None:
        raise ToolError(f"no handle in: {text}")
    return {"handle": found[1], "plan": found[2]}


def lines(log: io.BytesIO) -> list[dict[str, Any]]:
    return [json.loads(each) for each in log.getvalue().splitlines()]
