"""The life of a package after it is installed: upgrade, rollback, activation, settings, uninstalling."""

from fairlead.mcp.tools import Tool

TOOLS: tuple[Tool, ...] = ()
