"""The 29 tools of the seed, each against real Crossplane: what they say is what the control plane then holds."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from fairlead.machinery.paths import Resource
from testenv.crossplane import FUNCTION, SERVER_KEYS
from testenv.registry import Registry, metadata
from testenv.servers import RealCluster
from tests.crossplane.agents import Hand, hand
from tests.crossplane.conftest import GROUP, NAMESPACE
from tests.e2e import manifests, world
from tests.e2e.hands import Kubectl, Refused

Object = dict[str, Any]
CONFIG_MAPS = Resource("", "v1", "configmaps")
pytestmark = [pytest.mark.anyio, pytest.mark.real, pytest.mark.requirement("crossplane-toolset:real")]
RUNTIME = {"tlsServerSecretName": SERVER_KEYS, "tlsClientSecretName": "crossplane-tls-client"}
"""What a controller of Deployments would write; there is none where runtimes are external."""
SCHEMA = json.dumps({"properties": {"size": {"type": "string"}}, "required": ["size"]})


@pytest.fixture
async def agent(plane: Kubectl, plane_server: RealCluster) -> AsyncIterator[Hand]:
    async with hand(plane_server.cluster.kubeconfig, "crossplane") as found:
        yield found


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with Registry() as running:
        yield running


def pipeline(**wanted: Any) -> str:
    step: Object = {"step": "make", "functionRef": {"name": FUNCTION}}
    step |= {"input": {"apiVersion": "testenv.fairlead.dev/v1", "kind": "Wishes", **wanted}} if wanted else {}
    return json.dumps([step])


async def test_a_platform_api_from_nothing_to_nothing(
    agent: Hand, plane: Kubectl, unique: Callable[[str], str]
) -> None:
    group = f"{unique('made')}.example.org"
    name = f"xbuckets.{group}"
    made = await agent(
        "create_xrd", group=group, kind="XBucket", plural="xbuckets", spec_schema=SCHEMA, claim_kind="Bucket"
    )
    assert "created CompositeResourceDefinition" in made
    assert "state: healthy" in made
    assert "is there already: healthy" in await agent.refused(
        "create_xrd", group=group, kind="XBucket", plural="xbuckets"
    )
    assert name in await agent("list_xrds", limit=500)

    composed = await agent(
        "create_composition", name=name, xr_api_version=f"{group}/v1alpha1", xr_kind="XBucket", pipeline=pipeline()
    )
    assert "created Composition" in composed
    shown = await agent("get_xrd", name=name)
    assert f"compositions: {name}" in shown
    assert "lives by it: nothing yet" in shown

    claim = {"apiVersion": f"{group}/v1alpha1", "kind": "Bucket", "metadata": {"name": "one", "namespace": NAMESPACE}}
    plane.apply(claim | {"spec": {"size": "small"}})
    plane.run("wait", "--for=condition=Ready", "--timeout=60s", "-n", NAMESPACE, f"buckets.{group}/one")
    assert "lives by it: 1 Bucket, 1 XBucket, 1 ConfigMap" in await agent("get_xrd", name=name)

    larger = json.dumps(
        {"properties": {"size": {"type": "string"}, "colour": {"type": "string"}}, "required": ["size"]}
    )
    changed = await agent("update_xrd", name=name, spec_schema=larger)
    assert "colour" in changed
    rehearsed = await agent("update_xrd", name=name, spec_schema=SCHEMA, dry_run=True)
    assert "live objects that have to fit it: 1 Bucket, 1 XBucket" in rehearsed
    fields = await agent("describe_xrd_schema", kind=name)
    assert "spec.colour: string" in fields

    assert "used by 1 XBucket that follow at once" in await agent("get_composition", name=name)
    await agent("delete_composition", name=name)
    assert "used by 1 XBucket" in agent.talk.asked[-1]
    await agent("delete_xrd", name=name)
    assert "goes with it: 1 Bucket, 1 XBucket, 1 ConfigMap" in agent.talk.asked[-1]
    world.await_gone(plane, "xrd", name)


async def test_wrong_definitions_are_refused_before_crossplane_sees_them(agent: Hand) -> None:
    mixed = await agent.refused("create_xrd", group="a.example.org", kind="Both", claim_kind="Both")
    assert "claim and composite have one kind" in mixed
    assert "a pipeline has 1 to 99 steps" in await agent.refused(
        "create_composition", name="none", xr_api_version="a/v1", xr_kind="A", pipeline="[]"
    )
    assert "lacks apiVersion and kind" in await agent.refused(
        "create_composition",
        name="none",
        xr_api_version="a/v1",
        xr_kind="A",
        pipeline=json.dumps([{"step": "a", "functionRef": {"name": "f"}, "input": {"data": 1}}]),
    )


@pytest.mark.whole
async def test_a_composition_and_its_history(agent: Hand, plane: Kubectl, unique: Callable[[str], str]) -> None:
    name = unique("history")
    missing = json.dumps([{"step": "make", "functionRef": {"name": "function-nobody-has"}}])
    kind = {"xr_api_version": f"{GROUP}/v1alpha1", "xr_kind": "Cache"}
    text = await agent("create_composition", name=name, **kind, pipeline=missing, dry_run=True)
    assert "the function function-nobody-has is not installed" in text
    await agent("create_composition", name=name, **kind, pipeline=pipeline())
    step = {"step": "more", "functionRef": {"name": FUNCTION}}
    changed = await agent("update_composition", name=name, upsert_steps=json.dumps([step]), step_order=["more", "make"])
    assert "changed Composition" in changed
    steps = json.loads(plane.run("get", "composition", name, "-o", "json"))["spec"]["pipeline"]
    assert [each["step"] for each in steps] == ["more", "make"]
    assert "has no step none" in await agent.refused("update_composition", name=name, remove_steps=["none"])

    def revised() -> None:
        if (
            plane.run(
                "get", "compositionrevisions", "-l", f"crossplane.io/composition-name={name}", "-o", "name"
            ).count("/")
            < 2
        ):
            raise Refused("one revision")

    world.eventually(revised)
    listed = await agent("list_composition_revisions", composition=name)
    assert "2 in all" in listed
    assert name in await agent("list_compositions", limit=500)
    assert "latest of 2 revisions" in await agent("get_composition", name=name)
    await agent("delete_composition", name=name)


@pytest.mark.whole
async def test_packages_come_and_go(agent: Hand, registry: Registry, unique: Callable[[str], str]) -> None:
    name = unique("platform")
    group = f"{name}.example.org"
    package = registry.put(f"demo/{name}", "v1.0.0", [metadata("Configuration", name), manifests.xrd("Queue", group)])
    installed = await agent("install_configuration", package=package, wait_seconds=60)
    assert f"created Configuration {name}" in installed
    assert "state: healthy" in installed
    again = await agent.refused("install_configuration", package=package)
    assert "is there already: healthy" in again
    assert name in await agent("list_configurations", limit=500)
    shown = await agent("get_configuration", name=name)
    assert f"installed 1 CompositeResourceDefinition: xqueues.{group}" in shown
    assert "1 in all" in await agent("list_configuration_revisions", configuration=name)
    twin = await agent.refused("install_configuration", package=package, name=unique("twin"))
    assert f"Configuration {name} has the same package already" in twin
    assert "it needs registry, repository and a tag" in await agent.refused("install_provider", package="provider-aws")


@pytest.mark.whole
async def test_a_provider_with_its_kinds(
    agent: Hand, registry: Registry, plane: Kubectl, unique: Callable[[str], str]
) -> None:
    name = unique("provider-cloud")
    group = f"{name}.example.org"
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"disks.{group}"},
        "spec": {
            "group": group,
            "names": {
                "kind": "Disk",
                "listKind": "DiskList",
                "plural": "disks",
                "singular": "disk",
                "categories": ["managed"],
            },
            "scope": "Cluster",
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                }
            ],
        },
    }
    package = registry.put(f"demo/{name}", "v1.0.0", [metadata("Provider", name), crd])
    text = await agent("install_provider", package=package, wait_seconds=3)
    assert f"created Provider {name}" in text
    assert "next: diagnose_resource" in text, "nothing runs it here, so it is not healthy"

    def under_way() -> None:
        revision = plane.run(
            "get", "providerrevisions", "-l", f"pkg.crossplane.io/package={name}", "-o", "name"
        ).strip()
        if not revision:
            raise Refused("no revision yet")
        plane.run("patch", revision, "--subresource=status", "--type=merge", "-p", json.dumps({"status": RUNTIME}))

    world.eventually(under_way)

    def served() -> None:
        if "disks" not in plane.run("api-resources", "--api-group", group, "-o", "name"):
            raise Refused("its kind is not served yet")

    world.eventually(served)
    plane.apply({"apiVersion": f"{group}/v1", "kind": "Disk", "metadata": {"name": "one"}, "spec": {"forProvider": {}}})
    assert name in await agent("list_providers", limit=500)
    shown = await agent("get_provider", name=name)
    assert f"disks.{group}" in shown
    cause = await agent("diagnose_resource", kind=f"disks.{group}", name="one")
    assert f"1. the provider {name}, which looks after Disk/one, is not well" in cause
    await agent("uninstall_provider", name=name)
    assert "goes with it: 1 Disk" in agent.talk.asked[-1]


async def test_environment_configs(agent: Hand, unique: Callable[[str], str]) -> None:
    name = unique("env")
    await agent("create_environment_config", name=name, data="{region: eu-west-1}", labels=["tier=gold"])
    assert "data is a mapping" in await agent.refused("create_environment_config", name=unique("env"), data="[1]")
    assert name in await agent("list_environment_configs", label_selector="tier=gold")
    assert "region: eu-west-1" in await agent("get_environment_config", name=name)


@pytest.mark.whole
async def test_operations_run_and_tell_how(agent: Hand, plane: Kubectl, unique: Callable[[str], str]) -> None:
    name = unique("op")
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": NAMESPACE}}
    text = await agent("create_operation", name=name, pipeline=pipeline(compose={"one": made}), wait_seconds=60)
    assert f"applied ConfigMap/{name} in {NAMESPACE}: healthy" in text
    status = await agent("get_operation_status", name=name)
    assert f"applied ConfigMap/{name} in {NAMESPACE}: healthy" in status
    assert "failures 0 of 5" in status
    await agent("create_operation", name=f"{name}-bad", pipeline=pipeline(fatal="no"), retry_limit=1, wait_seconds=0)

    def failed() -> None:
        if "PipelineError" not in plane.run("get", "operations.ops.crossplane.io", f"{name}-bad", "-o", "json"):
            raise Refused("it has not failed yet")

    world.eventually(failed)
    listed = await agent("list_operations", type="operation", limit=500)
    assert f"Operation/{name}-bad: unhealthy" in listed
    assert "is no schedule" in await agent.refused(
        "create_cron_operation", name=name, schedule="every day", pipeline=pipeline()
    )
    await agent("create_cron_operation", name=name, schedule="0 3 * * 1", pipeline=pipeline(compose={"one": made}))
    assert "0 3 * * 1" in await agent("list_operations", type="cron")
    assert "running: none" in await agent("get_operation_status", name=name, type="cron")


async def test_usages_protect_and_are_shown_before_a_deletion(
    agent: Hand, plane: Kubectl, unique: Callable[[str], str]
) -> None:
    name = unique("kept")
    for each in (name, f"{name}-2"):
        labelled = {"name": each, "namespace": NAMESPACE, "labels": {"set": name}}
        plane.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": labelled})
    several = await agent.refused(
        "create_usage", of_kind="configmap", of_label_selector=f"set={name}", namespace=NAMESPACE, reason="ours"
    )
    assert "2 configmaps match" in several
    assert f"{name}, {name}-2" in several
    assert "needs a reason or what uses it" in await agent.refused(
        "create_usage", of_kind="configmap", of_name=name, namespace=NAMESPACE
    )
    await agent(
        "create_usage", of_kind="configmap", of_name=name, namespace=NAMESPACE, reason="it is ours", wait_seconds=30
    )
    assert f"protects ConfigMap/{name}" in await agent("list_usages", of_kind="configmap", of_name=name, limit=500)
    shown = await agent("get_usage", name=f"{name}-usage", namespace=NAMESPACE)
    assert "protected" in shown
    assert "deletion was tried" not in shown
    explained = await agent("explain_deletion", kind="configmap", name=name, namespace=NAMESPACE)
    assert f"in use: Usage {name}-usage protects ConfigMap/{name} in {NAMESPACE}: it is ours" in explained
    kept = plane.get(CONFIG_MAPS, name, NAMESPACE)
    assert "usage.crossplane.io/deletion-attempt-with-policy" not in (kept["metadata"].get("annotations") or {})
