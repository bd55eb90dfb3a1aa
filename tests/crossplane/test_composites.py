"""Claims and composites on real Crossplane: ordered, listed, changed, pinned to revisions, deleted."""

import json
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import pytest

from fairlead.machinery.paths import Resource
from testenv.crossplane import FUNCTION, composition
from testenv.servers import RealCluster
from tests.crossplane.agents import Hand, hand
from tests.crossplane.conftest import NAMESPACE
from tests.crossplane.older import pipeline as older_pipeline
from tests.e2e import manifests, world
from tests.e2e.hands import Kubectl, Refused

Object = dict[str, Any]
pytestmark = [pytest.mark.anyio, pytest.mark.real]
orders = pytest.mark.requirement("crossplane-composites:orders")
changes = pytest.mark.requirement("crossplane-composites:changes")
deletions = pytest.mark.requirement("crossplane-composites:deletions")
GROUP = "orders.example.org"
ORDERS, PARCELS = (Resource(GROUP, "v1alpha1", each) for each in ("orders", "parcels"))
XRDS = (manifests.xrd("Order", GROUP), manifests.namespaced_xrd("Parcel", GROUP))


@pytest.fixture(scope="module")
def platform(plane: Kubectl) -> None:
    """Kinds of its own: a composition more is one that anybody's claim might take."""
    for xrd in XRDS:
        plane.apply(xrd)
    for kind in ("XOrder", "Parcel"):
        plane.apply(composition(kind, f"{GROUP}/v1alpha1"))
    for resource in (ORDERS, PARCELS):
        world.eventually(partial(plane.names, resource, NAMESPACE))


@pytest.fixture
async def agent(plane: Kubectl, plane_server: RealCluster, platform: None) -> AsyncIterator[Hand]:
    async with hand(plane_server.cluster.kubeconfig, "crossplane", "crossplane-resources") as found:
        yield found


@pytest.fixture
def name(unique: Callable[[str], str]) -> str:
    return unique("order")


@orders
async def test_a_claim_is_ordered_and_shown_with_what_it_is_made_of(agent: Hand, plane: Kubectl, name: str) -> None:
    claim: Object = {"kind": "order", "name": name, "namespace": NAMESPACE}
    made = await agent(
        "create_composite",
        **claim,
        spec="{size: small, tags: [a]}",
        composition="xorder",
        connection_secret=f"{name}-conn",
        delete_policy="Foreground",
        labels=[f"set={name}"],
        wait_seconds=60,
    )
    assert f"created Order {name} in namespace {NAMESPACE}" in made
    assert "state: healthy" in made
    spec = plane.get(ORDERS, name, NAMESPACE)["spec"]
    assert spec["compositionRef"] == {"name": "xorder"}
    assert spec["writeConnectionSecretToRef"] == {"name": f"{name}-conn"}
    assert spec["compositeDeletePolicy"] == "Foreground"
    assert f"Order {name} in namespace {NAMESPACE} is there already: healthy" in await agent.refused(
        "create_composite", **claim, spec="size: small"
    )

    shown = await agent("get_composite", **claim)
    composite = spec["resourceRef"]["name"]
    assert f"composite: XOrder/{composite}, healthy" in shown
    assert "made of: 1 ConfigMap" in shown
    assert f"composition: xorder, revision {spec['compositionRevisionRef']['name']}, follows the latest" in shown
    assert f"connection details: in the Secret/{name}-conn in {NAMESPACE}, which is not read" in shown
    assert "resourceRef" not in shown, "what is Crossplane's own is said in lines"
    assert f"claim: Order/{name} in {NAMESPACE}" in await agent(
        "get_composite", kind=f"xorders.{GROUP}", name=composite
    )

    listed = await agent("list_composites", kind="claim", label_selector=f"set={name}")
    assert "1 objects of" in listed
    assert f"XOrder/{composite}" in listed
    assert f"Order/{name} in {NAMESPACE}" in await agent(
        "list_composites", kind="composite", label_selector=f"set={name}"
    )


@orders
async def test_a_composite_of_crossplane_2_keeps_its_machinery_apart(agent: Hand, plane: Kubectl, name: str) -> None:
    composite: Object = {"kind": "parcel", "name": name, "namespace": NAMESPACE}
    wanted: Object = {"spec": "size: small", "composition": "parcel", "update_policy": "Manual"}
    assert "state: healthy" in await agent("create_composite", **composite, **wanted, wait_seconds=60)
    spec = plane.get(PARCELS, name, NAMESPACE)["spec"]
    assert spec["crossplane"]["compositionRef"] == {"name": "parcel"}
    assert spec["crossplane"]["compositionUpdatePolicy"] == "Manual"
    shown = await agent("get_composite", **composite)
    assert f"revision {spec['crossplane']['compositionRevisionRef']['name']}, pinned" in shown
    assert "let its composition compose a Secret" in await agent.refused(
        "create_composite", **{**composite, "name": f"{name}-2"}, connection_secret="x"
    )


