from typing import Any

import pytest

from fairlead.connector import eventcopies
from fairlead.connector.naming import Identity, Scope
from tests.connector.fakes import CATALOG
from tests.connector.objects import PREFIX, SCOPE, stored

pytestmark = pytest.mark.requirement("connector:event-copies")

A = Identity(SCOPE.cluster, "team-a", "orders")
OFFER = CATALOG.offers["demo.example.org", "v1", "databases"]
BACKEND = A.backend(PREFIX)
ABOUT = {"apiVersion": "demo.example.org/v1", "kind": "Database", "namespace": SCOPE.namespace, "uid": "u-1"}
EVENT: dict[str, Any] = {
    "metadata": {"name": f"{BACKEND}.17ab", "namespace": SCOPE.namespace, "uid": "e", "resourceVersion": "3"},
    "involvedObject": {**ABOUT, "name": BACKEND, "resourceVersion": "9"},
    "reason": "BindCompositeResource",
    "message": f'cannot bind "{BACKEND}" in "{SCOPE.namespace}" to claim-0123456789abcdef',
    "count": 2,
}


CLAIM = {
    "apiVersion": "demo.example.org/v1",
    "kind": "Database",
    "metadata": {"uid": "u-1"},
    "spec": {"resourceRef": {"apiVersion": "demo.example.org/v1", "kind": "XDatabase", "name": f"{BACKEND}-x7k2p"}},
}
COMPOSITE = {"apiVersion": "demo.example.org/v1", "kind": "XDatabase", "name": f"{BACKEND}-x7k2p", "uid": "u-2"}


def test_a_copy_speaks_of_the_claim_as_the_app_cluster_does() -> None:
    found = eventcopies.copy(EVENT, CLAIM, A, OFFER, SCOPE)
    assert found["involvedObject"] == {**ABOUT, "name": "orders", "namespace": "team-a"}
    assert found["metadata"]["namespace"] == "team-a"
    assert found["metadata"]["name"].startswith("orders.")
    assert found["message"] == 'cannot bind "orders" in "team-a" to (unknown)'
    assert {"uid", "resourceVersion"}.isdisjoint(found["metadata"])
    assert BACKEND not in str(found)
    assert eventcopies.is_ours(found, SCOPE.cluster)
    assert not eventcopies.is_ours(EVENT, SCOPE.cluster)


@pytest.mark.requirement("connector:composite-events")
def test_an_event_about_the_composite_becomes_one_about_the_claim() -> None:
    told = {**EVENT, "involvedObject": COMPOSITE, "message": f"composed {BACKEND}-x7k2p"}
    told["metadata"] = {"name": f"{BACKEND}-x7k2p.17ab", "namespace": "default"}
    about = eventcopies.About.read(told)
    assert about.claim == BACKEND
    assert about.is_composite_of(CLAIM)
    found = eventcopies.copy(told, CLAIM, A, OFFER, SCOPE)
    assert found["involvedObject"] == {**ABOUT, "name": "orders", "namespace": "team-a"}
    assert found["message"] == "composed orders-x7k2p"
    assert "x7k2p" not in found["metadata"]["name"]


@pytest.mark.requirement("connector:composite-events")
@pytest.mark.parametrize(
    "change", [{"name": f"{BACKEND}-other"}, {"kind": "XQueue"}, {"apiVersion": "other.example.org/v1"}]
)
def test_a_claim_of_another_kind_that_has_the_same_stored_name_is_not_told(change: dict[str, str]) -> None:
    """Stored names come from name and namespace alone."""
    assert not eventcopies.About.read({"involvedObject": COMPOSITE | change}).is_composite_of(CLAIM)


@pytest.mark.requirement("connector:composite-events")
@pytest.mark.parametrize("change", [{"name": BACKEND}, {"name": "orders-x7k2p"}, {"namespace": "default"}])
def test_a_composite_is_known_by_its_name(change: dict[str, str]) -> None:
    assert eventcopies.About.read({"involvedObject": COMPOSITE | change}).claim == ""


@pytest.mark.requirement("connector:composite-events")
def test_nothing_but_the_sentence_tells_of_the_control_plane() -> None:
    secret = {"kind": "Secret", "name": "hidden", "namespace": SCOPE.namespace}
    told = {
        **EVENT,
        "metadata": {**EVENT["metadata"], "annotations": {"note": "hidden"}, "labels": {"node": "hidden"}},
        "involvedObject": {**EVENT["involvedObject"], "fieldPath": "hidden"},
        "source": {"component": "claim-controller", "host": "hidden"},
        "related": secret,
        "reportingComponent": "crossplane",
        "reportingInstance": "hidden-pod",
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "action": "Bind",
    }
    found = eventcopies.copy(told, CLAIM, A, OFFER, SCOPE)
    assert "hidden" not in str(found)
    assert SCOPE.namespace not in str(found)
    assert (found["source"], found["reportingInstance"]) == ({"component": "claim-controller"}, "crossplane")


def test_only_claims_of_this_app_cluster_are_told_about() -> None:
    assert eventcopies.identify(stored(A), OFFER, SCOPE) == A
    assert eventcopies.identify(stored(A), OFFER, Scope("another", SCOPE.namespace)) is None


@pytest.mark.parametrize(("change", "same"), [({}, True), ({"count": 3}, False), ({"firstTimestamp": "x"}, True)])
def test_an_event_is_written_again_when_it_tells_more(change: dict[str, Any], same: bool) -> None:
    assert eventcopies.same(EVENT, {**EVENT, **change}) == same
