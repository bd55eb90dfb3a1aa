"""The API calls that Argo CD, Flux and Helm make, made one by one: the tools themselves are not run here.

Each test follows one path of a tool's own source, named in it, and asserts what that path goes on to rely on. Real Helm
has tests of its own (`test_helm_claims.py`).
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import pytest

from fairlead.client.api import lines
from fairlead.connector import naming
from fairlead.machinery import encoding
from fairlead.machinery.paths import Resource
from tests.clusters import Pair
from tests.e2e import manifests, world
from tests.e2e.hands import DEADLINE, LAST_APPLIED, PATCHES, Plain, Refused
from tests.e2e.manifests import DATABASES, GROUP, Object
from tests.e2e.world import CLAIMS, CLUSTER_ID, World

TRACKING = "argocd.argoproj.io/tracking-id"
ARGO, FLUX, HELM = "argocd-controller", "kustomize-controller", "helm"
SET = {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
VOLATILE = ("managedFields", "resourceVersion", "generation", "creationTimestamp", "uid")
CONFIG_MAPS = Resource("", "v1", "configmaps")


real = pytest.mark.parametrize("pair", [pytest.param("real", marks=pytest.mark.real)], indirect=True, scope="session")
"""For what the embedded server lacks: a garbage collector, and the OpenAPI v2 documents of extension servers."""


@pytest.fixture
def app(pair: Pair, claims: World) -> Iterator[Plain]:
    with Plain.of(pair.app) as plain:
        yield plain


@pytest.fixture
def namespace(app: Plain, unique: Callable[[str], str]) -> str:
    name = unique("gitops")
    app.create(manifests.namespace(name))
    return name


def patch(app: Plain, manifest: Object, kind: str, body: Any, query: str = "") -> Object:
    metadata = manifest["metadata"]
    path = DATABASES.path(metadata["namespace"], metadata["name"])
    return app.send("PATCH", path, body, query=query, content_type=PATCHES[kind])


def apply(app: Plain, manifest: Object, manager: str, *options: str) -> Object:
    return patch(app, manifest, "apply", manifest, "&".join((f"fieldManager={manager}", "force=true", *options)))


def visible(obj: Object) -> Object:
    """What a tool compares: without what every write changes."""
    kept = {key: value for key, value in obj["metadata"].items() if key not in VOLATILE}
    return {**obj, "metadata": kept}


def follow(app: Plain, path: str, query: str, *words: str) -> str:
    """The first event of a watch that holds all of the words."""

    async def until() -> str:
        with anyio.fail_after(DEADLINE):
            async with app.client.connection.stream("GET", path, query=query) as stream:
                assert stream.status == 200
                async for line in lines(stream.chunks):
                    if all(word.encode() in line for word in words):
                        return line.decode()
        raise AssertionError(f"the watch ended without {words}")

    return app.portal.call(until)


def stored(claims: World, name: str, namespace: str) -> Object:
    backend = naming.Identity(CLUSTER_ID, namespace, name).backend()
    return claims.control_plane.get(DATABASES, backend, CLAIMS)


def watchable(app: Plain) -> list[tuple[str, str]]:
    """Path and kind of every resource that can be listed and watched, of each group in its preferred version."""
    versions = [each["preferredVersion"]["groupVersion"] for each in app.send("GET", "/apis")["groups"]]
    return [
        (f"/apis/{version}/{each['name']}", each["kind"])
        for version in versions
        for each in app.send("GET", f"/apis/{version}")["resources"]
        if {"list", "watch"} <= set(each["verbs"]) and "/" not in each["name"]
    ]


@pytest.mark.requirement("e2e:argo-cluster-cache")
def test_argo_reads_every_api_of_the_cluster_and_watches_on_from_there(app: Plain, namespace: str) -> None:
    """gitops-engine, pkg/cache/cluster.go: one list that fails makes every application Unknown."""
    for number in range(5):
        app.create(manifests.claim(f"orders-{number}", namespace))
    found = watchable(app)
    assert (DATABASES.path(), "Database") in found
    versions = {}
    for path, _ in found:
        versions[path] = app.send("GET", path, query="limit=500")["metadata"]["resourceVersion"]
    assert all(version not in ("", "0") for version in versions.values()), "RetryWatcher takes neither"

    app.patch(DATABASES, "orders-3", namespace, "merge", {"spec": {"size": "large"}})
    query = f"watch=true&allowWatchBookmarks=true&resourceVersion={versions[DATABASES.path()]}"
    event = json.loads(follow(app, DATABASES.path(), query, "orders-3", "large"))
    assert event["type"] == "MODIFIED"
    assert event["object"]["metadata"]["namespace"] == namespace


@pytest.mark.requirement("e2e:argo-cluster-cache")
def test_argo_pages_through_a_list(app: Plain, namespace: str) -> None:
    """The same, with a page of two instead of 500."""
    for number in range(5):
        app.create(manifests.claim(f"orders-{number}", namespace))
    names, token, versions = list[str](), "", set[str]()
    while True:
        page = app.send("GET", DATABASES.path(namespace), query=f"limit=2{token and '&continue=' + token}")
        assert len(page["items"]) <= 2
        names += [each["metadata"]["name"] for each in page["items"]]
        versions.add(page["metadata"]["resourceVersion"])
        if not (token := page["metadata"].get("continue", "")):
            break
    assert sorted(names) == [f"orders-{number}" for number in range(5)]
    assert len(versions) == 1, "all pages are of one moment"


@real
@pytest.mark.requirement("e2e:argo-openapi")
def test_argo_finds_the_kind_in_openapi(app: Plain) -> None:
    """gitops-engine, pkg/utils/kube/ctl.go: the schema decides how lists are merged in a diff."""
    kinds = [
        each
        for definition in app.send("GET", "/openapi/v2")["definitions"].values()
        for each in definition.get("x-kubernetes-group-version-kind", ())
    ]
    assert {"group": GROUP, "version": "v1alpha1", "kind": "Database"} in kinds


@pytest.mark.requirement("e2e:server-side-diff")
@pytest.mark.parametrize("manager", [ARGO, FLUX])
def test_a_dry_run_says_what_an_apply_would_do(app: Plain, namespace: str, claims: World, manager: str) -> None:
    """argo-cd: pkg/diff of gitops-engine with ServerSideDiff; fluxcd/pkg: ssa/manager_apply.go."""
    manifest = manifests.claim("orders", namespace)
    predicted = apply(app, manifest, manager, "dryRun=All")
    with pytest.raises(Refused, match="not found"):
        app.get(DATABASES, "orders", namespace)
    made = apply(app, manifest, manager)
    assert visible(predicted) == visible(made)
    assert (predicted["metadata"]["name"], predicted["metadata"]["namespace"]) == ("orders", namespace)
    assert [each["manager"] for each in predicted["metadata"]["managedFields"]] == [manager]

    changed = manifests.claim("orders", namespace, size="large")
    predicted = apply(app, changed, manager, "dryRun=All")
    assert predicted["spec"]["size"] == "large"
    assert app.get(DATABASES, "orders", namespace)["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    assert stored(claims, "orders", namespace)["spec"]["size"] == "small"
    assert visible(apply(app, changed, manager)) == visible(predicted)


@pytest.mark.requirement("e2e:server-side-diff")
@pytest.mark.parametrize("manager", [ARGO, FLUX])
def test_what_has_not_drifted_shows_no_difference_and_is_not_written(app: Plain, namespace: str, manager: str) -> None:
    manifest = manifests.claim("orders", namespace)
    made = apply(app, manifest, manager)
    assert apply(app, manifest, manager, "dryRun=All") == made
    assert apply(app, manifest, manager) == made, "an apply without effect is none"


@pytest.mark.requirement("e2e:server-side-diff")
def test_drift_is_seen_and_taken_back_by_force(app: Plain, namespace: str) -> None:
    manifest = manifests.claim("orders", namespace)
    apply(app, manifest, FLUX)
    app.patch(
        DATABASES, "orders", namespace, "merge", {"spec": {"size": "large"}, "metadata": {"labels": {"by": "me"}}}
    )
    live = app.get(DATABASES, "orders", namespace)
    predicted = apply(app, manifest, FLUX, "dryRun=All")
    assert visible(predicted) != visible(live)
    assert predicted["spec"]["size"] == "small"
    corrected = apply(app, manifest, FLUX)
    assert visible(corrected) == visible(predicted)
    assert corrected["metadata"]["labels"]["by"] == "me", "what another owns stays"
    other = manifests.claim("orders", namespace, size="large")
    with pytest.raises(Refused, match="conflict"):
        patch(app, other, "apply", other, "fieldManager=somebody")


@pytest.mark.requirement("e2e:argo-tracking")
def test_argo_knows_its_objects_by_their_annotation(app: Plain, namespace: str, claims: World) -> None:
    """The id names group, kind, namespace and name; an object that has another's id is not managed."""
    manifest = manifests.claim("orders", namespace)
    tracking = f"shop:{GROUP}/Database:{namespace}/orders"
    manifest["metadata"]["annotations"] = {TRACKING: tracking}
    apply(app, manifest, ARGO)
    items = app.send("GET", DATABASES.path(namespace))["items"]
    assert [each["metadata"]["annotations"][TRACKING] for each in items] == [tracking]
    found = items[0]["metadata"]
    assert tracking == f"shop:{GROUP}/{items[0]['kind']}:{found['namespace']}/{found['name']}"
    assert stored(claims, "orders", namespace)["metadata"]["annotations"][TRACKING] == tracking, (
        "it names no object there"
    )


