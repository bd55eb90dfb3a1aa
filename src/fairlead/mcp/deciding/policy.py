"""Whether a caller may use a tool of a server: one function, asked by the list and by every call.

The best-known hole of Kubernetes MCP servers was an allow list that only the listing knew (CVE-2026-46519).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from fairlead.mcp.callers import Caller
from fairlead.mcp.named import scopes
from fairlead.mcp.named.servers import NamedServer
from fairlead.mcp.tools import Tool, ToolClass


@dataclass(frozen=True)
class Decision:
    allowed: bool
    rule: str
    """Which rule decided; for the audit log, never for the caller."""


UNKNOWN = Decision(False, "unknown")
_ANYBODY = Caller("anybody")


def authorize(server: NamedServer, tool: Tool, caller: Caller) -> Decision:
    if any(fnmatchcase(tool.name, each) for each in server.deny):
        return Decision(False, "tools.deny")
    if server.allow and not any(fnmatchcase(tool.name, each) for each in server.allow):
        return Decision(False, "tools.allow")
    if tool.tool_class is ToolClass.EXEC and tool.name not in server.allow:
        return Decision(False, "exec-by-name")  # off unless it is named, patterns do not count
    if not scopes.reaches(server.identity, caller, tool.tool_class):
        return Decision(False, "scopes")
    return Decision(True, "tools.allow" if server.allow else "default")


def confirms_by_handle(server: NamedServer, confirm: Tool) -> bool:
    """Whether a plan may be redeemed by its handle. Allow lists need not name it: it does only what their tools do."""
    return not any(fnmatchcase(confirm.name, each) for each in server.deny)


def reads_only(server: NamedServer, tools: Iterable[Tool]) -> bool:
    """Whether nobody can change anything on it, so that its connections need not be able to."""
    return all(each.tool_class is ToolClass.READ or not authorize(server, each, _ANYBODY).allowed for each in tools)
