"""The simulator on an API server, embedded and real: it is a client of either."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio
import pytest

from fairlead.client.api import Client
from fairlead.client.targets import Cluster
from fairlead.client.watching import Applied, Deleted, Listed, watch
from fairlead.crossplane import xrds
from fairlead.embedded.simulator.simulating import CRDS, Simulator, demo_claim, demo_xrd
from fairlead.machinery import conditions, statuses
from fairlead.machinery.paths import Resource

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("simulator:claim-ready")]

Object = dict[str, Any]
SECRETS = Resource("", "v1", "secrets")
EVENTS = Resource("", "v1", "events")


@asynccontextmanager
async def simulated(cluster: Cluster) -> AsyncIterator[Client]:
    """An API server with a simulator; afterwards its XRDs are gone again."""
    async with cluster.open() as client, cluster.open() as own:
        simulator = Simulator(own)
        running = asyncio.create_task(simulator.run())
        try:
            with anyio.fail_after(30):
                ready = asyncio.create_task(simulator.ready.wait())
                await asyncio.wait([running, ready], return_when=asyncio.FIRST_COMPLETED)
            assert not running.done(), running.exception()
            yield client
            with anyio.fail_after(30):
                for each in (await client.list(xrds.V1)).items:
                    await client.delete(xrds.V1, each["metadata"]["name"])
                    await gone(client, xrds.V1, each["metadata"]["name"])
        finally:
            running.cancel()
            await asyncio.wait([running])


async def seen(client: Client, resource: Resource, namespace: str | None, wanted: Callable[[Object], bool]) -> Object:
    """The first object that is as wanted."""
    with anyio.fail_after(20):
        async with aclosing(watch(client, resource, namespace)) as events:
            async for event in events:
                known = event.items if isinstance(event, Listed) else []
                for each in [event.object] if isinstance(event, Applied) else known:
                    if wanted(each):
                        return each
    raise AssertionError


async def until(client: Client, resource: Resource, name: str, kind: str, namespace: str | None = None) -> Object:
    """The object as soon as that condition of it is true."""
    return await seen(
        client,
        resource,
        namespace,
        lambda each: each["metadata"]["name"] == name and conditions.is_true(each, kind),
    )


async def gone(client: Client, resource: Resource, name: str, namespace: str | None = None) -> None:
    with anyio.fail_after(20):
        async with aclosing(watch(client, resource, namespace)) as events:
            async for event in events:
                if isinstance(event, Listed) and name not in [each["metadata"]["name"] for each in event.items]:
                    return
                if isinstance(event, Deleted) and event.object["metadata"]["name"] == name:
                    return


def offering(group: str) -> tuple[Object, Resource, Resource]:
    """The demo's XRD in a group of its own, with the resources of its claim and composite."""
    xrd = demo_xrd()
    xrd["metadata"]["name"] = f"xdatabases.{group}"
    xrd["spec"]["group"] = group
    return xrd, Resource(group, "v1alpha1", "databases"), Resource(group, "v1alpha1", "xdatabases", namespaced=False)


def claim_in(group: str, name: str) -> Object:
    claim = demo_claim()
    claim["apiVersion"] = f"{group}/v1alpha1"
    claim["metadata"]["name"] = name
    claim["spec"]["writeConnectionSecretToRef"]["name"] = f"{name}-connection"
    return claim


async def test_a_claim_gets_a_composite_and_a_secret_and_becomes_ready(cluster: Cluster) -> None:
    xrd, claims, composites = offering("ready.fairlead.dev")
    async with simulated(cluster) as client:
        await client.create(xrds.V1, xrd)
        offered = await until(client, xrds.V1, xrd["metadata"]["name"], "Offered")
        assert conditions.is_true(offered, "Established")
        assert offered["status"]["controllers"]["compositeResourceClaimType"]["kind"] == "Database"

        claim = claim_in(claims.group, "orders")
        claim["metadata"]["labels"] = {"team": "a", "app.kubernetes.io/name": "not-passed-on"}
        await client.create(claims, claim)
        ready = await until(client, claims, "orders", "Ready", "default")
        assert ready["metadata"]["finalizers"] == ["finalizer.apiextensions.crossplane.io"]
        assert conditions.is_true(ready, "Synced")

        name = ready["spec"]["resourceRef"]["name"]
        assert name.startswith("orders-")
        assert len(name) == len("orders-") + 5
        composite = await client.get(composites, name)
        reference = {"kind": "Database", "namespace": "default", "name": "orders"}
        assert composite["spec"]["claimRef"] == {"apiVersion": ready["apiVersion"], **reference}
        assert (composite["spec"]["size"], composite["spec"]["engine"]) == ("small", "postgres")
        assert composite["metadata"]["annotations"]["fairlead.dev/simulated"] == "true"
        labels = composite["metadata"]["labels"]
        assert labels["crossplane.io/claim-name"] == "orders"
        assert labels["team"] == "a"
        assert "app.kubernetes.io/name" not in labels

        secret = await client.get(SECRETS, "orders-connection", "default")
        assert secret["type"] == "connection.crossplane.io/v1alpha1"
        assert base64.b64decode(secret["data"]["endpoint"]).decode().endswith(".invalid")
        assert secret["metadata"]["annotations"]["fairlead.dev/simulated"] == "true"


