"""Tools and clusters that a gate can be tried with."""

import asyncio
from collections.abc import Mapping
from typing import Any

from fairlead.mcp.tools import Answer, Parameter, Tool, ToolClass, ToolError


class NoClusters:
    names: list[str] = ["one", "two"]  # noqa: RUF012 - never changed

    def target(self, name: str = "") -> Any:
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
    return Tool(name, name.title(), f"Does {name}.", run, (TEXT, COUNT, HOW, LIST), tool_class)
