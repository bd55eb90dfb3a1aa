from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.connector import finalizers, mapping
from fairlead.connector.naming import RESERVED, Identity
from tests.connector.objects import PREFIX, SCOPE, decode, encode, stored

pytestmark = pytest.mark.requirement("connector:collector-finalizers")

AN_IDENTITY = Identity(SCOPE.cluster, "team-a", "orders")
STORED_ORPHAN, STORED_FOREGROUND = f"{RESERVED}orphan", f"{RESERVED}foregroundDeletion"
names = st.sampled_from(["orphan", "foregroundDeletion", "a/b", "finalizer.apiextensions.crossplane.io"])


def to_app(metadata: dict[str, Any]) -> Any:
    return decode(encode(mapping.outward(mapping.fields(encode(metadata)), AN_IDENTITY)))


@given(st.lists(names))
def test_out_undoes_in_and_no_collector_knows_what_is_stored(sent: list[str]) -> None:
    there = finalizers.inward(sent)
    assert not set(there) & set(finalizers.COLLECTORS)
    assert finalizers.outward(there) == sent


def test_the_stored_names_are_a_storage_format() -> None:
    assert finalizers.inward(["orphan", "x/y", "foregroundDeletion"]) == [
        "mcp-connector.upbound.io/orphan", "x/y", "mcp-connector.upbound.io/foregroundDeletion",
    ]  # fmt: skip


def test_reserved_names_of_the_sender_are_dropped() -> None:
    assert finalizers.inward([STORED_ORPHAN, "a/b", f"{RESERVED}later"]) == ["a/b"]


def test_the_control_planes_own_are_hidden_and_carried_over() -> None:
    held = ["orphan", "a/b", f"{RESERVED}later", STORED_FOREGROUND]
    metadata = stored(AN_IDENTITY, finalizers=held)["metadata"]
    assert to_app(metadata)["finalizers"] == ["a/b", "foregroundDeletion"]
    hidden = mapping.hidden_of(mapping.fields(encode(metadata)))
    seen = mapping.fields(encode({**to_app(metadata), "finalizers": ["a/b"]}))
    assert decode(encode(mapping.inward(seen, AN_IDENTITY, SCOPE, PREFIX, hidden=hidden)))["finalizers"] == [
        "a/b", "orphan", f"{RESERVED}later",
    ]  # fmt: skip


def test_a_list_of_which_nothing_is_left_is_absent() -> None:
    assert "finalizers" not in to_app(stored(AN_IDENTITY, finalizers=["orphan"])["metadata"])


@pytest.mark.parametrize("value", [None, 3, {"a": 1}, [1], []])
def test_what_is_no_list_of_names_is_the_control_planes_to_refuse(value: Any) -> None:
    sent = mapping.fields(encode({"name": "orders", "finalizers": value}))
    assert decode(encode(mapping.inward(sent, AN_IDENTITY, SCOPE, PREFIX)))["finalizers"] == value


def test_managed_fields_name_what_is_shown() -> None:
    held: dict[str, Any] = {".": {}, f'v:"{STORED_ORPHAN}"': {}, 'v:"a/b"': {}, 'v:"foregroundDeletion"': {}}
    entries = [{"manager": "m", "fieldsV1": {"f:metadata": {"f:finalizers": held}, "f:spec": {"f:size": {}}}}]
    shown = to_app(stored(AN_IDENTITY, managedFields=entries)["metadata"])["managedFields"]
    assert shown[0]["fieldsV1"]["f:metadata"] == {"f:finalizers": {".": {}, 'v:"a/b"': {}, 'v:"orphan"': {}}}
    hidden = [{"manager": "m", "fieldsV1": {"f:metadata": {"f:finalizers": {".": {}, 'v:"orphan"': {}}}}}]
    assert "managedFields" not in to_app(stored(AN_IDENTITY, managedFields=hidden)["metadata"])


@pytest.mark.parametrize(
    ("options", "policy"),
    [
        ({}, ""),
        ({"propagationPolicy": "Orphan"}, "Orphan"),
        ({"propagationPolicy": "Nonsense"}, ""),
        ({"orphanDependents": True}, "Orphan"),
        ({"orphanDependents": False}, "Background"),
        ({"orphanDependents": True, "propagationPolicy": "Foreground"}, ""),
    ],
)
def test_the_policy_is_read_as_the_api_server_reads_it(options: dict[str, Any], policy: str) -> None:
    assert finalizers.policy(options) == policy


@given(st.lists(names, unique=True), st.sampled_from(["Orphan", "Foreground", "Background"]))
def test_an_explicit_policy_replaces_an_earlier_one(shown: list[str], policy: str) -> None:
    wanted = {"Orphan": ["orphan"], "Foreground": ["foregroundDeletion"], "Background": []}[policy]
    left = [each for each in shown if each not in finalizers.COLLECTORS]
    assert finalizers.outward(finalizers.asked_for(finalizers.inward(shown), policy)) == left + wanted
