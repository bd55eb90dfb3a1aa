"""What the four further toolsets do on real Crossplane 1.20."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from testenv.crossplane import FUNCTION
from testenv.crossplane import NAMESPACE as SYSTEM
from testenv.registry import Registry, metadata
from tests.crossplane.agents import Hand
from tests.crossplane.conftest import GROUP, NAMESPACE
from tests.crossplane.older import composite_of, pipeline
from tests.e2e import manifests, world
from tests.e2e.hands import Kubectl

Object = dict[str, Any]
pytestmark = [pytest.mark.anyio, pytest.mark.real, pytest.mark.whole]
toolsets = pytest.mark.requirement("crossplane-older:toolsets")
CLAIMS = f"databases.{GROUP}"
SCHEMA = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}


@toolsets
async def test_a_claim_is_made_changed_paused_and_deleted(
    older: Hand, older_plane: Kubectl, unique: Callable[[str], str]
) -> None:
    name = unique("order")
    one = {"kind": CLAIMS, "name": name, "namespace": NAMESPACE}
    assert "state: healthy" in await older("create_composite", **one, spec="{size: small}", wait_seconds=60)
    composite = composite_of(older_plane, name, CLAIMS)
    shown = await older("get_composite", **one)
    assert "composition: xdatabase" in shown
    assert f"composite: XDatabase/{composite}, healthy" in shown
    assert "made of: 1 ClusterRole" in shown
    assert composite in await older("list_composites", kind=CLAIMS, limit=500)
    await older("update_composite", **one, set=["spec.size=large"])
    assert "+ spec.size: large" in older.talk.asked[-1]
    assert older_plane.get(manifests.DATABASES, name, NAMESPACE)["spec"]["size"] == "large"
    assert "Synced: ReconcilePaused" in await older("reconcile_resource", **one, action="pause")
    assert "state: healthy" in await older("reconcile_resource", **one, action="resume")
    asked = await older("reconcile_resource", **one, action="now")
    assert "no proof within" in asked, "1.20 leaves none, and the tool must not claim it"
    await older("delete_composite", **one, wait_seconds=30)
    assert "goes with it: 1 ClusterRole, 1 XDatabase" in older.talk.asked[-1]
    world.await_gone(older_plane, f"xdatabases.{GROUP}", composite)


@toolsets
async def test_a_composite_is_pinned_where_legacy_composites_keep_it(
    older: Hand, older_plane: Kubectl, unique: Callable[[str], str]
) -> None:
    name = unique("pinned")
    kind = {"xr_api_version": f"{GROUP}/v1alpha1", "xr_kind": "XDatabase"}
    await older("create_composition", name=name, **kind, pipeline=pipeline())
    one = {"kind": f"xdatabases.{GROUP}", "name": name}
    await older("create_composite", **one, spec="{size: small}", composition=name, wait_seconds=60)
    first = json.loads(older_plane.run("get", one["kind"], name, "-o", "json"))["spec"]["compositionRevisionRef"][
        "name"
    ]
    await older("update_composite", **one, revision=first)
    spec = json.loads(older_plane.run("get", one["kind"], name, "-o", "json"))["spec"]
    assert (spec["compositionUpdatePolicy"], spec["compositionRevisionRef"]["name"]) == ("Manual", first)
    more = json.dumps([{"step": "more", "functionRef": {"name": FUNCTION}}])
    await older("update_composition", name=name, upsert_steps=more)
    assert "1 that are pinned to a revision" in await older("get_composition", name=name)
    compared = await older("diff_composition_revisions", composition=name)
    assert f"+ step more ({FUNCTION})" in compared
    assert "revision 1; 1 composites are on it, 1 of them pinned" in compared


@pytest.mark.requirement("crossplane-older:absent")
async def test_kinds_of_crossplane_2_are_refused_in_one_line(older: Hand) -> None:
    names = {"names": ["disks.example.org"]}
    watch = {"name": "none", "watch_kind": "ConfigMap", "pipeline": pipeline()}
    for tool, arguments, said in (
        ("list_managed_resource_definitions", {}, "this Crossplane is a 1.x"),
        ("get_managed_resource_definition", {"name": "none"}, "this Crossplane is a 1.x"),
        ("activate_managed_resources", names, "this Crossplane is a 1.x"),
        ("list_activation_policies", {}, "this Crossplane is a 1.x"),
        ("set_activation_policy", {"name": "none", "patterns": ["*"]}, "this Crossplane is a 1.x"),
        ("delete_activation_policy", {"name": "none"}, "this Crossplane is a 1.x"),
        ("create_watch_operation", watch, "they came with Crossplane 2"),
        ("update_operation", {"name": "none", "type": "cron", "schedule": "@daily"}, "they came with Crossplane 2"),
        ("delete_operation", {"name": "none"}, "they came with Crossplane 2"),
        ("rerun_operation", {"name": "none"}, "they came with Crossplane 2"),
    ):
        told = await older.refused(tool, **arguments)
        assert said in told
        assert "\n" not in told


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with Registry() as started:
        yield started


@toolsets
async def test_the_life_of_a_package(
    older: Hand, registry: Registry, older_plane: Kubectl, unique: Callable[[str], str]
) -> None:
    name = unique("platform")
    meta = metadata("Configuration", name)
    for version, kind in (("v1.0.0", "Queue"), ("v1.1.0", "Topic")):
        package = registry.put(f"demo/{name}", version, [meta, manifests.xrd(kind, f"{name}.example.org")])
    one = {"kind": "configuration", "name": name}
    await older("install_configuration", package=package.replace("v1.1.0", "v1.0.0"), wait_seconds=60)
    upgraded = await older("upgrade_package", **one, version="v1.1.0", wait_seconds=60)
    assert "v1.0.0 → v1.1.0: a minor upgrade" in older.talk.asked[-1]
    assert "state: healthy" in upgraded
    assert "revision 2" in upgraded
    assert "2 in all" in await older("list_package_revisions", kind="configuration", package=name)
    assert f"Configuration {name} v1.1.0" in await older("get_package_lock")
    assert "state: healthy" in await older("rollback_package", **one, wait_seconds=60)
    await older("update_package_settings", **one, history_limit=3)
    found = json.loads(older_plane.run("get", "configurations.pkg.crossplane.io", name, "-o", "json"))
    assert (found["spec"]["package"].rpartition(":")[2], found["spec"]["revisionHistoryLimit"]) == ("v1.0.0", 3)
    await older("uninstall_package", **one)


@toolsets
async def test_a_function_and_a_managed_resource_without_definitions(
    older: Hand, registry: Registry, older_plane: Kubectl, unique: Callable[[str], str]
) -> None:
    """Whoever runs a package makes its keys; nobody does here, so the test makes those that have to be there."""
    function, provider = unique("function"), unique("provider")
    group = f"{provider}.example.org"
    for each in (function, provider):
        keys = {"metadata": {"name": f"{each}-tls-server", "namespace": SYSTEM}, "stringData": {"tls.crt": "…"}}
        older_plane.apply({"apiVersion": "v1", "kind": "Secret"} | keys)
    package = registry.put(f"demo/{function}", "v1.0.0", [metadata("Function", function)])
    assert "state: healthy" in await older("install_function", package=package, wait_seconds=60)
    assert function in await older("list_functions", limit=500)
    assert "nobody calls it" in await older("get_function", name=function)

    names = {"kind": "Disk", "listKind": "DiskList", "plural": "disks", "singular": "disk", "categories": ["managed"]}
    version = {"name": "v1", "served": True, "storage": True, "subresources": {"status": {}}, "schema": SCHEMA}
    crd: Object = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    spec = {"group": group, "names": names, "scope": "Cluster", "versions": [version]}
    crd |= {"metadata": {"name": f"disks.{group}"}, "spec": spec}
    package = registry.put(f"demo/{provider}", "v1.0.0", [metadata("Provider", provider), crd])
    assert "state: healthy" in await older("install_provider", package=package, wait_seconds=60)
    one = {"kind": f"disks.{group}", "name": "one"}
    await older("create_managed_resource", **one, for_provider="{size: 1}", wait_seconds=0)
    assert f"looked after by Provider/{provider}: healthy" in await older("get_managed_resource", **one)
    await older("set_management_policies", **one, preset="observe-only", wait_seconds=0)
    await older("delete_managed_resource", **one)
    assert "what it stands for outside stays" in older.talk.asked[-1]
    assert "1 Disk" not in await older("uninstall_package", kind="provider", name=provider)
