"""The last resort: taken where nobody else can do it any more, refused with the better way where somebody can."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fairlead.crossplane.understanding.causes import OF_CLAIMS
from fairlead.crossplane.upkeep import finalizing
from fairlead.crossplane.upkeep.finalizing import GuardedError, Remover, Situation
from tests.crossplane.agents import Hand
from tests.crossplane.conftest import GROUP, NAMESPACE
from tests.e2e import manifests, world
from tests.e2e.hands import Kubectl, Refused

Object = dict[str, Any]
pytestmark = [pytest.mark.anyio, pytest.mark.requirement("crossplane-operations:finalizers")]
real = pytest.mark.real
MINE = "example.org/hold"
MANAGED_GROUP = "finalizing.example.org"
BUCKETS = f"vats.{MANAGED_GROUP}"


@pytest.fixture
def managed(plane: Kubectl, unique: Callable[[str], str]) -> str:
    """A managed resource whose provider was uninstalled, as a deletion finds it: its finalizer is nobody's."""
    names = {"kind": "Vat", "plural": "vats", "categories": ["managed"]}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema, "subresources": {"status": {}}}
    spec = {"group": MANAGED_GROUP, "scope": "Cluster", "names": names, "versions": [version]}
    crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": BUCKETS}}
    plane.apply(crd | {"spec": spec})
    plane.run("wait", "--for=condition=Established", "--timeout=30s", f"crd/{BUCKETS}")
    name = unique("vat")
    metadata = {"name": name, "annotations": {"crossplane.io/external-name": f"outside-{name}"}}
    metadata["finalizers"] = [finalizing.MANAGED, MINE]
    plane.apply({"apiVersion": f"{MANAGED_GROUP}/v1", "kind": "Vat", "metadata": metadata, "spec": {"forProvider": {}}})
    return name


@real
async def test_a_managed_resource_without_a_provider_is_let_go(agent: Hand, plane: Kubectl, managed: str) -> None:
    one = {"kind": BUCKETS, "name": managed}
    alive = await agent.refused("remove_finalizer", **one, finalizer=finalizing.MANAGED)
    assert "is not being deleted" in alive
    plane.run("delete", BUCKETS, managed, "--wait=false")
    other = await agent.refused("remove_finalizer", **one, finalizer="example.org/other")
    assert f"there are: {finalizing.MANAGED}, {MINE}" in other

    told = await agent("remove_finalizer", **one, finalizer=finalizing.MANAGED)
    assert f"in nobody's hands: outside-{managed}" in agent.talk.asked[-1]
    assert "no provider's package looks after its kind" in agent.talk.asked[-1]
    assert f"still held by {MINE}" in agent.talk.asked[-1]
    assert f"held by {MINE}" in told
    last = await agent("remove_finalizer", **one, finalizer=MINE)
    assert "nobody here knows who put it there" in agent.talk.asked[-1]
    assert f"Vat {managed} is gone" in last
    assert managed not in plane.run("get", BUCKETS, "-o", "name")


