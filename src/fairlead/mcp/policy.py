"""Whether a caller may use a tool of a server: one function, asked by the list and by every call.

The best-known hole of Kubernetes MCP servers was an allow list that only the listing knew (CVE-2026-46519).
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from fairlead.mcp.servers import NamedServer
from fairlead.mcp.tools import Tool, ToolClass


@dataclass(frozen=True)
class Decision:
    allowed: bool
    rule: str
    """Which rule decided; for the audit log, never for the caller."""


UNKNOWN = Decision(False, "unknown")


def authorize(server: NamedServer, tool: Tool) -> Decision:
    if any(fnmatchcase(tool.name, each) for each in server.deny):
        return Decision(False, "tools.deny")
    if server.allow and not any(fnmatchcase(tool.name, each) for each in server.allow):
        return Decision(False, "tools.allow")
    if tool.tool_class is not ToolClass.READ:
        return Decision(False, "read-only")
    return Decision(True, "tools.allow" if server.allow else "default")
