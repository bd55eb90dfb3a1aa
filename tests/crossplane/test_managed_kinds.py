"""Which kind is meant by a name that a provider of Crossplane 2 has twice, and that the platform may have as well."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fairlead.client.api import Client
from fairlead.embedded.cluster import EmbeddedCluster
from fairlead.machinery.paths import Resource
from tests.crossplane.agents import Hand, hand
from tests.e2e import manifests

Object = dict[str, Any]
pytestmark = [pytest.mark.anyio, pytest.mark.requirement("crossplane-managed:kinds")]
CLUSTER, NAMESPACED, PLATFORM = "cloud.example.org", "cloud.m.example.org", "aaa.example.org"


async def served(client: Client, group: str, category: str, *, namespaced: bool, plural: str = "disks") -> None:
    """With one object, called after its group."""
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    names = {"kind": plural[:-1].title(), "plural": plural, "categories": [category]}
    spec = {"group": group, "scope": "Namespaced" if namespaced else "Cluster", "names": names, "versions": [version]}
    crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    await client.apply(manifests.CRDS, crd | {"metadata": {"name": f"{plural}.{group}"}, "spec": spec}, manager="tests")
    resource = Resource(group, "v1", plural, namespaced)
    one = {"apiVersion": f"{group}/v1", "kind": names["kind"], "metadata": {"name": group}, "spec": {"forProvider": {}}}
    await client.apply(resource, one, "default" if namespaced else None, manager="tests")


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[Hand]:
    async with EmbeddedCluster("kinds", tmp_path) as server:
        async with Client.from_kubeconfig(server.kubeconfig) as client:
            await served(client, PLATFORM, "composite", namespaced=True)
            await served(client, CLUSTER, "managed", namespaced=False)
            await served(client, NAMESPACED, "managed", namespaced=True)
            for each in (CLUSTER, PLATFORM):
                await served(client, each, "managed", namespaced=False, plural="tapes")
        async with hand(server.kubeconfig, "crossplane-managed") as found:
            yield found


async def test_of_kinds_of_one_name_the_managed_one_of_that_scope_is_meant(agent: Hand) -> None:
    assert "kind: Disk" in await agent("get_managed_resource", kind="Disk", name=CLUSTER)
    assert "kind: Disk" in await agent("get_managed_resource", kind="disk", name=NAMESPACED, namespace="default")
    made = {"name": "new", "for_provider": "{size: 1}", "wait_seconds": 0}
    assert "in namespace default" in await agent("create_managed_resource", kind="Disk", namespace="default", **made)
    refused = await agent.refused("get_managed_resource", kind=f"disks.{PLATFORM}", name=PLATFORM, namespace="default")
    assert "are no managed resources" in refused


async def test_where_it_may_be_several_none_is_taken(agent: Hand) -> None:
    refused = await agent.refused("delete_managed_resource", kind="tape", name=CLUSTER)
    assert "2 kinds of managed resources are called tape; there are: tapes." in refused
    assert "kind: Tape" in await agent("get_managed_resource", kind=f"tapes.{CLUSTER}", name=CLUSTER)


@pytest.mark.requirement("machinery:path-round-trip")
async def test_a_name_reaches_nothing_but_its_object(agent: Hand) -> None:
    """Neither a subresource, nor another object below a namespace."""
    assert "is no name" in await agent.refused(
        "get_managed_resource", kind=f"tapes.{CLUSTER}", name=f"{CLUSTER}/status"
    )
