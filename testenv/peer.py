"""kubernetes-mcp-server, which the MCP servers are measured beside: its Go program without the Node launcher around it."""

from pathlib import Path

from testenv import building
from testenv.targets import TARGETS


def program() -> Path | None:
    """None where `make testenv` has not been; the package of each platform brings a program of its own name."""
    if building.binary("kubernetes-mcp-server") is None:
        return None
    folder = building.place(TARGETS["peer"]) / "node_modules"
    return next(folder.glob("kubernetes-mcp-server-*/bin/kubernetes-mcp-server-*"), None)
