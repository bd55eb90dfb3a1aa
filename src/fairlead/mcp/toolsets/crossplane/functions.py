"""Functions: the packages that pipelines are made of."""

from fairlead.mcp.tools import Tool
from fairlead.mcp.toolsets.crossplane import packages

TOOLS: tuple[Tool, ...] = (
    packages.install_tool(
        "Function", "Install a function package for pipelines to call, and wait until it is healthy.", packages.RUNTIME
    ),
)
