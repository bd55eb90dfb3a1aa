"""Tools and clusters that a gate can be tried with."""

import asyncio
from collections.abc import Mapping
from typing import Any

from fairlead.mcp.callers import Caller
from fairlead.mcp.tools import Answer, Parameter, Plan, Tool, ToolClass, ToolError


class NoClusters:
    names: list[str] = ["one", "two"]  # noqa: RUF012 - never changed

    reads_only = True

    def target(self, name: str, caller: Caller) -> Any:
        raise ToolError("this server has no such context")


async def echo(call: Any, arguments: Mapping[str, Any]) -> Answer:
    return Answer(str(arguments.get("text", "")))


async def never(call: Any, arguments: Mapping[str, Any]) -> Answer:
    await asyncio.Event().wait()
    return Answer("")


async def broken(call: Any, arguments: Mapping[str, Any]) -> Answer:
    raise ZeroDivisionError("kX9vQ2mLpR7")


async def refused(call: Any, arguments: Mapping[str, Any]) -> Answer:
    raise ToolError("not there", "password=kX9vQ2mLpR7", "list them")


TEXT = Parameter("text", "What to say.", required=True)
COUNT = Parameter("count", "How often.", type="integer", default=1, minimum=1, maximum=3)
HOW = Parameter("how", "Which way.", choices=("loud", "quiet"))
LIST = Parameter("words", "Some words.", type="array")


def tool(name: str, run: Any = echo, tool_class: ToolClass = ToolClass.READ) -> Tool:
    """With one of another class than READ, `run` is what its plan carries out; a DELETE is asked for by the gate."""
    parameters = (TEXT, COUNT, HOW, LIST)
    if tool_class is ToolClass.READ:
        return Tool(name, name.title(), f"Does {name}.", run, parameters)

    async def plan(call: Any, arguments: Mapping[str, Any]) -> Plan:
        return Plan(f"do {name}", "0123", lambda: run(call, arguments))

    return Tool(name, name.title(), f"Does {name}.", None, parameters, tool_class, plan=plan)
