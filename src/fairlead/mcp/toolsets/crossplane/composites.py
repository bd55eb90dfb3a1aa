"""Claims and composites: what an app team orders, made and changed field by field."""

from fairlead.mcp.tools import Tool

TOOLS: tuple[Tool, ...] = ()
