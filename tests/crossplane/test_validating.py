"""What a manifest leans on is looked for where Crossplane looks for it."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from fairlead.client.api import Client
from fairlead.crossplane import building, xrds
from fairlead.crossplane.defining import authoring, validating
from fairlead.crossplane.understanding.diagnosing import diagnose
from fairlead.machinery import statuses
from fairlead.machinery.conditions import condition
from fairlead.machinery.paths import Resource
from fairlead.resources.reading import Reader
from tests.clusters import ApiServer, embedded
from tests.crossplane.agents import hand

Object = dict[str, Any]
CRDS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", namespaced=False)
NAMESPACE = "default"
OPEN = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """Of their own: it serves kinds of Crossplane's, which other tests find absent."""
    with embedded(tmp_path_factory.mktemp("leaning")) as pair:
        yield pair.app_server


@pytest.fixture
async def client(server: ApiServer) -> AsyncIterator[Client]:
    async with server.cluster.open() as client:
        for kind in ("Composition", xrds.KIND):
            with suppress(statuses.AlreadyExists):
                await client.create(CRDS, crd(xrds.GROUP, kind, namespaced=False))
        yield client


def crd(group: str, kind: str, *, namespaced: bool = True, **names: Any) -> Object:
    plural = f"{kind.lower()}s"
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": OPEN}}
    spec = {
        "group": group,
        "scope": "Namespaced" if namespaced else "Cluster",
        "names": {"kind": kind, "plural": plural, **names},
        "versions": [version],
    }
    metadata = {"name": f"{plural}.{group}"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": metadata,
        "spec": spec,
    }


async def warnings(client: Client, manifest: Object) -> tuple[str, ...]:
    [found] = await validating.validate(Reader(client), [manifest], NAMESPACE, tries=False)
    assert found.status == validating.VALID, found
    return found.warnings


@pytest.mark.requirement("crossplane-understanding:validation")
async def test_a_config_is_looked_for_in_the_namespace_that_the_resource_would_get(
    client: Client, unique: Callable[[str], str]
) -> None:
    group = f"{unique('cloud')}.example.org"
    for each in (crd(group, "Bucket", categories=["managed"]), crd(group, "ProviderConfig")):
        await client.create(CRDS, each)
    bucket: Object = {"apiVersion": f"{group}/v1", "kind": "Bucket", "metadata": {"name": "one"}}
    bucket["spec"] = {"providerConfigRef": {"kind": "ProviderConfig", "name": "ours"}}
    assert await warnings(client, bucket) == ("the ProviderConfig ours does not exist",)
    config = {"apiVersion": f"{group}/v1", "kind": "ProviderConfig", "metadata": {"name": "ours"}}
    await client.create(Resource(group, "v1", "providerconfigs"), config, NAMESPACE)
    assert await warnings(client, bucket) == ()


@pytest.mark.requirement("crossplane-understanding:validation")
async def test_a_config_is_of_a_provider_whose_domain_it_has_whole(
    client: Client, unique: Callable[[str], str]
) -> None:
    group = f"{unique('cloud')}.example.org"
    for each in (crd(group, "Bucket", categories=["managed"]), crd(group[1:], "ProviderConfig")):
        await client.create(CRDS, each)
    bucket: Object = {"apiVersion": f"{group}/v1", "kind": "Bucket", "metadata": {"name": "one"}}
    bucket["spec"] = {"providerConfigRef": {"kind": "ProviderConfig", "name": "ours"}}
    assert await warnings(client, bucket) == (), "its provider has no configs that are known by their names"


@pytest.mark.requirement("crossplane-pains:next-calls")
async def test_a_config_that_is_not_there_is_looked_for_in_the_group_of_its_provider(
    client: Client, unique: Callable[[str], str]
) -> None:
    """A family of providers has one kind of config, in a group and a version of its own."""
    family = f"{unique('family')}.example.org"
    config = crd(family, "ProviderConfig", namespaced=False)
    config["spec"]["versions"][0]["name"] = "v1beta1"
    for each in (crd(f"s3.{family}", "Bucket", namespaced=False, categories=["managed"]), config):
        await client.create(CRDS, each)
    said = 'connect failed: cannot get ProviderConfig: ProviderConfig "ours" not found'
    bucket: Object = {"apiVersion": f"s3.{family}/v1", "kind": "Bucket", "metadata": {"name": "one"}}
    bucket["spec"] = {"forProvider": {}, "providerConfigRef": {"name": "ours"}}
    bucket["status"] = {"conditions": [condition("Synced", "False", "ReconcileError", "2026-01-01T00:00:00Z", said)]}
    await client.create(Resource(f"s3.{family}", "v1", "buckets", namespaced=False), bucket)
    reader = Reader(client)
    found = await diagnose(reader, await reader.kind(f"buckets.s3.{family}"), "one")
    [cause] = [each for each in found.causes if each.name == "provider-config"]
    assert cause.next is not None
    assert cause.next.command == f"kubectl get ProviderConfig.{family}"


