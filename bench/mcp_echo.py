"""The tool that is measured through every layer, as a toolset that anybody could have installed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairlead.mcp.tools import Answer, Parameter, Tool, Toolset

METADATA = {
    "METADATA": "Metadata-Version: 2.1\nName: fairlead-bench\nVersion: 0\n",
    "entry_points.txt": "[fairlead.toolsets]\nbench = bench.mcp_echo:TOOLSET\n",
}


async def echo(call: Any, arguments: Mapping[str, Any]) -> Answer:
    return Answer(str(arguments["text"]))


TOOLSET = Toolset(
    "bench",
    "What `make bench-mcp` measures.",
    (Tool("echo", "Echo", "Says what it is told.", echo, (Parameter("text", "What.", required=True),)),),
    "None.",
)


def install(folder: Path) -> Path:
    """The folder to put on `PYTHONPATH`."""
    place = folder / "site" / "fairlead_bench-0.dist-info"
    place.mkdir(parents=True)
    for name, content in METADATA.items():
        (place / name).write_text(content, encoding="utf-8")
    return place.parent
