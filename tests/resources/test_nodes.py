"""What is asked of a kubelet, and what is not."""

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.client.api import Client
from fairlead.machinery.messages import Headers, Response
from fairlead.mcp.reaching.targets import check_reads
from fairlead.resources import nodes
from fairlead.resources.nodes import NodePathError

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("resources:nodes")]
PAGE = b'<pre>\n<a href="pods/">pods/</a>\n<a href="syslog.1">syslog.1</a>\n<a>none</a></pre>'


class Asked:
    """In place of a client's connection: remembers what was asked for."""

    def __init__(self, body: bytes = PAGE) -> None:
        self.body = body
        self.paths: list[tuple[str, str]] = []
        self.connection = self

    async def request(self, method: str, path: str, *, query: str = "", **more: Any) -> Response:
        check_reads(method, path, Headers())
        self.paths.append((path, query))
        return Response(200, Headers(), self.body)


def client(asked: Asked) -> Client:
    return cast("Client", asked)


async def test_names_services_files_and_folders() -> None:
    asked = Asked()
    assert await nodes.log(client(asked), "a.b") == "pods/\nsyslog.1"
    assert await nodes.log(client(asked), "a.b", "pods/") == "pods/\nsyslog.1"
    asked.body = b"1\n2\n3\n"
    assert await nodes.log(client(asked), "a.b", "/var/log/x_1/0.log", 2) == "2\n3"
    await nodes.log(client(asked), "a.b", "kubelet", 5)
    assert asked.paths == [
        ("/api/v1/nodes/a.b/proxy/logs/", ""),
        ("/api/v1/nodes/a.b/proxy/logs/pods/", ""),
        ("/api/v1/nodes/a.b/proxy/logs/x_1/0.log", ""),
        ("/api/v1/nodes/a.b/proxy/logs/", "query=kubelet&tailLines=5"),
    ]


@given(name=st.text(min_size=1), query=st.text(alphabet="a./%:?#\\ é\n-_") | st.text())
async def test_whatever_is_asked_leads_to_logs_alone(name: str, query: str) -> None:
    """The connection of a server that only reads agrees: `Asked` asks it."""
    asked = Asked()
    try:
        await nodes.log(client(asked), name, query)
    except NodePathError:
        assert asked.paths == []
    else:
        assert asked.paths[0][0].startswith(f"/api/v1/nodes/{name}/proxy/logs/")