@pytest.mark.requirement("e2e:argo-resource-tree")
def test_argo_hangs_what_a_claim_owns_below_it(app: Plain, namespace: str) -> None:
    """cluster.go again: children are found by the uid in their owner references."""
    made = app.send("POST", DATABASES.path(namespace), manifests.claim("orders", namespace))
    owner = {"apiVersion": made["apiVersion"], "kind": made["kind"], "name": "orders", "uid": made["metadata"]["uid"]}
    metadata = {"name": "child", "namespace": namespace, "ownerReferences": [owner]}
    app.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    listed = {each["metadata"]["uid"]: each for each in app.send("GET", DATABASES.path(namespace))["items"]}
    child = app.get(CONFIG_MAPS, "child", namespace)
    assert listed[child["metadata"]["ownerReferences"][0]["uid"]]["metadata"]["name"] == "orders"
    assert not any(each["metadata"].get("ownerReferences") for each in listed.values()), "a claim is a root here"


def prune(app: Plain, namespace: str, claims: World, propagation: str) -> None:
    version = app.send("GET", DATABASES.path(namespace))["metadata"]["resourceVersion"]
    made = app.send("POST", DATABASES.path(namespace), manifests.claim("orders", namespace))
    body = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": propagation,
        "preconditions": {"uid": made["metadata"]["uid"]},
    }
    app.send("DELETE", DATABASES.path(namespace, "orders"), body)
    event = follow(app, DATABASES.path(namespace), f"watch=true&resourceVersion={version}", '"DELETED"', '"orders"')
    assert json.loads(event)["object"]["metadata"]["uid"] == made["metadata"]["uid"]
    with pytest.raises(Refused, match="not found"):
        stored(claims, "orders", namespace)


