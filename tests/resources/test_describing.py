"""Any object can be described, however odd, and nothing secret is."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.resources import describing
from fairlead.resources.describing import Described

pytestmark = pytest.mark.requirement("resources:describing")
NOW = datetime(2026, 1, 2, tzinfo=UTC)
CANARY = "kX9vQ2mLpR7"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
CONDITION = st.dictionaries(st.sampled_from(["type", "status", "reason", "message", "lastTransitionTime"]), VALUES)
STATUS = st.fixed_dictionaries(
    {}, optional={"conditions": st.lists(CONDITION | VALUES) | VALUES, "containerStatuses": VALUES, "phase": VALUES}
)


def text(obj: dict[str, Any], events: list[dict[str, Any]] | None = None, lacking: str = "") -> str:
    return describing.text(Described(obj, events or [], lacking), NOW)


@given(STATUS | VALUES, VALUES)
def test_a_custom_resource_may_hold_anything(status: Any, spec: Any) -> None:
    found = text({"apiVersion": "a.b/v1", "kind": "Odd", "metadata": {"name": "x"}, "spec": spec, "status": status})
    assert found.startswith("Odd x (a.b/v1), ")


def test_what_is_wrong_stands_first() -> None:
    held = {"type": "Synced", "status": "True", "reason": "Fine"}
    broken = {
        "type": "Ready",
        "status": "False",
        "reason": "Creating",
        "message": f"no\nuser, password={CANARY}",
        "lastTransitionTime": "2026-01-01T23:00:00Z",
    }
    metadata = {
        "name": "x",
        "namespace": "shop",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "deletionTimestamp": "2026-01-01T23:59:00Z",
        "finalizers": ["a.b/keep"],
        "ownerReferences": [{"kind": "App", "name": "whole"}],
        "annotations": {"long": "word " * 100},
    }
    found = text({"apiVersion": "v1", "kind": "Thing", "metadata": metadata, "status": {"conditions": [held, broken]}})
    lines = found.splitlines()
    assert lines[0] == "Thing shop/x (v1), 24h old"
    assert lines[1] == "being deleted since 60s; finalizers left: a.b/keep"
    assert lines[2] == "owned by App whole"
    assert lines[3].startswith("annotations: long=word word")
    assert len(lines[3]) < 150
    assert found.index("Ready") < found.index("Synced")
    assert "60m" in found
    assert CANARY not in found
    assert "conditions:" not in found


def test_containers_say_why_they_wait() -> None:
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}}
    ended = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    statuses = [{"name": "main", "ready": False, "restartCount": 9, "state": waiting, "lastState": ended}]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "status": {"containerStatuses": statuses}}
    found = text(pod)
    assert "waiting CrashLoopBackOff: back-off 5m0s" in found
    assert "terminated with 137 OOMKilled" in found
    assert "containerStatuses" not in found


def test_events_that_cannot_be_read_are_said_to_be_missing() -> None:
    obj = {"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "x"}}
    assert text(obj, lacking=f"forbidden, token={CANARY}1").endswith("forbidden, token=<redacted by fairlead>")
    assert text(obj).endswith("no events")
