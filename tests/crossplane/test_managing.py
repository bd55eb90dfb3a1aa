"""What a managed resource says, held against the rules of crossplane-runtime."""

import itertools
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from fairlead.crossplane.managed import managing

pytestmark = pytest.mark.requirement("crossplane-managed:meaning")
ZONES = some.integers(-12, 12).map(lambda hours: timezone(timedelta(hours=hours)))
TIMES = some.none() | some.builds(datetime.fromtimestamp, some.integers(1_600_000_000, 1_600_100_000), ZONES)


def annotated(**given: str) -> dict[str, Any]:
    return {"metadata": {"annotations": {f"crossplane.io/external-create-{key}": each for key, each in given.items()}}}


@given(TIMES, TIMES, TIMES)
def test_a_creation_is_unknown_when_its_beginning_is_the_newest(
    pending: datetime | None, succeeded: datetime | None, failed: datetime | None
) -> None:
    """Whatever the zones in which the three are written."""
    times = {"pending": pending, "succeeded": succeeded, "failed": failed}
    obj = annotated(**{key: each.isoformat() for key, each in times.items() if each})
    ends = [each for each in (succeeded, failed) if each]
    expected = pending is not None and all(pending > each for each in ends)
    assert managing.creation(obj).is_unknown is expected


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00", "2026-01-01"])
def test_what_is_no_time_was_never(text: str) -> None:
    assert not managing.creation(annotated(pending=text)).is_unknown
    now = datetime.now(UTC).isoformat()
    assert managing.creation(annotated(pending=now, succeeded=text)).is_unknown


SUPPORTED = (
    *(
        {"Observe", "Create", *more}
        for count in range(4)
        for more in itertools.combinations(managing.ACTIONS[2:], count)
    ),
    {"*"},
    {"Observe"},
    set(),
    {"Observe", "Delete"},
    {"Observe", "Update"},
    {"Observe", "LateInitialize"},
    {"Observe", "Update", "LateInitialize"},
)
"""As crossplane-runtime v2.3.3 lists them."""


@given(some.sets(some.sampled_from(("*", *managing.ACTIONS))))
def test_combinations_that_no_provider_takes_are_known(chosen: set[str]) -> None:
    assert (not managing.unsupported(sorted(chosen))) is (chosen in SUPPORTED)


@given(some.sampled_from(SUPPORTED), some.sampled_from([None, "Delete", "Orphan"]))
def test_what_outlives_a_deletion_is_what_the_runtime_leaves(chosen: set[str], policy: str | None) -> None:
    spec: dict[str, Any] = {"managementPolicies": sorted(chosen)} | ({"deletionPolicy": policy} if policy else {})
    deletes = (policy != "Orphan" and bool(chosen & {"*", "Delete"})) or "Delete" in chosen
    assert managing.stays_outside({"spec": spec}) is not deletes


@pytest.mark.parametrize("name", managing.PRESETS)
def test_presets_are_known_by_what_they_hold(name: str) -> None:
    chosen = managing.PRESETS[name]
    assert managing.preset(list(reversed(chosen))) == name
    assert not managing.unsupported(chosen)
    words = managing.policy_words({"spec": {"managementPolicies": list(chosen)}})
    assert name in words or "does nothing" in words
    assert ("never" in words) is (name in ("observe-only", "no-delete"))


def test_differences_name_what_is_otherwise_and_pass_over_what_is_not_reported() -> None:
    wanted = {"size": 20, "tags": {"a": "1", "b": "2"}, "rules": [{"port": 1}], "class": "big"}
    there = {"size": 10, "tags": {"a": "1"}, "rules": [{"port": 2}], "arn": "x"}
    found = managing.differences({"spec": {"forProvider": wanted}, "status": {"atProvider": there}})
    assert sorted(found) == ["rules[0].port: wanted 1, is 2", "size: wanted 20, is 10"]


def test_an_owner_is_the_claim_before_the_composite() -> None:
    reference = {"kind": "XBucket", "name": "b-1", "controller": True}
    labels = {"crossplane.io/composite": "b-1"}
    obj: dict[str, Any] = {"metadata": {"ownerReferences": [reference], "labels": labels}}
    assert managing.owner(obj) == "XBucket/b-1"
    labels |= {"crossplane.io/claim-name": "b", "crossplane.io/claim-namespace": "shop"}
    assert managing.owner(obj) == "claim shop/b"
    assert managing.owner_names(obj) == {"b-1", "b"}
    assert managing.owner({"metadata": {}}) == ""
