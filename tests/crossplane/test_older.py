"""The tools on real Crossplane 1.20, which many still run: what it has, they do, and what it lacks, they say."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fairlead.client.api import Client
from fairlead.mcp.named import catalog, rbac
from fairlead.resources.reading import Reader
from testenv.crossplane import FUNCTION
from testenv.crossplane import NAMESPACE as SYSTEM
from testenv.registry import Registry, metadata
from testenv.servers import RealCluster
from tests.crossplane.agents import Hand
from tests.crossplane.conftest import GROUP, NAMESPACE
from tests.crossplane.older import composite_of, pipeline
from tests.e2e import manifests, world
from tests.e2e.hands import Kubectl, Refused

Object = dict[str, Any]
pytestmark = [pytest.mark.anyio, pytest.mark.real]
SCHEMA = json.dumps({"properties": {"size": {"type": "string"}}, "required": ["size"]})
tools = pytest.mark.requirement("crossplane-older:tools")
understanding = pytest.mark.requirement("crossplane-older:understanding")


@tools
@understanding
async def test_a_platform_api_from_nothing_to_nothing(
    older: Hand, older_plane: Kubectl, unique: Callable[[str], str]
) -> None:
    group = f"{unique('made')}.example.org"
    name = f"xbuckets.{group}"
    wanted = {"group": group, "kind": "XBucket", "plural": "xbuckets"}
    assert "whose composites are cluster-scoped" in await older.refused("create_xrd", **wanted, scope="Namespaced")
    made = await older("create_xrd", **wanted, spec_schema=SCHEMA, claim_kind="Bucket")
    assert "state: healthy" in made
    assert "spec.scope" not in made
    kind = {"xr_api_version": f"{group}/v1alpha1", "xr_kind": "XBucket"}
    await older("create_composition", name=name, **kind, pipeline=pipeline())
    claim = {"apiVersion": f"{group}/v1alpha1", "kind": "Bucket", "metadata": {"name": "one", "namespace": NAMESPACE}}
    older_plane.apply(claim | {"spec": {"size": "small"}})
    composite_of(older_plane, "one", f"buckets.{group}")
    assert "lives by it: 1 Bucket, 1 XBucket, 1 ClusterRole" in await older("get_xrd", name=name)
    one = {"kind": f"buckets.{group}", "name": "one", "namespace": NAMESPACE}
    assert "3 objects, 0 in trouble" in await older("trace_resource", **one)
    assert "is healthy, and so are the 2 objects below it" in await older("diagnose_resource", **one)

    shown = await older("get_composition", name=name)
    assert "latest of 1 revisions" in shown
    assert "unknown" not in shown
    unhealthy = await older("list_unhealthy", scopes=["xrds", "composites", "claims"])
    assert group not in unhealthy
    assert "CompositionRevision" not in unhealthy

    larger = json.dumps({"properties": {"size": {"type": "string"}, "tier": {"type": "string"}}})
    assert "tier" in await older("update_xrd", name=name, spec_schema=larger)
    assert "spec.tier: string" in await older("describe_xrd_schema", kind=name)
    await older("delete_xrd", name=name)
    assert "goes with it: 1 Bucket, 1 XBucket, 1 ClusterRole" in older.talk.asked[-1]
    world.await_gone(older_plane, "xrd", name)
    await older("delete_composition", name=name)


@tools
@pytest.mark.requirement("crossplane-older:core")
async def test_what_is_wrong_is_refused_by_the_webhook(older: Hand, unique: Callable[[str], str]) -> None:
    """Crossplane renders the CRD and tries it out, before the XRD is there."""
    wanted = {"group": f"{unique('wrong')}.example.org", "kind": "XBox", "plural": "xboxes"}
    told = await older.refused("create_xrd", **wanted, spec_schema="{properties: {size: {type: colour}}}")
    assert "colour" in told
    assert "\n" not in told


@tools
@pytest.mark.requirement("crossplane-older:core")
async def test_a_usage_protects_a_composite(older: Hand, older_plane: Kubectl, unique: Callable[[str], str]) -> None:
    name = unique("kept")
    older_plane.apply(manifests.claim(name, NAMESPACE))
    composite = composite_of(older_plane, name, f"databases.{GROUP}")
    of = {"of_kind": f"xdatabases.{GROUP}"}
    refused = await older.refused(
        "create_usage", of_kind=f"databases.{GROUP}", of_name=name, namespace=NAMESPACE, reason="ours"
    )
    assert "Crossplane 1.x protects only what is in no namespace" in refused
    selector = f"crossplane.io/claim-name={name}"
    made = await older("create_usage", **of, of_label_selector=selector, name=name, reason="ours", wait_seconds=30)
    assert "created Usage" in made
    assert "healthy: Available" in made
    assert f"protects XDatabase/{composite}" in await older("list_usages", of_name=composite)
    assert "protected" in await older("get_usage", name=name)
    explained = await older("explain_deletion", kind=f"xdatabases.{GROUP}", name=composite)
    assert f"in use: Usage {name} protects XDatabase/{composite}: ours" in explained
    with pytest.raises(Refused, match=r"This resource is in-use by 1 Usage"):
        older_plane.run("delete", f"xdatabases.{GROUP}", composite)


@pytest.mark.requirement("crossplane-older:absent")
async def test_what_came_with_2_is_refused_in_one_line(older: Hand) -> None:
    run = {"name": "none", "pipeline": pipeline()}
    for tool, arguments in (
        ("list_operations", {}),
        ("get_operation_status", {"name": "none"}),
        ("create_operation", run),
        ("create_cron_operation", run | {"schedule": "0 3 * * 1"}),
    ):
        told = await older.refused(tool, **arguments)
        assert "they came with Crossplane 2" in told
        assert "\n" not in told


@tools
@understanding
async def test_shared_data_and_the_plane_at_a_glance(older: Hand, unique: Callable[[str], str]) -> None:
    name = unique("env")
    await older("create_environment_config", name=name, data="{region: eu}", labels=["tier=gold"])
    assert name in await older("list_environment_configs", label_selector="tier=gold")
    assert "region: eu" in await older("get_environment_config", name=name)
    told = await older("control_plane_status")
    assert "Crossplane: 1.x" in told
    assert "activation" not in told
    assert "not read" not in told
    claim = manifests.claim(unique("new"), NAMESPACE)
    assert "valid" in await older("validate_manifest", manifest=json.dumps(claim))
    claim["spec"]["size"] = "huge"
    assert "spec.size" in await older.refused("validate_manifest", manifest=json.dumps(claim))


async def diagnosed(older: Hand, plane: Kubectl, name: str, pipeline: list[Object]) -> str:
    """What is said of a claim that is composed so, once its composite has failed."""
    kind = {"xr_api_version": f"{GROUP}/v1alpha1", "xr_kind": "XDatabase"}
    await older("create_composition", name=name, **kind, pipeline=json.dumps(pipeline))
    plane.apply(manifests.claim(name, NAMESPACE, compositionRef={"name": name}))

    def told() -> None:
        selector = f"crossplane.io/claim-name={name}"
        if "ReconcileError" not in plane.run("get", f"xdatabases.{GROUP}", "-l", selector, "-o", "json"):
            raise Refused("its composite says nothing yet")

    world.eventually(told)
    return await older("diagnose_resource", kind=f"databases.{GROUP}", name=name, namespace=NAMESPACE)


@understanding
@pytest.mark.whole
async def test_what_ails_a_claim(older: Hand, older_plane: Kubectl, unique: Callable[[str], str]) -> None:
    """The composition asks for a function that nobody has; its revision says nothing of that here."""
    name = unique("ails")
    step = [{"step": "make", "functionRef": {"name": "function-nobody-has"}}]
    diagnosis = await diagnosed(older, older_plane, name, step)
    first = diagnosis.splitlines()[1]
    assert first.startswith("1. ")
    assert "function-nobody-has" in first


@understanding
@pytest.mark.whole
async def test_what_is_composed_in_a_namespace_is_said_to_be_the_cause(
    older: Hand, older_plane: Kubectl, unique: Callable[[str], str]
) -> None:
    """The function makes a ConfigMap, as long as it is given no wishes."""
    name = unique("inside")
    step = [{"step": "make", "functionRef": {"name": FUNCTION}}]
    diagnosis = await diagnosed(older, older_plane, name, step)
    assert "composes something that is in a namespace" in diagnosis.splitlines()[1]


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with Registry() as started:
        yield started


@tools
@understanding
@pytest.mark.whole
async def test_packages_come_and_go(
    older: Hand, registry: Registry, older_plane: Kubectl, unique: Callable[[str], str]
) -> None:
    name = unique("platform")
    group = f"{name}.example.org"
    package = registry.put(f"demo/{name}", "v1.0.0", [metadata("Configuration", name), manifests.xrd("Queue", group)])
    assert "state: healthy" in await older("install_configuration", package=package, wait_seconds=60)
    assert name in await older("list_configurations", limit=500)
    one = {"kind": "configurations.pkg.crossplane.io", "name": name}

    def established() -> None:
        older_plane.run("wait", "--for=condition=Offered", "--timeout=1s", f"xrd/xqueues.{group}")

    world.eventually(established)
    shown = await older("get_configuration", name=name)
    assert f"installed 1 CompositeResourceDefinition: xqueues.{group}" in shown
    assert "1 in all" in await older("list_configuration_revisions", configuration=name)
    assert f"Configuration/{name}  v1.0.0  True" in await older("trace_resource", **one)
    assert f"xqueues.{group}" in await older("list_xrds", limit=500)


@tools
@understanding
@pytest.mark.whole
async def test_a_provider_with_its_kinds(
    older: Hand, registry: Registry, older_plane: Kubectl, unique: Callable[[str], str]
) -> None:
    name = unique("provider-cloud")
    group = f"{name}.example.org"
    names = {"kind": "Disk", "listKind": "DiskList", "plural": "disks", "singular": "disk", "categories": ["managed"]}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "subresources": {"status": {}}, "schema": schema}
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"disks.{group}"},
        "spec": {"group": group, "names": names, "scope": "Cluster", "versions": [version]},
    }
    package = registry.put(f"demo/{name}", "v1.0.0", [metadata("Provider", name), crd])
    text = await older("install_provider", package=package, wait_seconds=3)
    assert "next: diagnose_resource" in text, "its keys are made by what runs it, and nothing does here"
    cause = await older("diagnose_resource", kind="providers.pkg.crossplane.io", name=name)
    assert f"{name}-tls-server" in cause
    keys = {"metadata": {"name": f"{name}-tls-server", "namespace": SYSTEM}, "stringData": {"tls.crt": "…"}}
    older_plane.apply({"apiVersion": "v1", "kind": "Secret"} | keys)

    def served() -> None:
        if "disks" not in older_plane.run("api-resources", "--api-group", group, "-o", "name"):
            raise Refused("its kind is not served yet")

    world.eventually(served)
    disk = {"apiVersion": f"{group}/v1", "kind": "Disk", "metadata": {"name": "one"}, "spec": {"forProvider": {}}}
    older_plane.apply(disk)
    assert name in await older("list_providers", limit=500)
    assert f"disks.{group}" in await older("get_provider", name=name)
    await older("uninstall_provider", name=name)
    assert "goes with it: 1 Disk" in older.talk.asked[-1]


@pytest.mark.requirement("crossplane-toolset:rights")
@pytest.mark.usefixtures("older_plane")
async def test_the_role_is_for_what_this_crossplane_has(older_server: RealCluster) -> None:
    async with Client.from_kubeconfig(older_server.cluster.kubeconfig) as client:
        kinds = await Reader(client).kinds()
    chosen = catalog.chosen(["crossplane"], catalog.toolsets())
    role = rbac.role("older", {"crossplane": chosen}, [each for one in chosen for each in one.tools], kinds)
    allowed = {(rule["apiGroups"][0], each): rule["verbs"] for rule in role["rules"] for each in rule["resources"]}
    assert "create" in allowed["apiextensions.crossplane.io", "usages"], "the only usages that there are"
    assert "create" in allowed["pkg.crossplane.io", "functions"]
    assert not any(group.startswith(("ops.", "protection.")) for group, _ in allowed)
    assert ("apiextensions.crossplane.io", "managedresourcedefinitions") not in allowed
