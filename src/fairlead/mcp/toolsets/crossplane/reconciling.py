"""Pausing, resuming and asking for a reconcile; and the finalizer that nobody removes any more."""

from fairlead.mcp.tools import Tool

TOOLS: tuple[Tool, ...] = ()
