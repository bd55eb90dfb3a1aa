"""Cron and watch operations after they are made, and operations run again."""

from fairlead.mcp.tools import Tool

TOOLS: tuple[Tool, ...] = ()