@pytest.mark.requirement("e2e:prune")
def test_flux_and_helm_prune_in_the_background(app: Plain, namespace: str, claims: World) -> None:
    prune(app, namespace, claims, "Background")


@real
@pytest.mark.requirement("e2e:prune")
def test_argo_prunes_in_the_foreground_unless_told_otherwise(app: Plain, namespace: str, claims: World) -> None:
    prune(app, namespace, claims, "Foreground")


@pytest.mark.requirement("e2e:flux-field-ownership")
def test_flux_takes_fields_over_from_kubectl(app: Plain, namespace: str) -> None:
    """fluxcd/pkg, ssa: a JSON patch of managedFields with the resourceVersion, before the first apply."""
    manifest = manifests.claim("orders", namespace, tags=["a"])
    app.apply(manifest)
    live = app.get(DATABASES, "orders", namespace)
    kept = [{**each, "manager": FLUX, "operation": "Apply"} for each in live["metadata"]["managedFields"][:1]]
    operations = [
        {"op": "replace", "path": "/metadata/managedFields", "value": kept},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]},
    ]
    patched = patch(app, manifest, "json", operations, f"fieldManager={FLUX}")
    assert [each["manager"] for each in patched["metadata"]["managedFields"]] == [FLUX]
    applied = apply(app, manifests.claim("orders", namespace), FLUX)
    assert "tags" not in applied["spec"], "what it owned and no longer applies is removed"
    with pytest.raises(Refused, match=r"Conflict|modified"):
        patch(app, manifest, "json", operations, f"fieldManager={FLUX}")


