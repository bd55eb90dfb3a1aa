"""A toolset that says who answers, and forgets something if it is confirmed, for tests of several workers."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairlead.mcp.tools import Answer, Plan, Tool, ToolClass, Toolset

METADATA = {
    "METADATA": "Metadata-Version: 2.1\nName: workshop\nVersion: 0\n",
    "entry_points.txt": "[fairlead.toolsets]\nworkshop = tests.mcp.workshop:TOOLSET\n",
}


async def who(call: Any, arguments: Mapping[str, Any]) -> Answer:
    return Answer(str(os.getpid()))


async def forget(call: Any, arguments: Mapping[str, Any]) -> Plan:
    async def done() -> Answer:
        return Answer(f"forgotten by {os.getpid()}")

    return Plan("forget everything", "0123", done)


TOOLSET = Toolset(
    "workshop",
    "Who answers.",
    (
        Tool("who", "Who", "Says which process answers.", who),
        Tool("forget", "Forget", "Forgets.", None, tool_class=ToolClass.DELETE, plan=forget),
    ),
    "None.",
)


def install(folder: Path) -> Path:
    """The folder to put on `PYTHONPATH`."""
    place = folder / "site" / "workshop-0.dist-info"
    place.mkdir(parents=True)
    for name, content in METADATA.items():
        (place / name).write_text(content, encoding="utf-8")
    return place.parent
