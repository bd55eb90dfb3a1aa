"""No argument leads a request to another path than its tool's: steps that go up are refused before anything is sent.

Names are percent-encoded where paths are made, so that a `/` in one is no step. `..` needs no character that would be
encoded, and whoever stands between us and the API (a proxy, its own router) may go that step up.

Source: CVE-2026-32871 (`../` in a path parameter).
"""

from urllib.parse import unquote

from fairlead.mcp.tools import ToolError

_UP = {".", ".."}


def check(path: str) -> None:
    """Raises `ToolError`; `path` is percent-encoded."""
    if not _UP.isdisjoint(map(unquote, path.partition("?")[0].split("/"))):
        raise ToolError("there is no such name", "no object and no namespace is called `.` or `..`")
