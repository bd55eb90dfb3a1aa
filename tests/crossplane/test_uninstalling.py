"""What goes with a package is all that any of its versions has brought, not only what the present one names."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fairlead.client.api import Client, Patch
from fairlead.client.targets import Cluster
from fairlead.embedded.cluster import EmbeddedCluster
from fairlead.embedded.simulator import crossplanekinds
from fairlead.machinery import encoding
from fairlead.machinery.paths import Resource
from tests.clusters import EMBEDDED_DATA
from tests.crossplane.agents import Hand, hand
from tests.e2e import manifests

Object = dict[str, Any]
pytestmark = [pytest.mark.anyio, pytest.mark.requirement("crossplane-packages:going")]
GROUP = "left.example.org"
CONFIGURATIONS = Resource("pkg.crossplane.io", "v1", "configurations", namespaced=False)
LOCKS = Resource("pkg.crossplane.io", "v1beta1", "locks", namespaced=False)
V1 = "pkg.crossplane.io/v1"
PROVIDERS = Resource("pkg.crossplane.io", "v1", "providers", namespaced=False)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with EmbeddedCluster("going", tmp_path) as running:
        async with Client.from_kubeconfig(running.kubeconfig) as client:
            for each in (encoding.from_yaml((EMBEDDED_DATA / "xrd_crd.yaml").read_bytes()), *crossplanekinds.crds()):
                await client.apply(manifests.CRDS, each, manager="tests")
        yield running


@pytest.fixture
async def client(server: Cluster) -> AsyncIterator[Client]:
    async with Client.from_kubeconfig(server.kubeconfig) as opened:
        yield opened


@pytest.fixture
async def agent(server: Cluster) -> AsyncIterator[Hand]:
    async with hand(server.kubeconfig, "crossplane", "crossplane-packages") as found:
        yield found


async def package(client: Client, resource: Resource, kind: str) -> Object:
    """The reference by which what it has brought names it as an owner."""
    made = {"apiVersion": "pkg.crossplane.io/v1", "kind": kind, "metadata": {"name": "one"}}
    spec = {"package": "r.example.org/one:v1.2.0"}
    found = await client.apply(resource, made | {"spec": spec}, manager="tests")
    return {"apiVersion": "pkg.crossplane.io/v1", "kind": kind, "name": "one", "uid": found["metadata"]["uid"]}


async def kind(client: Client, plural: str, name: str, owner: Object | None = None) -> None:
    """A kind whose objects have any fields, and one object of it."""
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1alpha1", "served": True, "storage": True, "schema": schema}
    spec = {"group": GROUP, "scope": "Cluster", "names": {"kind": name, "plural": plural}, "versions": [version]}
    metadata = {"name": f"{plural}.{GROUP}"} | ({"ownerReferences": [owner]} if owner else {})
    crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": metadata}
    await client.apply(manifests.CRDS, crd | {"spec": spec}, manager="tests")
    one = {"apiVersion": f"{GROUP}/v1alpha1", "kind": name, "metadata": {"name": "t1"}}
    await client.apply(Resource(GROUP, "v1alpha1", plural, namespaced=False), one, manager="tests")


async def test_what_only_a_pruned_version_of_a_configuration_brought_is_counted(agent: Hand, client: Client) -> None:
    """No revision names it any more: Crossplane has made the configuration itself its owner."""
    owner = await package(client, CONFIGURATIONS, "Configuration")
    xrd = manifests.namespaced_xrd("Topic", GROUP, api="v1")
    xrd["metadata"]["ownerReferences"] = [owner]
    await client.apply(manifests.XRDS, xrd, manager="tests")
    await kind(client, "topics", "Topic")
    told = await agent("uninstall_package", kind="configuration", name="one", dry_run=True)
    assert "goes with it: 1 Topic" in told
    assert f"its own that go: 1 CompositeResourceDefinition: topics.{GROUP}" in told
    assert "claims" not in told
    explained = await agent("explain_deletion", kind="configuration", name="one")
    assert "goes with it: 1 Topic" in explained


async def test_what_a_provider_has_brought_is_counted_without_its_bookkeeping(agent: Hand, client: Client) -> None:
    """Usages of configs are called by UIDs, and would stand before every VPC in the names of what goes."""
    owner = await package(client, PROVIDERS, "Provider")
    await kind(client, "vpcs", "VPC", owner)
    await kind(client, "providerconfigusages", "ProviderConfigUsage", owner)
    told = await agent("uninstall_provider", name="one", dry_run=True)
    assert "goes with it: 1 VPC\n" in told
    assert "by name: VPC/t1\n" in told
    assert f"vpcs.{GROUP}" in told


@pytest.mark.requirement("crossplane-packages:dependencies")
async def test_a_dependency_that_is_not_there_is_no_object_to_look_at(agent: Hand, client: Client) -> None:
    """The Lock knows it by its source alone, which is no name: asked for as one it would be another request."""
    source, needed = "r.example.org/one", "r.example.org:5000/none"
    await package(client, CONFIGURATIONS, "Configuration")
    status = {"currentRevision": "one-0123456789ab", "conditions": [unhealthy("Healthy")]}
    await client.patch(CONFIGURATIONS, "one", {"status": status}, subresource="status", kind=Patch.MERGE)
    needs = [{"package": needed, "kind": "Configuration", "apiVersion": V1, "constraints": ">=v1.0.0"}]
    locked = {"name": "one-0123456789ab", "kind": "Configuration", "source": source, "version": "v1.0.0"}
    lock = {"apiVersion": "pkg.crossplane.io/v1beta1", "kind": "Lock", "metadata": {"name": "lock"}}
    await client.apply(LOCKS, lock | {"packages": [locked | {"dependencies": needs}]}, manager="tests")
    told = await agent("diagnose_resource", kind="configuration", name="one")
    assert f"seen: Configuration one needs {needed} >=v1.0.0, which is not installed" in told
    assert f"Configuration/{needed} is" not in told
    assert "next: get_package_lock" in told
    assert f"name={needed}" not in told
    traced = await agent("trace_resource", kind="configuration", name="one")
    missing = next(each for each in traced.splitlines() if f"Configuration/{needed}" in each)
    assert "unhealthy: NotInstalled: no installed package has this source" in missing


def unhealthy(kind: str) -> Object:
    said = {"reason": "UnhealthyPackageRevision", "message": "cannot resolve package dependencies"}
    return {"type": kind, "status": "False", "lastTransitionTime": "2026-01-01T00:00:00Z", **said}