@pytest.mark.requirement("crossplane-understanding:validation")
async def test_a_composition_of_another_group_is_for_another_kind(client: Client, unique: Callable[[str], str]) -> None:
    group, other = (f"{unique(each)}.example.org" for each in ("ours", "theirs"))
    await client.create(CRDS, crd(group, "Shelf", categories=["composite"]))
    shelf = {"apiVersion": f"{group}/v1", "kind": "Shelf", "metadata": {"name": "one"}, "spec": {}}
    compositions = Resource(xrds.GROUP, "v1", "compositions", namespaced=False)
    for whose in (other, group):
        made: Object = {"apiVersion": "apiextensions.crossplane.io/v1", "kind": "Composition"}
        made |= {
            "metadata": {"name": whose},
            "spec": {"compositeTypeRef": {"apiVersion": f"{whose}/v1", "kind": "Shelf"}},
        }
        await client.create(compositions, made)
        found = await warnings(client, shelf)
        assert found == (() if whose == group else ("no composition is for Shelf, so nothing would come of it",))


@pytest.mark.requirement("crossplane-composites:definitions")
async def test_an_xrd_that_lost_its_referenceable_version_can_be_mended(
    server: ApiServer, client: Client, unique: Callable[[str], str]
) -> None:
    """The API server takes such an XRD; its CRD and its objects are those of before."""
    group = f"{unique('lost')}.example.org"
    await client.create(CRDS, crd(group, "Jar"))
    jar = {"apiVersion": f"{group}/v1", "kind": "Jar", "metadata": {"name": "one"}, "spec": {"size": "big"}}
    await client.create(Resource(group, "v1", "jars"), jar, NAMESPACE)

    def xrd(size: Object, *, referenceable: bool) -> Object:
        spec = {"type": "object", "properties": {"size": size}}
        schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
        version = {"name": "v1", "served": True, "referenceable": referenceable, "schema": schema}
        names = {"kind": "Jar", "plural": "jars"}
        return {
            "apiVersion": f"{xrds.GROUP}/v1",
            "kind": "CompositeResourceDefinition",
            "metadata": {"name": f"jars.{group}"},
            "spec": {"group": group, "names": names, "versions": [version]},
        }

    before = xrd({"type": "string"}, referenceable=False)
    assert await authoring.outlook(Reader(client), before, xrd({"type": "string"}, referenceable=True)) == []
    [line] = await authoring.outlook(Reader(client), before, xrd({"type": "integer"}, referenceable=True))
    assert line.startswith("1 of 1 Jar would be refused: spec.size: ")
    await client.create(xrds.V1, before)
    async with hand(server.cluster.kubeconfig, "crossplane") as agent:
        mended = {"name": f"jars.{group}", "version": "v1", "referenceable": True, "wait_seconds": 0}
        assert "changed CompositeResourceDefinition" in await agent("update_xrd", **mended)
    [version] = (await client.get(xrds.V1, f"jars.{group}"))["spec"]["versions"]
    assert version["referenceable"]


@pytest.mark.requirement("crossplane-understanding:validation")
async def test_what_crossplane_alone_would_refuse_is_invalid(client: Client, unique: Callable[[str], str]) -> None:
    with suppress(statuses.AlreadyExists):
        cron = crd("ops.crossplane.io", "CronOperation", namespaced=False)
        cron["spec"]["versions"][0]["name"] = "v1alpha1"
        await client.create(CRDS, cron)
    group, step = f"{unique('late')}.example.org", [{"step": "make", "functionRef": {"name": "f"}}]
    definition = building.xrd(group, "Jar", "jars", {"properties": {"size": {"type": "text"}}}, has_v2=False)
    runs = building.cron_operation("nightly", "@daily", step)
    verdicts = await validating.validate(Reader(client), [definition, runs], tries=True)
    assert [each.status for each in verdicts] == [validating.INVALID, validating.VALID]
    assert "spec.size has the type text" in verdicts[0].errors[0][1]
    never = {**runs, "spec": {**runs["spec"], "schedule": "0 0 31 2 *"}}
    [found] = await validating.validate(Reader(client), [never], tries=True)
    assert "is never due" in found.errors[0][1]


@pytest.mark.requirement("crossplane-understanding:validation")
@pytest.mark.parametrize(
    ("why", "status", "said"),
    [
        (
            'User "dev" cannot get resource "jars" in API group "a.b" in the namespace "default"',
            "valid",
            "may not read",
        ),
        ('jars.a.b "one" is forbidden: exceeded quota: few, requested: 1, used: 3, limited: 3', "invalid", "quota"),
        ('admission webhook "rules.a.b" denied the request: no', "invalid", "denied the request"),
    ],
)
async def test_a_missing_right_says_nothing_of_the_manifest_and_a_denial_does(
    client: Client, unique: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, why: str, status: str, said: str
) -> None:
    group = f"{unique('closed')}.example.org"
    await client.create(CRDS, crd(group, "Jar"))
    manifest = {"apiVersion": f"{group}/v1", "kind": "Jar", "metadata": {"name": "one"}, "spec": {}}
    request = client.connection.request

    async def refused(method: str, path: str, **more: Any) -> Any:
        if "/jars" in path:
            raise statuses.Forbidden(why)
        return await request(method, path, **more)

    monkeypatch.setattr(client.connection, "request", refused)
    [found] = await validating.validate(Reader(client), [manifest], NAMESPACE, tries=True)
    assert found.status == status
    assert said in " ".join((*found.unchecked, *(message for _, message in found.errors)))