@orders
async def test_an_order_that_cannot_be_is_refused_whole(agent: Hand, name: str) -> None:
    claim: Object = {"kind": "order", "name": name, "namespace": NAMESPACE}
    wrong = json.dumps({"size": "huge", "replicas": 0, "colour": "red", "shape": {"a": 1}})
    text = await agent.refused("create_composite", **claim, spec=wrong)
    assert "spec.colour: is no field" in text
    assert "spec.shape: is no field" in text
    assert 'spec.size: Unsupported value: "huge"' in text
    assert "spec.replicas: Invalid value: 0" in text
    assert f"describe_xrd_schema kind=orders.{GROUP}" in text
    assert "give `namespace`" in await agent.refused("create_composite", kind="order", name=name)
    assert "make a Order, its claim" in await agent.refused("create_composite", **{**claim, "kind": "xorder"})
    assert "use create_xrd" in await agent.refused("create_composite", **{**claim, "kind": "xrd"})
    assert "neither a claim nor a composite" in await agent.refused("list_composites", kind="configmap")
    rehearsed = await agent("create_composite", **claim, spec="size: small", composition="nobodys", dry_run=True)
    assert "the composition nobodys does not exist" in rehearsed


def composed(
    plane: Kubectl, kind: str, name: str, *colours: str, revisions_before: int = 0, **wanted: Any
) -> list[str]:
    """A composition with a revision for each colour; the names of all, the oldest first."""
    for count, colour in enumerate(colours, revisions_before + 1):
        made = composition(kind, f"{GROUP}/v1alpha1")
        made["metadata"] = {"name": name, "labels": {"colour": colour}}
        step: Object = {"step": "make", "functionRef": {"name": FUNCTION}}
        step |= {"input": {"apiVersion": "testenv.fairlead.dev/v1", "kind": "Wishes", **wanted}} if wanted else {}
        made["spec"]["pipeline"] = [step]
        plane.apply(made)
        world.eventually(partial(revisions, plane, name, count))
    return revisions(plane, name, revisions_before + len(colours))


def revisions(plane: Kubectl, name: str, count: int) -> list[str]:
    selector = f"crossplane.io/composition-name={name}"
    found = json.loads(plane.run("get", "compositionrevisions", "-l", selector, "-o", "json"))["items"]
    if len(found) != count:
        raise Refused(f"{len(found)} revisions")
    return [each["metadata"]["name"] for each in sorted(found, key=lambda each: each["spec"]["revision"])]


def spec_of(plane: Kubectl, claim: str) -> tuple[Object, Object]:
    """Of a claim and of its composite."""
    own = plane.get(ORDERS, claim, NAMESPACE)["spec"]
    other = plane.run("get", f"xorders.{GROUP}", own["resourceRef"]["name"], "-o", "json")
    return own, json.loads(other)["spec"]


@orders
@pytest.mark.whole
async def test_an_app_team_orders_with_rights_on_its_claims_alone(
    plane: Kubectl, plane_server: RealCluster, platform: None, name: str
) -> None:
    api = "rbac.authorization.k8s.io"
    rule = {"apiGroups": [GROUP], "resources": ["orders"], "verbs": ["get", "list", "create", "patch"]}
    where = {"name": name, "namespace": NAMESPACE}
    plane.apply({"apiVersion": f"{api}/v1", "kind": "Role", "metadata": where, "rules": [rule]})
    role, subject = {"apiGroup": api, "kind": "Role", "name": name}, {"apiGroup": api, "kind": "User", "name": name}
    binding: Object = {"apiVersion": f"{api}/v1", "kind": "RoleBinding", "metadata": where}
    plane.apply(binding | {"roleRef": role, "subjects": [subject]})
    claim: Object = {"kind": f"orders.{GROUP}", "name": name, "namespace": NAMESPACE}
    async with hand(plane_server.kubeconfig_for(name, []), "crossplane-resources") as team:
        made = await team("create_composite", **claim, spec="size: small", composition="xorder", wait_seconds=30)
        assert "state: healthy" in made
        assert "what it leans on could not be read" in made
        await team("update_composite", **claim, set=["spec.size=large"])
        assert name in await team("list_composites", kind="claim", namespace=NAMESPACE)
        shown = await team("get_composite", **claim)
    assert "size: large" in shown
    assert f"composite: XOrder/{spec_of(plane, name)[0]['resourceRef']['name']}, not read: " in shown