@real
@pytest.mark.whole
async def test_what_waits_for_something_below_is_not_let_go(
    agent: Hand, plane: Kubectl, unique: Callable[[str], str]
) -> None:
    name = unique("waits")
    claim = manifests.claim(name, NAMESPACE)
    claim["spec"]["compositeDeletePolicy"] = "Foreground"
    plane.apply(claim)
    plane.run("wait", "--for=condition=Ready", "--timeout=60s", "-n", NAMESPACE, f"databases.{GROUP}/{name}")
    composite = plane.get(manifests.DATABASES, name, NAMESPACE)["spec"]["resourceRef"]["name"]
    known = json.loads(plane.run("get", "xdatabase", composite, "-o", "json"))["metadata"].get("finalizers") or []
    held = {"metadata": {"finalizers": [*known, MINE]}}
    plane.run("patch", "xdatabase", composite, "--type=merge", "-p", json.dumps(held))
    one = {"kind": "database", "name": name, "namespace": NAMESPACE}
    await agent("reconcile_resource", **one, action="pause", wait_seconds=20)
    plane.run("delete", f"databases.{GROUP}", name, "-n", NAMESPACE, "--wait=false")
    paused = await agent.refused("remove_finalizer", **one, finalizer=OF_CLAIMS)
    assert "reconcile_resource action=resume lets it go" in paused
    await agent("reconcile_resource", **one, action="resume", wait_seconds=20)

    def held_alone() -> None:
        metadata = json.loads(plane.run("get", "xdatabase", composite, "-o", "json"))["metadata"]
        if not metadata.get("deletionTimestamp") or "composite.apiextensions.crossplane.io" in metadata["finalizers"]:
            raise Refused(f"{composite} has {metadata['finalizers']}")

    world.eventually(held_alone)
    waits = await agent.refused("remove_finalizer", **one, finalizer=OF_CLAIMS)
    assert f"still there: XDatabase/{composite}" in waits
    below = {"kind": f"xdatabases.{GROUP}", "name": composite}
    await agent("remove_finalizer", **below, finalizer=MINE)
    world.await_gone(plane, manifests.DATABASES.qualified, name, "-n", NAMESPACE)


NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ALIVE, GONE = Remover("the provider p", alive=True), Remover("its provider", alive=False, how="it is gone")


def deleting(finalizer: str, seconds: int = 3600, **metadata: Any) -> Object:
    began = (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    found = {"name": "one", "deletionTimestamp": began, "finalizers": [finalizer], **metadata}
    return {"apiVersion": "s3.example.org/v1", "kind": "Bucket", "metadata": found, "spec": {"forProvider": {}}}


@pytest.mark.parametrize(
    ("finalizer", "remover", "seconds", "left", "complaints", "refusal"),
    [
        (finalizing.MANAGED, GONE, 1, (), (), ""),
        (finalizing.MANAGED, ALIVE, 30, (), ("cannot delete",), "is being deleted for 30 s"),
        (finalizing.MANAGED, ALIVE, 3600, (), (), "complains of nothing"),
        (finalizing.MANAGED, ALIVE, 3600, (), ("cannot delete",), ""),
        (finalizing.CONFIG, GONE, 3600, ("Bucket/a",), (), "still there: Bucket/a"),
        (finalizing.CONFIG, GONE, 3600, (), (), ""),
        (finalizing.WATCH, ALIVE, 30, (), (), "is being deleted for 30 s"),
        (finalizing.WATCH, ALIVE, 3600, (), (), ""),
        (finalizing.DEFINED[0], ALIVE, 3600, ("2 XBucket",), (), "still there: 2 XBucket"),
    ],
)
def test_it_is_refused_while_somebody_else_can(
    finalizer: str, remover: Remover, seconds: int, left: tuple[str, ...], complaints: tuple[str, ...], refusal: str
) -> None:
    found = Situation(deleting(finalizer, seconds), finalizer, remover, left, complaints)
    if refusal:
        with pytest.raises(GuardedError, match=refusal):
            finalizing.judged(found, NOW)
    else:
        finalizing.judged(found, NOW)
    said = finalizing.notes(found)
    assert said[0].startswith("lost by it: ")
    assert "the object is gone then" in said
    assert finalizing.patch(found.obj, finalizer) == {"metadata": {"finalizers": []}}


@pytest.mark.parametrize("finalizer", ["foregroundDeletion", "customresourcecleanup.apiextensions.k8s.io"])
def test_those_of_kubernetes_are_let_be(finalizer: str) -> None:
    with pytest.raises(GuardedError, match="none of Crossplane's"):
        finalizing.check(deleting(finalizer), finalizer)


def test_what_is_to_stay_outside_leaks_nothing() -> None:
    kept = deleting(finalizing.MANAGED)
    kept["spec"]["deletionPolicy"] = "Orphan"
    assert Situation(kept, finalizing.MANAGED, GONE).leak.startswith("nothing")
