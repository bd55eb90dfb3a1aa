"""The words of causes that say what to type next: they have to fit the object that they are about."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

import pytest

from fairlead.crossplane import references
from fairlead.crossplane.judging import Health, State, judge
from fairlead.crossplane.tracing import Node, Trace
from fairlead.crossplane.understanding import diagnosing
from fairlead.crossplane.understanding.causes import OF_CLAIMS, Cause
from fairlead.crossplane.understanding.circumstances import Circumstances

pytestmark = pytest.mark.requirement("crossplane-pains:next-calls")
BUCKET = {"apiVersion": "demo.example.org/v1", "kind": "Bucket"}


def node(obj: Mapping[str, Any], *categories: str) -> Node:
    return Node(0, None, 0, references.of(obj), judge(obj, categories), obj, "", categories)


def first(*nodes: Node) -> Cause:
    return diagnosing.ranked(Circumstances(Trace(nodes)))[0]


def test_what_its_policies_pause_is_not_told_to_lose_an_annotation() -> None:
    bucket = {**BUCKET, "metadata": {"name": "one"}, "spec": {"managementPolicies": []}}
    cause = first(node(bucket, "managed"))
    assert cause.name == "paused"
    assert "annotation" not in f"{cause.what} {cause.evidence} {cause.remedy}"
    assert cause.next is not None
    assert str(cause.next.calls[0]) == "set_management_policies kind=Bucket.demo.example.org name=one preset=full"
    *_, change = shlex.split(cause.next.command)
    assert json.loads(change) == {"spec": {"managementPolicies": ["*"]}}


def test_the_command_that_takes_a_finalizer_off_leaves_the_others() -> None:
    metadata = {
        "name": "one",
        "namespace": "shop",
        "deletionTimestamp": "2026-01-01T00:00:00Z",
        "finalizers": ["example.org/ours", OF_CLAIMS],
    }
    claim = {**BUCKET, "metadata": metadata, "spec": {"resourceRef": {"name": "gone"}}}
    lost = references.Reference("demo.example.org/v1", "XBucket", "gone")
    cause = first(node(claim, "claim"), Node(1, 0, 1, lost, Health(State.UNKNOWN, "UnknownKindError")))
    assert cause.name == "stranded-claim"
    assert cause.next is not None
    *_, change = shlex.split(cause.next.command)
    assert json.loads(change) == {"metadata": {"finalizers": ["example.org/ours"]}}


def told(obj: Mapping[str, Any], message: str, condition: str, *categories: str) -> list[Cause]:
    """Of an object that says this of itself, as Crossplane and provider-kubernetes 1.2.0 word it."""
    said = {"type": condition, "status": "False", "reason": "ReconcileError", "message": message}
    one = node({**obj, "status": {"conditions": [said]}}, *categories)
    return diagnosing.ranked(Circumstances(Trace((one,))))


def test_credentials_that_are_not_there_are_not_called_a_lack_of_rights() -> None:
    spec = {"providerConfigRef": {"kind": "ProviderConfig", "name": "mine"}}
    bucket = {**BUCKET, "metadata": {"name": "one", "namespace": "shop"}, "spec": spec}
    message = 'connect failed: cannot get credentials: cannot get credentials secret: Secret "nope" not found'
    found = {each.name: each for each in told(bucket, message, "Synced", "managed")}
    assert "the Secret nope is not there" in found["credentials"].what


def test_a_package_of_another_kind_is_told_as_that() -> None:
    package = {"apiVersion": "pkg.crossplane.io/v1", "kind": "Provider", "metadata": {"name": "one"}}
    message = "validating package contents failed: package meta type is not Provider"
    cause = told(package, message, "Healthy")[0]
    assert cause.name == "package-kind"
    assert "holds no Provider" in cause.what