@changes
async def test_a_claim_is_pinned_to_an_older_revision_and_follows_again(agent: Hand, plane: Kubectl, name: str) -> None:
    older, newer = composed(plane, "XOrder", name, "red", "blue")
    claim: Object = {"kind": "order", "name": name, "namespace": NAMESPACE}
    await agent("create_composite", **claim, spec="size: small", composition=name, wait_seconds=60)
    pinned = await agent("update_composite", **claim, revision="1", set=["spec.size=large"], wait_seconds=30)
    assert f"is on revision {older}, pinned" in pinned
    for each in spec_of(plane, name):
        assert each["compositionRevisionRef"] == {"name": older}
        assert each["compositionUpdatePolicy"] == "Manual"
        assert each["size"] == "large"
    listed = await agent("list_composites", kind="order", composition=name)
    assert f"{older.rpartition('-')[2]} pinned" in listed
    assert f"pinned; the latest is {newer}" in await agent("get_composite", **claim)

    follows = await agent("update_composite", **claim, revision="automatic", wait_seconds=30)
    assert f"is on revision {newer}" in follows
    assert "state: healthy" in follows, "a claim that is not synced would be stuck"
    assert "there is no revision 7" in await agent.refused("update_composite", **claim, revision="7")


@changes
@pytest.mark.whole
async def test_who_follows_the_latest_follows_no_channel(agent: Hand, plane: Kubectl, name: str) -> None:
    composed(plane, "Parcel", name, "red", "blue")
    composed(plane, "XOrder", f"{name}-x", "red", "blue")
    parcel: Object = {"kind": "parcel", "name": name, "namespace": NAMESPACE}
    order = {**parcel, "kind": "order"}
    await agent("create_composite", **parcel, spec="size: small", composition=name, wait_seconds=60)
    await agent("create_composite", **order, spec="size: small", composition=f"{name}-x", wait_seconds=60)
    beta = "compositionRevisionSelector.matchLabels.channel=beta"
    lost = await agent("update_composite", **parcel, set=[f"spec.crossplane.{beta}"], wait_seconds=2)
    assert "no compatible CompositionRevisions found" in lost
    told = await agent("update_composite", **parcel, composition="parcel", dry_run=True)
    assert "only those labelled channel=beta are taken; revision=automatic takes any" in told
    follows = await agent("update_composite", **parcel, revision="automatic", wait_seconds=60)
    assert '- spec.crossplane.compositionRevisionSelector: {"matchLabels": {"channel": "beta"}}' in follows
    assert "state: healthy" in follows

    # A claim's comes back from its composite, unless neither has it while the claim is paused.
    off = {"unset": ["spec.compositionRevisionSelector"], "wait_seconds": 0}
    await agent("update_composite", **order, set=[f"spec.{beta}"], wait_seconds=0)
    composite = spec_of(plane, name)[0]["resourceRef"]["name"]
    has = ("wait", "--for=jsonpath={.spec.compositionRevisionSelector}", "--timeout=60s")
    plane.run(*has, f"xorders.{GROUP}/{composite}")
    await agent("update_composite", **order, **off)
    assert "and Crossplane puts that back: pause the claim" in agent.talk.asked[-1]
    plane.run(*has, f"orders.{GROUP}/{name}", "-n", NAMESPACE)
    claim = {"kind": f"orders.{GROUP}", "name": name, "namespace": NAMESPACE}
    await agent("reconcile_resource", **claim, action="pause", wait_seconds=30)
    await agent("update_composite", **order, **off)
    await agent("update_composite", kind=f"xorders.{GROUP}", name=composite, **off)
    resumed = await agent("reconcile_resource", **claim, action="resume", wait_seconds=60)
    assert "no condition says that it is paused" in resumed
    assert not any("compositionRevisionSelector" in each for each in spec_of(plane, name))


@changes
@pytest.mark.whole
async def test_a_pinned_claim_takes_the_latest_of_another_composition(agent: Hand, plane: Kubectl, name: str) -> None:
    """Crossplane itself would leave it on a revision of the one before."""
    (one,) = composed(plane, "XOrder", name, "red")
    (other,) = composed(plane, "XOrder", f"{name}-2", "green")
    claim: Object = {"kind": "order", "name": name, "namespace": NAMESPACE}
    await agent("create_composite", **claim, spec="size: small", composition=name, wait_seconds=60)
    await agent("update_composite", **claim, revision=one, wait_seconds=30)
    moved = await agent("update_composite", **claim, composition=f"{name}-2", wait_seconds=30)
    assert f"is on revision {other}, pinned" in moved
    assert {each["compositionRevisionRef"]["name"] for each in spec_of(plane, name)} == {other}
    assert "makes Parcel, not XOrder" in await agent.refused("update_composite", **claim, composition="parcel")
    assert "there is no composition nobodys" in await agent.refused("update_composite", **claim, composition="nobodys")


