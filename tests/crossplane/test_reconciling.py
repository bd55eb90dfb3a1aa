"""Pausing, resuming and reconciling on request: what the tool says is what the real controllers have done."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from fairlead.crossplane import references
from fairlead.crossplane.judging import PAUSED, Health, State, judge
from fairlead.crossplane.references import Reference
from fairlead.crossplane.tracing import Node, Trace
from fairlead.crossplane.upkeep import reconciling
from tests.crossplane.agents import Hand
from tests.crossplane.conftest import GROUP, NAMESPACE
from tests.e2e import manifests
from tests.e2e.hands import Kubectl

Object = dict[str, Any]
pytestmark = [pytest.mark.anyio, pytest.mark.requirement("crossplane-operations:reconcile")]
real = pytest.mark.real


@pytest.fixture
def claim(plane: Kubectl, unique: Callable[[str], str]) -> str:
    name = unique("held")
    plane.apply(manifests.claim(name, NAMESPACE))
    plane.run("wait", "--for=condition=Ready", "--timeout=60s", "-n", NAMESPACE, f"databases.{GROUP}/{name}")
    return name


def composite(plane: Kubectl, claim: str) -> Object:
    name = plane.get(manifests.DATABASES, claim, NAMESPACE)["spec"]["resourceRef"]["name"]
    found: Object = json.loads(plane.run("get", "xdatabase", name, "-o", "json"))
    return found


def reason(obj: Object, kind: str) -> str:
    return next((each["reason"] for each in obj["status"]["conditions"] if each["type"] == kind), "")


@real
async def test_a_claim_alone_and_its_tree(agent: Hand, plane: Kubectl, claim: str) -> None:
    one = {"kind": "database", "name": claim, "namespace": NAMESPACE, "wait_seconds": 20}
    alone = await agent("reconcile_resource", **one, action="pause", dry_run=True)
    assert "its composite goes on; tree=true" in alone
    paused = await agent("reconcile_resource", **one, action="pause", tree=True)
    assert "(Synced: ReconcilePaused)" in paused
    assert "action=resume" in paused
    assert not agent.talk.asked, "a pause takes nothing away"
    assert reason(composite(plane, claim), "Synced") == "ReconcilePaused"
    assert "resume it first" in await agent.refused("reconcile_resource", **one, action="now")

    resumed = await agent("reconcile_resource", **one, action="resume", tree=True)
    assert "no condition says that it is paused" in resumed
    assert "crossplane.io/paused" in agent.talk.asked[-1]
    assert reason(composite(plane, claim), "Synced") == "ReconcileSuccess"


@real
async def test_a_reconcile_on_request_is_proved_by_the_composite(agent: Hand, plane: Kubectl, claim: str) -> None:
    one = {"kind": "database", "name": claim, "namespace": NAMESPACE, "wait_seconds": 20}
    for _ in range(2):  # the second request takes the first one's place, which nobody is asked about
        told = await agent("reconcile_resource", **one, action="now")
        assert "(event ReconcileRequestHandled)" in told
        assert not agent.talk.asked
    asked = plane.get(manifests.DATABASES, claim, NAMESPACE)["metadata"]["annotations"][reconciling.REQUESTED]
    assert composite(plane, claim)["metadata"]["annotations"][reconciling.REQUESTED] == asked


@real
async def test_what_nobody_heeds_is_refused(agent: Hand) -> None:
    xrd = {"kind": "xrd", "name": f"xdatabases.{GROUP}"}
    assert "pause the claims and composites" in await agent.refused("reconcile_resource", **xrd, action="pause")
    assert "leaves no proof of it" in await agent("reconcile_resource", **xrd, action="now")
    composition = {"kind": "composition", "name": "xdatabase", "action": "now"}
    assert "nobody reconciles a Composition" in await agent.refused("reconcile_resource", **composition)
    native = {"kind": "namespace", "name": NAMESPACE, "action": "pause"}
    assert "it is no claim, composite, managed resource" in await agent.refused("reconcile_resource", **native)


@real
async def test_a_policy_says_in_an_event_that_it_is_paused(
    agent: Hand, plane: Kubectl, unique: Callable[[str], str]
) -> None:
    name = unique("policy")
    policy = {"apiVersion": "apiextensions.crossplane.io/v1alpha1", "kind": "ManagedResourceActivationPolicy"}
    plane.apply(policy | {"metadata": {"name": name}, "spec": {"activate": [f"{name}.example.org"]}})
    told = await agent("reconcile_resource", kind="mrap", name=name, action="pause", wait_seconds=20)
    assert "(event ReconciliationPaused)" in told
    plane.run("delete", "managedresourceactivationpolicy", name, "--wait=false")


def obj(kind: str, api_version: str, *reasons: tuple[str, str], **more: Any) -> Object:
    told = [{"type": kind, "status": "False", "reason": reason} for kind, reason in reasons]
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "one"}, "status": {"conditions": told}} | more


def asked(found: Object, categories: tuple[str, ...], action: str) -> reconciling.Asked:
    return reconciling.asked(found, references.of(found), categories, action, "token")


def test_the_proof_of_each_action() -> None:
    managed = obj("Bucket", "s3.example.org/v1", ("Synced", "ReconcilePaused"))
    pause, resume, now = (asked(managed, ("managed",), each) for each in reconciling.ACTIONS)
    assert reconciling.proof(managed, pause, 0) == "Synced: ReconcilePaused"
    assert reconciling.proof(managed, resume, 0) == ""
    assert reconciling.proof(managed, now, 0) == ""
    assert reconciling.proof(managed, now, 1) == "event ReconcileRequestHandled"
    echoed = managed | {"status": {"lastHandledReconcileAt": "token"}}
    assert reconciling.proof(echoed, now, 0)
    assert reconciling.proof(echoed, resume, 0) == "no condition says that it is paused"


def test_a_cron_operation_that_goes_on_is_well_before_its_next_run() -> None:
    cron = obj(
        "CronOperation", "ops.crossplane.io/v1alpha1", ("Scheduling", "SchedulePaused"), ("Synced", "ReconcilePaused")
    )
    resume = asked(cron, (), "resume")
    assert reconciling.proof(cron, resume, 0) == ""
    assert judge(cron).state is State.UNHEALTHY
    cron["status"]["conditions"][0] |= {"status": "True", "reason": "ScheduleActive"}
    assert reconciling.proof(cron, resume, 0)
    assert judge(cron).state is State.HEALTHY
    assert not reconciling.heeds(cron, (), "now")


def test_policies_that_pause_are_not_resumed_by_an_annotation() -> None:
    bucket = {"apiVersion": "s3.example.org/v1", "kind": "Bucket", "spec": {"managementPolicies": []}}
    assert any("managementPolicies" in each for each in reconciling.notes(bucket, ("managed",), "resume", tree=False))
    bucket["metadata"] = {"annotations": {PAUSED: "true"}}
    assert reconciling.patch("resume", "") == {"metadata": {"annotations": {PAUSED: None}}}
    with pytest.raises(reconciling.UnheardError, match="paused"):
        reconciling.check(bucket, ("managed",), "now")


def node(place: int, parent: int | None, found: Object | None, kind: str, *categories: str, cut: str = "") -> Node:
    reference = references.of(found) if found else Reference("v1", kind, f"{kind.lower()}-{place}")
    health = judge(found) if found else Health(State.UNKNOWN)
    return Node(place, parent, place, reference, health, found, cut, categories)


def made(kind: str, api_version: str = "demo.example.org/v1", *, paused: bool = False) -> Object:
    annotations = {PAUSED: "true"} if paused else {}
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": kind.lower(), "annotations": annotations}}


def test_below_a_composite_what_is_crossplanes_is_meant_and_the_rest_is_named() -> None:
    trace = Trace(
        (
            node(0, None, made("XDatabase"), "XDatabase", "composite"),
            node(1, 0, made("Bucket"), "Bucket", "managed"),
            node(2, 0, made("Disk", paused=True), "Disk", "managed"),
            node(3, 0, made("ConfigMap", "v1"), "ConfigMap"),
            node(4, 0, None, "Gone"),
            node(5, 0, None, "Secret"),
            node(6, 0, made("XCache"), "XCache", "composite", cut="9 below it are left out"),
        )
    )
    found = {action: reconciling.below(trace, action) for action in reconciling.ACTIONS}
    meant = {action: [each.reference.kind for each in nodes] for action, (nodes, _) in found.items()}
    assert meant == {"pause": ["Bucket", "XCache"], "resume": ["Disk"], "now": ["Bucket", "XCache"]}
    assert "Disk/disk is paused and stays so" in found["now"][1]
    for _, left in found.values():
        assert any("Gone/gone-4 cannot be read" in each for each in left)
        assert any("9 below it are left out" in each for each in left)
        assert not any("Secret" in each for each in left)


def test_below_a_package_its_revisions_are_meant_and_not_what_it_depends_on() -> None:
    api = "pkg.crossplane.io/v1"
    own = node(1, 0, made("ProviderRevision", api), "ProviderRevision")
    depends = node(2, 0, made("Provider", api), "Provider")
    trace = Trace((node(0, None, made("Provider", api), "Provider"), own, depends))
    assert reconciling.below(trace, "pause") == ([own], [])