@pytest.mark.requirement("simulator:deletion")
async def test_a_deleted_claim_takes_its_composite_and_secret_with_it(cluster: Cluster) -> None:
    xrd, claims, composites = offering("gone.fairlead.dev")
    async with simulated(cluster) as client:
        await client.create(xrds.V1, xrd)
        await until(client, xrds.V1, xrd["metadata"]["name"], "Offered")
        await client.create(claims, claim_in(claims.group, "orders"))
        await until(client, claims, "orders", "Ready", "default")
        await client.delete(claims, "orders", "default")
        await gone(client, claims, "orders", "default")
        assert (await client.list(composites)).items == []
        with pytest.raises(statuses.NotFound):
            await client.get(SECRETS, "orders-connection", "default")


@pytest.mark.requirement("simulator:namespaced-composites")
async def test_a_namespaced_composite_becomes_ready_and_goes_when_it_is_deleted(cluster: Cluster) -> None:
    xrd, _, composites = offering("namespaced.fairlead.dev")
    for each in ("claimNames", "scope", "connectionSecretKeys"):
        xrd["spec"].pop(each, None)
    xrd["apiVersion"] = "apiextensions.crossplane.io/v2"
    composites = replace(composites, namespaced=True)
    async with simulated(cluster) as client:
        made = await client.create(xrds.V2, xrd)
        assert made["spec"]["scope"] == "Namespaced"
        await until(client, xrds.V1, xrd["metadata"]["name"], "Established")
        composite = {**claim_in(composites.group, "orders"), "kind": xrd["spec"]["names"]["kind"]}
        composite["metadata"]["labels"] = {"team": "a"}
        await client.create(composites, composite)
        ready = await until(client, composites, "orders", "Ready", "default")
        assert ready["metadata"]["labels"] == {"team": "a", "crossplane.io/composite": "orders"}
        assert ready["metadata"]["finalizers"] == ["composite.apiextensions.crossplane.io"]
        assert ready["metadata"]["annotations"]["fairlead.dev/simulated"] == "true"
        assert ready["spec"]["crossplane"] == {"compositionUpdatePolicy": "Automatic"}
        await client.delete(composites, "orders", "default")
        await gone(client, composites, "orders", "default")


@pytest.mark.requirement("simulator:deletion")
async def test_a_deleted_xrd_takes_its_claims_and_crds_with_it(cluster: Cluster) -> None:
    xrd, claims, _ = offering("dissolved.fairlead.dev")
    name = xrd["metadata"]["name"]
    async with simulated(cluster) as client:
        await client.create(xrds.V1, xrd)
        await until(client, xrds.V1, name, "Offered")
        await client.create(claims, claim_in(claims.group, "orders"))
        await until(client, claims, "orders", "Ready", "default")
        await client.delete(xrds.V1, name)
        await gone(client, xrds.V1, name)
        left = {each["metadata"]["name"] for each in (await client.list(CRDS)).items}
        assert left.isdisjoint({name, f"databases.{claims.group}"})


@pytest.mark.requirement("simulator:says-so")
async def test_an_xrd_that_cannot_be_rendered_gets_an_event(cluster: Cluster) -> None:
    xrd, _, _ = offering("broken.fairlead.dev")
    del xrd["spec"]["versions"][0]["schema"]
    name = xrd["metadata"]["name"]
    async with simulated(cluster) as client:
        await client.create(xrds.V1, xrd)
        event = await seen(client, EVENTS, "default", lambda each: each["involvedObject"].get("name") == name)
        assert "has no schema" in event["message"]
        assert conditions.conditions(await client.get(xrds.V1, name)) == []
