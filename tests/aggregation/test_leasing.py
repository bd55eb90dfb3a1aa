"""Who leads, against both API servers; the passage of time alone is made up."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest

from fairlead.aggregation import leasing
from fairlead.aggregation.leasing import LEASES, Leadership
from fairlead.machinery import statuses
from fairlead.machinery.paths import Resource

if TYPE_CHECKING:
    from fairlead.client.targets import Cluster

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("connector:one-registrar")]
CLUSTER_ROLES = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", namespaced=False)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_one_holds_it_and_the_next_takes_over_when_it_lapses(
    cluster: "Cluster", unique: Callable[[str], str]
) -> None:
    name, clock = unique("lease"), Clock()
    async with cluster.open() as client:
        first, second = (Leadership(client, "default", name, who, clock=clock) for who in ("one", "two"))
        await first.attempt()
        await second.attempt()
        assert (first.held, second.held, second.another) == (True, False, True)

        clock.now += leasing.RENEW_DEADLINE
        assert not first.held, "it stops before another may begin"
        await second.attempt()
        assert not second.held
        clock.now += leasing.DURATION - leasing.RENEW_DEADLINE
        await second.attempt()
        assert second.held
        await first.attempt()
        assert not first.held
        lease = await client.get(LEASES, name, "default")
        assert lease["spec"]["holderIdentity"] == "two"
        assert lease["spec"]["leaseTransitions"] == 1


@pytest.mark.requirement("connector:owned-apiservices")
async def test_it_belongs_to_whom_it_was_made_for(cluster: "Cluster", unique: Callable[[str], str]) -> None:
    name, clock = unique("lease"), Clock()
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "name": "cluster-admin"}
    async with cluster.open() as client:
        owner = {**role, "uid": (await client.get(CLUSTER_ROLES, role["name"]))["metadata"]["uid"]}
        first = Leadership(client, "default", name, "one", owners=lambda: [owner], clock=clock)
        await first.attempt()
        await first.attempt()
        assert (await client.get(LEASES, name, "default"))["metadata"]["ownerReferences"] == [owner]


async def test_renewing_keeps_it(cluster: "Cluster", unique: Callable[[str], str]) -> None:
    name, clock = unique("lease"), Clock()
    async with cluster.open() as client:
        first, second = (Leadership(client, "default", name, who, clock=clock) for who in ("one", "two"))
        for _ in range(4):
            await first.attempt()
            await second.attempt()
            assert (first.held, second.held) == (True, False)
            clock.now += leasing.RENEW_DEADLINE - 1
        lease = await client.get(LEASES, name, "default")
        assert lease["spec"]["leaseTransitions"] == 0
        assert lease["spec"]["acquireTime"] < lease["spec"]["renewTime"]


async def test_ending_gives_it_up_at_once(cluster: "Cluster", unique: Callable[[str], str]) -> None:
    name, gained = unique("lease"), anyio.Event()
    async with cluster.open() as client:
        first = Leadership(client, "default", name, "one", gained=gained.set)
        running = asyncio.create_task(first.run())
        with anyio.fail_after(10):
            await gained.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert not first.held
        second = Leadership(client, "default", name, "two")
        await second.attempt()
        assert second.held


async def test_two_at_the_same_moment(cluster: "Cluster", unique: Callable[[str], str]) -> None:
    name = unique("lease")
    async with cluster.open() as client:
        rivals = [Leadership(client, "default", name, str(each)) for each in range(8)]
        async with anyio.create_task_group() as tasks:
            for each in rivals:
                tasks.start_soon(each.attempt)
        assert sum(each.held for each in rivals) == 1


class Refusing:
    """Says no to everything, as RBAC does."""

    def __init__(self) -> None:
        self.asked = 0

    async def get(self, *_: Any) -> Any:
        self.asked += 1
        raise statuses.Forbidden("leases is forbidden")


async def test_without_rights_it_works_alone_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    server: Any = Refusing()
    alone = Leadership(server, "default", "x", "one")
    for _ in range(3):
        await alone.attempt()
    assert alone.held
    assert server.asked == 3, "rights may come"
    assert caplog.text.count("only replica") == 1


async def test_losing_the_rights_loses_the_lease(cluster: "Cluster", unique: Callable[[str], str]) -> None:
    clock = Clock()
    async with cluster.open() as client:
        held = Leadership(client, "default", unique("lease"), "one", clock=clock)
        await held.attempt()
        refusing: Any = Refusing()
        held._client = refusing
        clock.now += leasing.RENEW_DEADLINE
        with pytest.raises(statuses.Forbidden):
            await held.attempt()
        assert not held.held