@pytest.mark.requirement("e2e:flux-health")
def test_flux_waits_for_the_condition_of_the_generation_that_it_applied(
    app: Plain, namespace: str, claims: World
) -> None:
    """kstatus: a status that is of an older generation is not believed; then the condition Ready counts."""
    made = apply(app, manifests.claim("orders", namespace), FLUX)
    condition = {"type": "Ready", "reason": "Available", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    for status in ("False", "True"):
        conditions = [{**condition, "status": status, "observedGeneration": made["metadata"]["generation"]}]
        backend = naming.Identity(CLUSTER_ID, namespace, "orders").backend()
        claims.control_plane.status(DATABASES, backend, CLAIMS, {"conditions": conditions})
        live = app.get(DATABASES, "orders", namespace)
        assert live["metadata"]["generation"] == made["metadata"]["generation"], "a status is no new generation"
        assert [(each["type"], each["status"]) for each in live["status"]["conditions"]] == [("Ready", status)]
    changed = apply(app, manifests.claim("orders", namespace, size="large"), FLUX)
    assert changed["metadata"]["generation"] == made["metadata"]["generation"] + 1


@pytest.mark.requirement("e2e:flux-garbage-collection")
def test_flux_deletes_only_what_still_carries_its_labels(app: Plain, namespace: str) -> None:
    """fluxcd/pkg, ssa/manager_delete.go: a GET, a look at the labels, a DELETE."""
    for name, labels in (("mine", SET), ("adopted", {})):
        manifest = manifests.claim(name, namespace)
        manifest["metadata"]["labels"] = labels
        apply(app, manifest, FLUX)
    selector = ",".join(f"{key}%3D{value}" for key, value in SET.items())
    listed = app.send("GET", DATABASES.path(namespace), query=f"labelSelector={selector}")["items"]
    assert [each["metadata"]["name"] for each in listed] == ["mine"]
    assert SET.items() <= app.get(DATABASES, "mine", namespace)["metadata"]["labels"].items()
    assert not app.get(DATABASES, "adopted", namespace)["metadata"].get("labels")
    app.send("DELETE", DATABASES.path(namespace, "mine"))
    world.eventually(lambda: world.absent("mine", dict.fromkeys(app.names(DATABASES, namespace))))
    with pytest.raises(Refused, match="not found"):
        app.send("DELETE", DATABASES.path(namespace, "mine"))


@pytest.mark.requirement("e2e:three-way-merge")
def test_a_three_way_merge_removes_what_left_the_manifest_and_keeps_what_others_added(
    app: Plain, namespace: str
) -> None:
    """Argo CD without ServerSideApply, as kubectl: for a custom resource it is a JSON merge patch with nulls."""
    manifest = manifests.claim("orders", namespace, tags=["a"])
    app.apply(manifest)
    app.patch(DATABASES, "orders", namespace, "merge", {"metadata": {"labels": {"by": "another"}}})
    later = manifests.claim("orders", namespace, size="large")
    written = json.dumps(later)
    merge = {"metadata": {"annotations": {LAST_APPLIED: written}}, "spec": {"size": "large", "tags": None}}
    patched = patch(app, later, "merge", merge, "fieldManager=argocd-controller")
    assert patched["spec"]["size"] == "large"
    assert "tags" not in patched["spec"]
    assert patched["metadata"]["labels"] == {"team": "shop", "by": "another"}
    assert encoding.from_json(patched["metadata"]["annotations"][LAST_APPLIED].encode()) == later


@pytest.mark.requirement("e2e:helm-patches")
def test_helm_patches_and_applies_strictly(app: Plain, namespace: str) -> None:
    """Helm 3: a JSON merge patch of what changed between two charts. Helm 4: server-side apply, validated strictly."""
    owned = {"meta.helm.sh/release-name": "orders", "meta.helm.sh/release-namespace": namespace}
    manifest = manifests.claim("orders", namespace)
    manifest["metadata"]["labels"]["app.kubernetes.io/managed-by"] = "Helm"
    manifest["metadata"]["annotations"] = owned
    app.send("POST", DATABASES.path(namespace), manifest, query=f"fieldManager={HELM}")
    patched = patch(app, manifest, "merge", {"spec": {"size": "large"}}, f"fieldManager={HELM}")
    assert patched["spec"]["size"] == "large"
    assert patched["metadata"]["annotations"].items() >= owned.items()

    strict = "fieldValidation=Strict"
    assert apply(app, manifest, HELM, strict)["spec"]["size"] == "small"
    mistaken = manifests.claim("orders", namespace, sise="small")
    with pytest.raises(Refused, match=r"spec\.sise"):
        apply(app, mistaken, HELM, strict)