@changes
async def test_single_fields_change_and_what_crossplane_writes_does_not(agent: Hand, plane: Kubectl, name: str) -> None:
    composite: Object = {"kind": "parcel", "name": name, "namespace": NAMESPACE}
    await agent("create_composite", **composite, spec="{size: small, tags: [a, b]}", wait_seconds=60)
    await agent("update_composite", **composite, set=["spec.tags[1]=c", "spec.replicas=3"], revision="1")
    spec = plane.get(PARCELS, name, NAMESPACE)["spec"]
    assert (spec["tags"], spec["replicas"], spec["size"]) == (["a", "c"], 3, "small")
    assert spec["crossplane"]["compositionUpdatePolicy"] == "Manual"
    await agent("update_composite", **composite, unset=["spec.tags"])
    assert "tags" not in plane.get(PARCELS, name, NAMESPACE)["spec"]
    for path in ("spec.crossplane.resourceRefs=[]", "status.url=x"):
        assert "is what Crossplane writes" in await agent.refused("update_composite", **composite, set=[path])
    assert "give `composition` or `revision`" in await agent.refused(
        "update_composite", **composite, set=["spec.crossplane.compositionUpdatePolicy=Automatic"]
    )
    wrong = await agent.refused("update_composite", **composite, set=["spec.size=huge", "spec.colour=red"])
    assert "spec.colour: is no field" in wrong
    assert "spec.size: Unsupported value" in wrong
    assert "nothing to change" in await agent.refused("update_composite", **composite)


@changes
async def test_a_claimed_composite_says_who_overwrites_it(agent: Hand, plane: Kubectl, name: str) -> None:
    await agent("create_composite", kind="order", name=name, namespace=NAMESPACE, spec="size: small", wait_seconds=60)
    composite = plane.get(ORDERS, name, NAMESPACE)["spec"]["resourceRef"]["name"]
    told = await agent(
        "update_composite", kind=f"xorders.{GROUP}", name=composite, set=["spec.size=large"], dry_run=True
    )
    assert f"its claim Order/{name} in {NAMESPACE} overwrites" in told
    deleted = await agent("delete_composite", kind=f"xorders.{GROUP}", name=composite, dry_run=True)
    assert f"its claim Order/{name} in {NAMESPACE} makes it anew" in deleted


@orders
@changes
@pytest.mark.requirement("crossplane-composites:deletions", "crossplane-composites:revisions")
@pytest.mark.whole
async def test_the_same_on_crossplane_1(older: Hand, older_plane: Kubectl, name: str) -> None:
    claim: Object = {"kind": "database", "name": name, "namespace": NAMESPACE}
    kind = {"xr_api_version": f"{manifests.GROUP}/v1alpha1", "xr_kind": "XDatabase"}
    made = await older("create_composition", name=name, **kind, pipeline=older_pipeline())
    assert f"revision 1: CompositionRevision/{name}-" in made
    await older("create_composite", **claim, spec="size: small", composition=name, wait_seconds=60)
    spec = older_plane.get(manifests.DATABASES, name, NAMESPACE)["spec"]
    first = spec["compositionRevisionRef"]["name"]
    changed = await older("update_composition", name=name, labels=["colour=blue"])
    assert f"revision 2: CompositionRevision/{name}-" in changed
    pinned = await older("update_composite", **claim, revision="1", wait_seconds=30)
    assert f"is on revision {first}, pinned" in pinned
    rows = (await older("list_composition_revisions", composition=name)).splitlines()
    assert next(each for each in rows if first in each).split()[-2:] == ["1", "1"]
    follows = await older("update_composite", **claim, revision="automatic", wait_seconds=30)
    assert "state: healthy" in follows
    composite = spec["resourceRef"]["name"]
    assert f"XDatabase/{composite} is on revision {name}-" in follows

    def moved() -> None:
        path = "jsonpath={.spec.compositionRevisionRef.name}"
        if first in older_plane.run("get", "xdatabase", composite, "-o", path):
            raise Refused("it is pinned yet")

    world.eventually(moved)
    gone = await older("delete_composite", **claim, propagation="foreground", wait_seconds=60)
    assert "goes with it: 1 ClusterRole, 1 XDatabase" in older.talk.asked[-1]
    assert "gone, with all 2 objects below it" in gone
    await older("delete_composition", name=name)
