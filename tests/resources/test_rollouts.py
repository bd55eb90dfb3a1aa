"""How far a rollout is, in the cases in which `kubectl rollout status` says something of its own."""

from typing import Any

import pytest

from fairlead.resources import rollouts

pytestmark = pytest.mark.requirement("mcp-core-writes:rollouts")


def obj(kind: str, spec: dict[str, Any], status: dict[str, Any], seen: int = 2) -> dict[str, Any]:
    return {
        "kind": kind,
        "metadata": {"generation": 2},
        "spec": spec,
        "status": {"observedGeneration": seen, **status},
    }


EXCEEDED = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}


@pytest.mark.parametrize(
    ("given", "is_so", "says"),
    [
        (obj("Deployment", {"replicas": 2}, {}, seen=1), False, "has not seen the last change"),
        (obj("Deployment", {"replicas": 2}, {"updatedReplicas": 1}), False, "1 of 2 new replicas have been made"),
        (obj("Deployment", {"replicas": 2, "paused": True}, {}), False, "it is paused"),
        (obj("Deployment", {"replicas": 2}, {"conditions": [EXCEEDED]}), False, "failed: timed out"),
        (
            obj("Deployment", {"replicas": 2}, {"updatedReplicas": 2, "replicas": 3, "availableReplicas": 2}),
            False,
            "1 old replicas are still ending",
        ),
        (
            obj("Deployment", {"replicas": 2}, {"updatedReplicas": 2, "replicas": 2, "availableReplicas": 1}),
            False,
            "1 of 2 new replicas are available",
        ),
        (
            obj("Deployment", {"replicas": 2}, {"updatedReplicas": 2, "replicas": 2, "availableReplicas": 2}),
            True,
            "rolled out",
        ),
        (obj("StatefulSet", {"updateStrategy": {"type": "OnDelete"}}, {}), True, "OnDelete"),
        (obj("StatefulSet", {"replicas": 2}, {"readyReplicas": 1}), False, "1 of 2 replicas are ready"),
        (
            obj(
                "StatefulSet",
                {"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 2}}},
                {"readyReplicas": 3, "updatedReplicas": 1},
            ),
            True,
            "1 of 1 new replicas have been made beyond its partition 2",
        ),
        (
            obj("StatefulSet", {"replicas": 1}, {"readyReplicas": 1, "updateRevision": "b", "currentRevision": "a"}),
            False,
            "0 of 1 replicas are at revision b",
        ),
        (obj("StatefulSet", {"replicas": 1}, {"readyReplicas": 1}), True, "rolled out"),
        (obj("DaemonSet", {"updateStrategy": {"type": "OnDelete"}}, {}), True, "OnDelete"),
        (obj("DaemonSet", {}, {"desiredNumberScheduled": 2, "updatedNumberScheduled": 1}), False, "1 of 2 new pods"),
        (
            obj("DaemonSet", {}, {"desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 1}),
            False,
            "1 of 2 pods are available",
        ),
        (
            obj("DaemonSet", {}, {"desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 2}),
            True,
            "rolled out",
        ),
    ],
)  # fmt: skip
def test_how_far_it_is(given: dict[str, Any], is_so: bool, says: str) -> None:
    found = rollouts.judge(given)
    assert found.is_so is is_so
    assert says in found.state
    assert found.is_hopeless is ("failed" in says)


def test_one_that_is_not_there() -> None:
    assert not rollouts.judge(None).is_so
