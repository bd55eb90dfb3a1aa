"""Revisions of compositions, compared."""

from fairlead.mcp.tools import Tool

TOOLS: tuple[Tool, ...] = ()
