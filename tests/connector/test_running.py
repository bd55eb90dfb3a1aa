"""What is published follows the control plane, between two API servers."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from fairlead.aggregation.registering import APISERVICES
from fairlead.client.api import Client, Patch
from fairlead.connector import publishing, running
from fairlead.connector.following import CRDS
from fairlead.connector.naming import Identity
from fairlead.connector.preparing import NAMESPACES
from fairlead.connector.settings import ServiceName, Settings
from fairlead.crossplane import xrds
from fairlead.crossplane.defining import generating
from fairlead.machinery import encoding, statuses
from fairlead.machinery.paths import Resource
from testenv.ports import Ports
from tests.clusters import Pair
from tests.e2e import manifests

pytestmark = pytest.mark.anyio
Object = dict[str, Any]
DEADLINE = 90.0
CLUSTER = "running"


@dataclass
class World:
    pair: Pair
    app: Client
    control_plane: Client
    settings: Settings

    def claims(self, group: str, version: str = "v1alpha1") -> Resource:
        return Resource(group, version, "databases")

    async def withdrawn(self, group: str) -> None:
        names = [each["metadata"]["name"] for each in (await self.app.list(APISERVICES)).items]
        assert not [each for each in names if each.endswith(group)]

    async def api_service(self, group: str, version: str = "v1alpha1") -> Object:
        return await self.app.get(APISERVICES, f"{version}.{group}")


async def eventually(step: Callable[[], Awaitable[Any]]) -> Any:
    """Asks again until it is not refused, with a deadline."""
    with anyio.fail_after(DEADLINE):
        while True:
            try:
                return await step()
            except (AssertionError, statuses.StatusError):
                await anyio.lowlevel.checkpoint()


@asynccontextmanager
async def world(pair: Pair, unique: Callable[[str], str], *crds: str) -> AsyncIterator[World]:
    ports = Ports("connector")
    port = ports["connector"]
    namespace, service = unique("claims"), unique("connector")
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(pair.app.open())
        control_plane = await stack.enter_async_context(pair.control_plane.open())
        await create(control_plane, CRDS, encoding.from_yaml(pair.xrd_crd.read_bytes()))
        await create(control_plane, NAMESPACES, manifests.namespace(namespace))
        await app.create(manifests.SERVICES, manifests.service("kube-system", service, port))
        settings = Settings(
            pair.app.kubeconfig, pair.control_plane.kubeconfig, namespace, ServiceName("kube-system", service), CLUSTER,
            frozenset(crds), port, "127.0.0.1", port,
        )  # fmt: skip
        stack.callback(ports.close)
        stack.push_async_callback(unregister, app, service)
        yield World(pair, app, control_plane, settings)


async def unregister(app: Client, service: str) -> None:
    """What a connector that ended leaves behind would fail `kubectl get claim` in the tests that follow."""
    selector = f"{publishing.CONNECTOR}={service}.kube-system"
    for each in (await app.list(APISERVICES, label_selector=selector)).items:
        await app.delete(APISERVICES, each["metadata"]["name"])


async def create(client: Client, resource: Resource, obj: Object) -> None:
    try:
        await client.create(resource, obj)
    except statuses.AlreadyExists:
        return


async def offer(client: Client, group: str, kind: str = "Database") -> Object:
    """What Crossplane does with an XRD, while it does not run."""
    xrd: Object = await eventually(lambda: client.create(xrds.V1, manifests.xrd(kind, group)))
    for crd in (generating.claim_crd(xrd), generating.composite_crd(xrd)):
        await client.create(CRDS, crd)
    status = {"status": manifests.offered()}
    await client.patch(xrds.V1, xrd["metadata"]["name"], status, kind=Patch.MERGE, subresource="status")
    return xrd


@pytest.mark.requirement("connector:publishes", "connector:removal-authoritative")
async def test_an_xrd_is_published_when_it_is_offered_and_withdrawn_when_it_is_deleted(
    pair: Pair, unique: Callable[[str], str]
) -> None:
    group = f"{unique('published')}.example.org"
    async with world(pair, unique) as found, running.serve(found.settings):
        xrd = await offer(found.control_plane, group)
        api_service = await eventually(lambda: found.api_service(group))
        assert api_service["metadata"]["annotations"][publishing.SOURCES] == f"xrd/{xrd['metadata']['name']}"
        await eventually(lambda: found.app.list(found.claims(group)))

        for crd in (generating.claim_crd(xrd), generating.composite_crd(xrd)):
            await found.control_plane.delete(CRDS, crd["metadata"]["name"])
        await found.control_plane.delete(xrds.V1, xrd["metadata"]["name"])
        await eventually(lambda: found.withdrawn(group))


@pytest.mark.requirement("connector:removal-authoritative")
async def test_an_xrd_that_was_deleted_while_nobody_ran_is_withdrawn_at_the_next_start(
    pair: Pair, unique: Callable[[str], str]
) -> None:
    group = f"{unique('orphaned')}.example.org"
    async with world(pair, unique) as found:
        xrd = await offer(found.control_plane, group)
        async with running.serve(found.settings):
            before = await eventually(lambda: found.api_service(group))
        assert (await found.api_service(group))["metadata"]["uid"] == before["metadata"]["uid"], "it stays meanwhile"
        await found.control_plane.delete(xrds.V1, xrd["metadata"]["name"])
        async with running.serve(found.settings):
            await eventually(lambda: found.withdrawn(group))


@pytest.mark.requirement("connector:offered")
async def test_a_crd_of_the_allow_list_is_served_and_another_is_not(pair: Pair, unique: Callable[[str], str]) -> None:
    group = f"{unique('allowed')}.example.org"
    async with world(pair, unique, f"things.{group}") as found:
        for kind in ("Thing", "Other"):
            await found.control_plane.create(CRDS, crd(group, kind))
        async with running.serve(found.settings):
            things = Resource(group, "v1", "things")
            await eventually(lambda: found.app.list(things, "default"))
            thing = {
                "apiVersion": f"{group}/v1",
                "kind": "Thing",
                "metadata": {"name": "one"},
                "spec": {"n": 2**53 + 1},
            }
            made = await found.app.create(things, thing, "default")
            assert made["spec"] == {"n": 2**53 + 1}
            stored = Identity(CLUSTER, "default", "one").backend()
            there = await found.control_plane.get(things, stored, found.settings.claim_namespace)
            assert there["metadata"]["uid"] == made["metadata"]["uid"]
            with pytest.raises(statuses.NotFound):
                await found.app.list(Resource(group, "v1", "others"), "default")
            await found.app.delete(things, "one", "default")


def crd(group: str, kind: str) -> Object:
    names = {"plural": f"{kind.lower()}s", "kind": kind, "listKind": f"{kind}List"}
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"type": "object", "properties": {"spec": anything}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names['plural']}.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
    }
