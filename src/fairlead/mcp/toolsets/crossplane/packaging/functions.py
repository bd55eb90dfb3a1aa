"""Functions: the packages that pipelines are made of."""

from typing import Any

from fairlead.crossplane import packages as facts
from fairlead.crossplane.packaging.callers import callers
from fairlead.mcp.tools import Tool
from fairlead.mcp.toolsets.crossplane.packaging import packages
from fairlead.mcp.toolsets.crossplane.packaging.uninstalling import CALLERS
from fairlead.resources.reading import Reader

Object = dict[str, Any]


async def _about(reader: Reader, function: Object) -> list[str]:
    """Its revisions, what the active one can do and where it listens, and who calls it."""
    lines = []
    for each in await facts.revisions(reader, function):
        lines.append(packages.revised(each))
        if facts.is_active(each):
            status = each.get("status") or {}
            can = ", ".join(status.get("capabilities") or ()) or "composition, for it says nothing"
            lines += [f"capabilities: {can}", f"endpoint: {status.get('endpoint') or 'none yet'}"]
    by = await callers(reader, function["metadata"]["name"])
    gaps = [f"callers not read: {each}" for each in by.unread]
    return [*(lines or ["no revision yet: it is being fetched, or cannot be"]), str(by), *gaps]


TOOLS: tuple[Tool, ...] = (
    packages.install_tool(
        "Function", "Install a function package for pipelines to call; waits for health.", packages.RUNTIME
    ),
    *packages.reading_tools(
        "Function",
        "One function: state, revisions, capabilities, endpoint, which compositions and operations call it.",
        _about,
        *CALLERS,
    ),
)
