"""Managed resource definitions and the policies that activate them."""

from fairlead.mcp.tools import Tool

TOOLS: tuple[Tool, ...] = ()
