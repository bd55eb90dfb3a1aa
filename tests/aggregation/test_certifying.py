"""The shared certificate, in a Secret of both API servers."""

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest

from fairlead.aggregation.certifying import ROTATE, SECRETS, SharedCertificate, UntrustedLeafError
from fairlead.aggregation.rotating import Material, chains
from fairlead.client.api import Client
from fairlead.machinery import statuses
from fairlead.machinery.paths import Resource
from fairlead.serving.certificates import CertificateError

if TYPE_CHECKING:
    from fairlead.client.targets import Cluster

pytestmark = pytest.mark.anyio
CLUSTER_ROLES = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", namespaced=False)
DEADLINE = 20.0


@dataclass
class Replicas:
    client: Client
    name: str

    def new(self, **more: Any) -> SharedCertificate:
        return SharedCertificate(self.client, "default", self.name, "connector.default.svc", **more)

    async def secret(self) -> dict[str, Any]:
        return await self.client.get(SECRETS, self.name, "default")


@asynccontextmanager
async def replicas(cluster: "Cluster", unique: Callable[[str], str]) -> AsyncIterator[Replicas]:
    async with cluster.open() as client:
        yield Replicas(client, unique("certificate-tls"))


@pytest.mark.requirement("connector:shared-certificate")
async def test_the_first_creates_it_and_all_serve_it(cluster: "Cluster", unique: Callable[[str], str]) -> None:
    async with replicas(cluster, unique) as found:
        several = [found.new() for _ in range(4)]
        async with anyio.create_task_group() as tasks:
            for each in several:
                tasks.start_soon(each.begin)
        secret = await found.secret()
        assert secret["type"] == "kubernetes.io/tls"
        stored = Material.parse(secret["data"])
        assert {each.tls.pair.certificate for each in several} == {stored.leaf.certificate}
        assert {each.bundle for each in several} == {stored.bundle}


@pytest.mark.requirement("connector:owned-apiservices")
async def test_it_belongs_to_whom_it_was_made_for(cluster: "Cluster", unique: Callable[[str], str]) -> None:
    async with replicas(cluster, unique) as found:
        role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "name": "cluster-admin"}
        there = await found.client.get(CLUSTER_ROLES, role["name"])
        owner = {**role, "uid": there["metadata"]["uid"]}
        await found.new(owners=lambda: [owner]).begin()
        await found.new().begin()
        assert (await found.secret())["metadata"]["ownerReferences"] == [owner]


@pytest.mark.requirement("connector:rotation-order", "connector:certificate-ready")
async def test_a_rotation_reaches_the_other_replicas(cluster: "Cluster", unique: Callable[[str], str]) -> None:
    async with replicas(cluster, unique) as found:
        leader, other = found.new(announcing=0.0), found.new()
        await leader.begin()
        await other.begin()
        before, served = leader.bundle, other.tls.pair
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(other.follow)
            await found.client.patch(SECRETS, found.name, {"metadata": {"annotations": {ROTATE: "now"}}}, "default")
            with pytest.raises(statuses.Conflict):
                await _asked(leader)
            await leader.begin()
            await leader.rotate([before])
            assert ROTATE not in ((await found.secret())["metadata"].get("annotations") or {})
            await leader.rotate([before])
            assert leader.tls.pair == served, "the new authority is not published yet"
            with anyio.fail_after(DEADLINE):
                while other.bundle != leader.bundle:
                    await anyio.lowlevel.checkpoint()
            await other.check([before, leader.bundle])
            await leader.rotate([leader.bundle])
            assert leader.tls.pair != served
            with anyio.fail_after(DEADLINE):
                while other.tls.pair != leader.tls.pair:
                    await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        await other.check([leader.bundle])
        with pytest.raises(UntrustedLeafError):
            await other.check([before])
        assert chains(served.certificate, leader.bundle), "a replica that has not heard yet is still trusted"


async def _asked(leader: SharedCertificate) -> None:
    """With the version from before somebody else's change."""
    step = leader._material.with_authority()
    await leader._client.replace(SECRETS, {**(leader._secret or {}), "data": step.data})


@pytest.mark.requirement("connector:shared-certificate")
async def test_a_secret_that_was_deleted_is_written_again_as_it_was(
    cluster: "Cluster", unique: Callable[[str], str]
) -> None:
    async with replicas(cluster, unique) as found:
        leader = found.new()
        await leader.begin()
        bundle = leader.bundle
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(leader.follow)
            await found.client.delete(SECRETS, found.name, "default")
            with anyio.fail_after(DEADLINE):
                while leader._secret is not None:
                    await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        await leader.rotate([])
        assert leader.bundle == bundle
        assert Material.parse((await found.secret())["data"]).bundle == bundle


@pytest.mark.requirement("connector:shared-certificate")
async def test_a_broken_secret_stops_the_start_and_not_who_runs(
    cluster: "Cluster", unique: Callable[[str], str], caplog: pytest.LogCaptureFixture
) -> None:
    async with replicas(cluster, unique) as found:
        running = found.new()
        await running.begin()
        served = running.tls.pair
        broken = {"data": {"ca.crt": base64.b64encode(b"nonsense").decode()}}
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(running.follow)
            await found.client.patch(SECRETS, found.name, broken, "default")
            with anyio.fail_after(DEADLINE):
                while "last good certificate holds" not in caplog.text:
                    await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        assert running.tls.pair == served
        with pytest.raises(CertificateError):
            await found.new().begin()


class Refusing:
    async def get(self, *_: Any) -> Any:
        raise statuses.Forbidden("secrets is forbidden")


@pytest.mark.requirement("connector:shared-certificate")
async def test_without_rights_it_has_its_own_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    server: Any = Refusing()
    own = SharedCertificate(server, "default", "x", "connector.default.svc")
    await own.begin()
    await own.follow()
    await own.rotate([])
    assert not own.shared
    await own.check([own.bundle])
    assert caplog.text.count("process's own") == 1
