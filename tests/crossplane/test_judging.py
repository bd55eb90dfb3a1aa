from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.crossplane.judging import Health, State, judge

Object = dict[str, Any]
pytestmark = pytest.mark.requirement("crossplane-understanding:health")


def obj(api_version: str, kind: str, *conditions: tuple[str, str, str], **more: Any) -> Object:
    listed = [
        {"type": name, "status": status, "reason": reason, "message": f"{reason} it is"}
        for name, status, reason in conditions
    ]
    return (
        {"apiVersion": api_version, "kind": kind, "metadata": {"name": "one"}}
        | ({"status": {"conditions": listed}} if listed else {})
        | more
    )


XRD = "apiextensions.crossplane.io/v1"
PKG = "pkg.crossplane.io/v1"
CASES: list[tuple[Object, State, str]] = [
    (obj(XRD, "CompositeResourceDefinition"), State.UNKNOWN, "NoConditions"),
    (
        obj(XRD, "CompositeResourceDefinition", ("Established", "True", "WatchingCompositeResource")),
        State.HEALTHY,
        "WatchingCompositeResource",
    ),
    (obj(PKG, "Provider", ("Installed", "True", "Active"), ("Healthy", "Unknown", "UnknownPackageRevisionHealth")),
     State.PROGRESSING, "Healthy: UnknownPackageRevisionHealth"),
    (obj(PKG, "Provider", ("Installed", "False", "UnpackingPackage"), ("Healthy", "False", "UnhealthyPackageRevision")),
     State.UNHEALTHY, "Healthy: UnhealthyPackageRevision"),
    (obj(PKG, "ProviderRevision", ("RevisionHealthy", "True", "Fine"), ("RuntimeHealthy", "False", "Down")),
     State.UNHEALTHY, "RuntimeHealthy: Down"),
    (obj("example.org/v1", "Database", ("Synced", "True", "ReconcileSuccess"), ("Ready", "False", "Creating")),
     State.PROGRESSING, "Ready: Creating"),
    (obj("example.org/v1", "Database", ("Synced", "False", "ReconcileError"), ("Ready", "False", "Creating")),
     State.UNHEALTHY, "Synced: ReconcileError"),
    (obj("example.org/v1", "Database", ("Synced", "True", "Fine"), ("Ready", "True", "Available")),
     State.HEALTHY, "Available"),
    (obj("example.org/v1", "Bucket", ("Synced", "True", "Fine")), State.PROGRESSING, "not Ready"),
    (obj("example.org/v1", "Bucket", spec={"managementPolicies": []}), State.PAUSED, "ReconcilePaused"),
    (obj("example.org/v1", "Bucket", metadata={"name": "b", "annotations": {"crossplane.io/paused": "True"}}),
     State.HEALTHY, ""),
    (obj("example.org/v1", "Thing"), State.HEALTHY, ""),
    (obj("v1", "ConfigMap"), State.HEALTHY, ""),
    (obj("apps/v1", "Deployment", spec={"replicas": 2}, status={"updatedReplicas": 2, "availableReplicas": 1}),
     State.PROGRESSING, "Replicas"),
    (obj("apps/v1", "Deployment", spec={"replicas": 1}, status={"updatedReplicas": 1, "availableReplicas": 1}),
     State.HEALTHY, ""),
    (obj("apps/v1", "Deployment", ("Progressing", "False", "ProgressDeadlineExceeded")),
     State.UNHEALTHY, "ProgressDeadlineExceeded"),
    (obj("v1", "Pod", status={"phase": "Pending", "containerStatuses": [
        {"name": "c", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}]}),
     State.UNHEALTHY, "ImagePullBackOff"),
    (obj("v1", "Pod", status={"phase": "Pending", "containerStatuses": [
        {"name": "c", "state": {"waiting": {"reason": "ContainerCreating"}}}]}), State.PROGRESSING, "Pending"),
    (obj("batch/v1", "Job", ("Failed", "True", "BackoffLimitExceeded")), State.UNHEALTHY, "BackoffLimitExceeded"),
    (obj("v1", "Service", spec={"type": "LoadBalancer"}), State.PROGRESSING, "LoadBalancerPending"),
    (obj("v1", "PersistentVolumeClaim", status={"phase": "Lost"}), State.UNHEALTHY, "Lost"),
    (obj("v1", "Namespace", status={"phase": "Terminating"}), State.DELETING, "Terminating"),
]  # fmt: skip


@pytest.mark.parametrize(("found", "state", "reason"), CASES, ids=[f"{each['kind']}-{why}" for each, _, why in CASES])
def test_an_object_is_judged_by_what_decides_for_its_kind(found: Object, state: State, reason: str) -> None:
    health = judge(found)
    assert (health.state, health.reason) == (state, reason)


def test_a_claim_of_which_nobody_has_said_anything_is_not_well() -> None:
    assert judge(obj("example.org/v1", "Database"), ("claim",)).state is State.UNKNOWN


def test_conditions_of_an_earlier_generation_are_no_verdict() -> None:
    found = obj("example.org/v1", "Database", ("Ready", "True", "Available"))
    found["metadata"]["generation"] = 3
    found["status"]["conditions"][0]["observedGeneration"] = 2
    assert judge(found) == Health(State.PROGRESSING, "StaleConditions", "its conditions speak of an earlier generation")
    found["status"]["conditions"][0] |= {"observedGeneration": 3}
    found["status"]["conditions"].append({"type": "Responsive", "status": "True", "observedGeneration": 2})
    assert judge(found).state is State.HEALTHY, "which Crossplane does not write with every reconcile"


@given(st.sampled_from(CASES), st.booleans())
def test_what_is_being_deleted_or_paused_is_said_first(case: tuple[Object, State, str], paused: bool) -> None:
    found, _, _ = case
    more: Object = {"annotations": {"crossplane.io/paused": "true"}} if paused else {}
    assert judge({**found, "metadata": {"name": "one", **more}}).state is (
        State.PAUSED if paused else judge(found).state
    )
    more |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["example.org/hold"]}
    health = judge({**found, "metadata": {"name": "one", **more}})
    assert health.state is State.DELETING
    assert "example.org/hold" in health.message
