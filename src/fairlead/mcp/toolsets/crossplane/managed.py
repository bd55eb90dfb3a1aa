"""Managed resources: what stands for something outside the cluster."""

from fairlead.mcp.tools import Tool

TOOLS: tuple[Tool, ...] = ()
