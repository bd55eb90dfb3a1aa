"""Functions: the packages that pipelines are made of."""

from fairlead.mcp.tools import Tool

TOOLS: tuple[Tool, ...] = ()
