"""What a kubelet prints and counts, through the API server, by fixed paths alone.

A path to a node's proxy can lead to anything that the kubelet serves, running commands included; so nothing that a
caller writes becomes more of a path than names of files, which are checked here and by read-only connections again.

Source: kubelet `pkg/kubelet/server/server.go` (`/logs/`, `/stats/summary`) and its node log query.
"""

import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

from fairlead.client.api import Client, refusal
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import Resource

NODES = Resource("", "v1", "nodes", namespaced=False)
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*")
_FILE = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9_.-]*/)*(?:[A-Za-z0-9_-][A-Za-z0-9_.-]*)?")


class NodePathError(FairleadError):
    """A node or a file that is not asked for, because of what its name could mean in a path."""


async def summary(client: Client, name: str) -> dict[str, Any]:
    """The kubelet's Summary. Raises `NodePathError`, and what `Client` raises."""
    return await client.read(f"{_proxy(name)}/stats/summary")


async def log(client: Client, name: str, query: str = "", tail: int = 100) -> str:
    """Of a service by its name, or of a file under `/var/log` where `query` has a slash or a dot; the last lines.

    Without a query: the names that there are. Raises `NodePathError`, and what `Client` raises.
    """
    if not query:
        return "\n".join(_links(await _text(client, f"{_proxy(name)}/logs/")))
    path = query.lstrip("/").removeprefix("var/log/")
    if not _FILE.fullmatch(path) or not path:
        raise NodePathError(
            "this is no name of a log", "it has letters, digits, . _ - and /", "leave `query` out to list the logs"
        )
    if "/" not in path and "." not in path:
        return await _text(client, f"{_proxy(name)}/logs/", {"query": path, "tailLines": str(tail)})
    found = await _text(client, f"{_proxy(name)}/logs/{path}")
    if path.endswith("/"):
        return "\n".join(_links(found))
    return "\n".join(found.splitlines()[-tail:])


def _proxy(name: str) -> str:
    """Raises `NodePathError`: a colon would choose another port or scheme."""
    if not _NAME.fullmatch(name):
        raise NodePathError("this is no name of a node", "", "nodes_top or resources_list shows their names")
    return f"{NODES.path(None, name)}/proxy"


async def _text(client: Client, path: str, query: dict[str, str] | None = None) -> str:
    answer = await client.connection.request("GET", path, query=urlencode(query or {}))
    body = answer.body if isinstance(answer.body, bytes) else b""
    if answer.status >= 300:
        raise refusal(answer.status, body, answer.headers)
    return body.decode("utf-8", "replace")


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for key, value in attrs if tag == "a" and key == "href" and value]


def _links(page: str) -> list[str]:
    """A folder comes as a web page."""
    parser = _Links()
    parser.feed(page)
    return parser.found
