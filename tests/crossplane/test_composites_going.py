"""Claims and composites deleted on real Crossplane: what goes is shown whole before, and what is left after."""

from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import Any

import pytest

from fairlead.machinery.paths import Resource
from fairlead.mcp.conversing import Question, Reply
from testenv.servers import RealCluster
from tests.crossplane.agents import Hand, hand
from tests.crossplane.conftest import NAMESPACE
from tests.crossplane.test_composites import GROUP, ORDERS, composed, spec_of
from tests.crossplane.test_composites import platform as platform
from tests.e2e import world
from tests.e2e.hands import Kubectl, Refused
from tests.mcp.changing import Person

Object = dict[str, Any]
pytestmark = [pytest.mark.anyio, pytest.mark.real, pytest.mark.requirement("crossplane-composites:deletions")]
CONFIG_MAPS = Resource("", "v1", "configmaps")
DISKS = Resource(GROUP, "v1", "disks", namespaced=False)
DISK = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"disks.{GROUP}"},
    "spec": {
        "group": GROUP,
        "names": {"kind": "Disk", "plural": "disks", "categories": ["managed"]},
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


@pytest.fixture
async def agent(plane: Kubectl, plane_server: RealCluster, platform: None) -> AsyncIterator[Hand]:
    async with hand(plane_server.cluster.kubeconfig, "crossplane", "crossplane-resources") as found:
        yield found


@pytest.fixture
def name(unique: Callable[[str], str]) -> str:
    return unique("going")


async def ordered(agent: Hand, name: str, composition: str = "xorder") -> Object:
    """A claim that is ready, by the arguments that name it."""
    claim: Object = {"kind": "order", "name": name, "namespace": NAMESPACE}
    await agent("create_composite", **claim, spec="size: small", composition=composition, wait_seconds=30)
    return claim


def gone(plane: Kubectl, name: str) -> None:
    if name in plane.names(ORDERS, NAMESPACE):
        raise Refused("the claim is still there")


@pytest.mark.whole
async def test_a_claim_goes_in_the_foreground_with_all_that_it_is_made_of(
    agent: Hand, plane: Kubectl, name: str
) -> None:
    claim = await ordered(agent, name)
    composite = spec_of(plane, name)[0]["resourceRef"]["name"]
    text = await agent("delete_composite", **claim, propagation="foreground", wait_seconds=60)
    asked = agent.talk.asked[-1]
    assert "goes with it: 1 ConfigMap, 1 XOrder" in asked
    assert "its compositeDeletePolicy becomes Foreground first" in asked
    assert "gone, with all 2 objects below it" in text
    assert composite not in plane.names(CONFIG_MAPS, NAMESPACE)


@pytest.mark.whole
async def test_what_lingers_after_its_claim_is_named(agent: Hand, plane: Kubectl, name: str) -> None:
    """In the background the claim is gone at once, and nothing names any more what it was made of."""
    claim = await ordered(agent, name)
    made = spec_of(plane, name)[0]["resourceRef"]["name"]
    held = {"metadata": {"finalizers": ["example.org/held"]}}
    plane.patch(CONFIG_MAPS, made, NAMESPACE, "merge", held)
    text = await agent("delete_composite", **claim, wait_seconds=40)  # the collector learns of new kinds late
    assert "still there, 1 of 3:" in text
    assert f"ConfigMap/{made} in {NAMESPACE}: deleting" in text
    assert "held by example.org/held" in text
    assert "next: explain_deletion" in text
    gone(plane, name)
    plane.patch(CONFIG_MAPS, made, NAMESPACE, "merge", {"metadata": {"finalizers": []}})


@pytest.mark.whole
async def test_what_stays_outside_and_what_would_hold_it_is_said_before(agent: Hand, plane: Kubectl, name: str) -> None:
    plane.apply(DISK)
    world.eventually(partial(plane.names, DISKS))
    observed = {"forProvider": {}, "managementPolicies": ["Observe"]}
    disk = {"apiVersion": f"{GROUP}/v1", "kind": "Disk", "metadata": {"name": name}, "spec": observed}
    composed(plane, "XOrder", name, "red", compose={"disk": disk})
    claim = await ordered(agent, name, name)
    await agent("create_usage", of_kind=f"disks.{GROUP}", of_name=name, reason="it is kept for audits", wait_seconds=30)
    plane.run("annotate", f"orders.{GROUP}", name, "-n", NAMESPACE, "crossplane.io/paused=true")
    told = await agent("delete_composite", **claim, dry_run=True)
    assert "goes with it: 1 Disk, 1 XOrder" in told
    assert f"what Disk/{name} stands for outside stays" in told
    assert f"protects Disk/{name}: it is kept for audits" in told
    assert f"Order/{name} in {NAMESPACE}: paused, so it stays until it is resumed" in told
    assert "usage.crossplane.io/deletion-attempt-with-policy" not in plane.run(
        "get", f"disks.{GROUP}", name, "-o", "json"
    )


class Slow(Person):
    """Says yes, but only after something else has happened."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        super().__init__()
        self._meanwhile = meanwhile

    async def ask(self, questions: Mapping[str, Question]) -> dict[str, Reply]:
        self._meanwhile()
        return await super().ask(questions)


@pytest.mark.whole
async def test_what_has_grown_since_it_was_asked_is_not_deleted(agent: Hand, plane: Kubectl, name: str) -> None:
    """Not the claim itself, which has not changed: what is made by what it is made of."""

    def map_of(part: str) -> Object:
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{name}-{part}", "namespace": NAMESPACE}}

    inner = {"size": "small", "crossplane": {"compositionRef": {"name": f"{name}-inner"}}}
    parcel: Object = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "Parcel", "spec": inner}
    parcel["metadata"] = {"name": name, "namespace": NAMESPACE}
    composed(plane, "Parcel", f"{name}-inner", "red", compose={"one": map_of("one")})
    composed(plane, "XOrder", name, "red", compose={"parcel": parcel})
    claim = await ordered(agent, name, name)

    def grow() -> None:
        more = {"one": map_of("one"), "two": map_of("two")}
        composed(plane, "Parcel", f"{name}-inner", "red", revisions_before=1, compose=more)
        world.eventually(partial(plane.get, CONFIG_MAPS, f"{name}-two", NAMESPACE))

    agent.talk = Slow(grow)
    refused = await agent.refused("delete_composite", **claim)
    assert "goes with it: 1 ConfigMap, 1 Parcel, 1 XOrder" in agent.talk.asked[0]
    assert "has changed meanwhile: nothing was done" in refused
    assert "goes with it: 2 ConfigMap" in refused
    assert name in plane.names(ORDERS, NAMESPACE)


async def test_what_cannot_be_counted_is_not_deleted(
    agent: Hand, plane: Kubectl, plane_server: RealCluster, name: str
) -> None:
    claim = await ordered(agent, name)
    composite = spec_of(plane, name)[0]["resourceRef"]["name"]
    api = "rbac.authorization.k8s.io"
    rules = [
        {"apiGroups": [GROUP], "resources": ["orders"], "verbs": ["get", "list", "delete", "patch"]},
        {"apiGroups": ["protection.crossplane.io"], "resources": ["*"], "verbs": ["list"]},
        {"apiGroups": ["apiextensions.crossplane.io"], "resources": ["*"], "verbs": ["list"]},
    ]
    role: Object = {"apiVersion": f"{api}/v1", "kind": "ClusterRole", "metadata": {"name": name}}
    plane.apply(role | {"rules": rules})
    binding: Object = {"apiVersion": f"{api}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": name}}
    binding |= {"roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": name}}
    plane.apply(binding | {"subjects": [{"apiGroup": api, "kind": "User", "name": name}]})
    async with hand(plane_server.kubeconfig_for(name, []), "crossplane-resources") as stranger:
        refused = await stranger.refused("delete_composite", **claim)
        assert f"what goes with Order/{name} in {NAMESPACE} cannot be counted" in refused
        assert "xorders" in refused
        assert name in plane.names(ORDERS, NAMESPACE)

        plane.apply(role | {"rules": [*rules, {"apiGroups": [GROUP], "resources": ["xorders"], "verbs": ["get"]}]})
        world.eventually(partial(plane.run, "get", f"xorders.{GROUP}", composite, f"--as={name}"))
        assert "not read: ConfigMap" in await stranger("get_composite", **claim), "a role has no native kinds"
        text = await stranger("delete_composite", **claim, wait_seconds=30)
    assert "goes with it: 1 ConfigMap, 1 XOrder" in stranger.talk.asked[-1]
    assert f"not known whether it is gone: ConfigMap/{composite} in {NAMESPACE}" in text
    assert "the rest is gone" in text
    gone(plane, name)
