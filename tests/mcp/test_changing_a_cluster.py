"""The whole way of a change, with tools that change real objects: planned, confirmed by handle, done, written down."""

import io
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from fairlead.client.api import Client
from fairlead.client.targets import Cluster
from fairlead.machinery.paths import Resource
from fairlead.machinery.statuses import StatusError
from fairlead.mcp.callers import STDIO
from fairlead.mcp.deciding.auditing import ToolAudit
from fairlead.mcp.deciding.gate import Gate
from fairlead.mcp.named import offering
from fairlead.mcp.named.servers import NamedServer, Target
from fairlead.mcp.reaching.targets import Targets
from fairlead.mcp.toolsets.core import TOOLSET
from tests.mcp.changing import handle, lines

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("mcp-policy:handles", "mcp-policy:audit")]
CONFIGMAPS = Resource("", "v1", "configmaps")


@pytest.fixture
async def client(cluster: Cluster) -> AsyncIterator[Client]:
    async with cluster.open() as opened:
        yield opened


@pytest.fixture
def log() -> io.BytesIO:
    return io.BytesIO()


@pytest.fixture
async def tried(cluster: Cluster, log: io.BytesIO) -> AsyncIterator[Gate]:
    async with Targets((Target("here", kubeconfig=str(cluster.kubeconfig)),), reads_only=False) as targets:
        yield Gate(NamedServer("one", timeout_seconds=60), offering.combined([TOOLSET]), targets, ToolAudit(log))


async def test_a_handle_deletes_what_was_planned_and_not_what_has_become_of_it(
    tried: Gate, client: Client, unique: Callable[[str], str], log: io.BytesIO, request: pytest.FixtureRequest
) -> None:
    name = unique("planned")

    async def exists() -> bool:
        try:
            await client.get(CONFIGMAPS, name, "default")
        except StatusError:
            return False
        return True

    metadata = {"name": name, "namespace": "default"}
    made: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "1"}}
    await client.create(CONFIGMAPS, made, "default")
    wanted = {"kind": "ConfigMap", "name": name, "namespace": "default"}
    planned = await tried.call(STDIO, "resources_delete", wanted)
    assert planned.failed
    assert name in planned.answer.text
    assert await exists()
    await client.patch(CONFIGMAPS, name, {"data": {"a": "2"}}, "default")
    changed = await tried.call(STDIO, "changes_confirm", handle(planned.answer.text))
    assert "has changed since" in changed.answer.text
    assert await exists()
    confirmed = await tried.call(STDIO, "changes_confirm", handle(changed.answer.text))
    assert not confirmed.failed, confirmed.answer.text
    assert not await exists()
    intent, result = lines(log)[-2:]
    assert (intent["tool"], intent["stage"], result["result"]) == ("resources_delete", "intent", "ok")
    assert intent["requestID"] == result["requestID"]
    assert result["arguments"] == wanted
    if request.node.get_closest_marker("real"):
        assert len(result["upstream"]) > len(intent["upstream"]) > 0  # by which the API server has written it down
