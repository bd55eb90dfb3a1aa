"""The claim namespace and the cluster ids in it, in both API servers."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest

from fairlead.client.errors import Unreachable
from fairlead.connector import preparing, running
from fairlead.connector.naming import Scope
from fairlead.connector.preparing import APP_CLUSTERS, CONFIGMAPS, NAMESPACES, ClusterIdTakenError
from fairlead.machinery import statuses
from tests.clusters import Pair
from tests.connector.test_running import world

if TYPE_CHECKING:
    from fairlead.client.api import Client
    from fairlead.client.targets import Cluster

pytestmark = pytest.mark.anyio


async def no_pause(_: float) -> None:
    pytest.fail("there is nothing to wait for")


@pytest.mark.requirement("connector:claim-namespace")
async def test_the_namespace_is_created_if_absent(cluster: "Cluster", unique: Callable[[str], str]) -> None:
    scope = Scope("one", unique("claims"))
    async with cluster.open() as client:
        await preparing.prepare(client, scope, "uid-1", no_pause)
        before = await client.get(NAMESPACES, scope.namespace)
        await preparing.prepare(client, scope, "uid-1", no_pause)
        assert await client.get(NAMESPACES, scope.namespace) == before


@pytest.mark.requirement("connector:cluster-id-taken")
async def test_an_id_that_another_cluster_has_is_refused(cluster: "Cluster", unique: Callable[[str], str]) -> None:
    scope = Scope("one", unique("claims"))
    async with cluster.open() as client:
        await preparing.prepare(client, scope, "uid-1", no_pause)
        await preparing.prepare(client, Scope("two", scope.namespace), "uid-2", no_pause)
        with pytest.raises(ClusterIdTakenError, match="remove the entry"):
            await preparing.prepare(client, scope, "uid-2", no_pause)
        assert (await ids(client, scope)) == {"one": "uid-1", "two": "uid-2"}
        await client.patch(CONFIGMAPS, APP_CLUSTERS, {"data": {"one": None}}, scope.namespace)
        await preparing.prepare(client, scope, "uid-2", no_pause)


async def ids(client: "Client", scope: Scope) -> Any:
    return (await client.get(CONFIGMAPS, APP_CLUSTERS, scope.namespace))["data"]


@pytest.mark.requirement("connector:cluster-id-taken")
async def test_many_clusters_at_the_same_moment(cluster: "Cluster", unique: Callable[[str], str]) -> None:
    namespace = unique("claims")
    scopes = [Scope(each, namespace) for each in ("one", "one", "two", "three", "four")]
    async with cluster.open() as client, anyio.create_task_group() as tasks:
        for scope in scopes:
            tasks.start_soon(preparing.prepare, client, scope, scope.cluster, _at_once)
    async with cluster.open() as client:
        assert await ids(client, scopes[0]) == {each.cluster: each.cluster for each in scopes}


async def _at_once(_: float) -> None:
    await anyio.lowlevel.checkpoint()


@pytest.mark.requirement("connector:cluster-id-taken")
async def test_a_connector_with_anothers_id_does_not_start(embedded_pair: Pair, unique: Callable[[str], str]) -> None:
    async with world(embedded_pair, unique) as found:
        scope = Scope(found.settings.cluster_id, found.settings.claim_namespace)
        await preparing.prepare(found.control_plane, scope, "another", no_pause)
        with pytest.raises(ClusterIdTakenError):
            async with running.serve(found.settings):
                pytest.fail("it serves another's claims")


class Scripted:
    """Fails as told, each time it is asked for anything."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    async def get(self, *_: Any) -> dict[str, Any]:
        if self.errors:
            raise self.errors.pop(0)
        return {"data": {"one": "uid"}}


@pytest.mark.requirement("connector:claim-namespace")
async def test_what_is_not_permitted_is_said_and_left(caplog: pytest.LogCaptureFixture) -> None:
    server: Any = Scripted(statuses.Forbidden("no namespaces"), statuses.Forbidden("no configmaps"))
    await preparing.prepare(server, Scope("one", "claims"), "uid", no_pause)
    assert "no namespaces" in caplog.text
    assert "no configmaps" in caplog.text


@pytest.mark.requirement("connector:starts-during-outage")
async def test_a_control_plane_that_is_down_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    server: Any = Scripted(Unreachable("gone"), Unreachable("gone"), statuses.ServiceUnavailable("not ready"))
    await preparing.prepare(server, Scope("one", "claims"), "uid", pause)
    assert len(pauses) == 3
    assert caplog.text.count("not served yet: gone") == 1
    refusing: Any = Scripted(statuses.Unauthorized("who are you"))
    with pytest.raises(statuses.Unauthorized):
        await preparing.prepare(refusing, Scope("one", "claims"), "uid", pause)
