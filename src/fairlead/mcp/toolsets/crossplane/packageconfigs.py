"""Runtime configs and image configs: how packages are fetched and run."""

from fairlead.mcp.tools import Tool

TOOLS: tuple[Tool, ...] = ()
