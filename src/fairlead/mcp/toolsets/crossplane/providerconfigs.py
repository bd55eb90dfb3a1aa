"""Provider configs: by which credentials a provider reaches what it manages."""

from fairlead.mcp.tools import Tool

TOOLS: tuple[Tool, ...] = ()
