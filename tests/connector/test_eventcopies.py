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


def test_a_copy_speaks_of_the_claim_as_the_app_cluster_does() -> None:
    found = eventcopies.copy(EVENT, A, OFFER, SCOPE)
    assert found["involvedObject"] == {**ABOUT, "name": "orders", "namespace": "team-a"}
    assert (found["metadata"]["name"], found["metadata"]["namespace"]) == ("orders.17ab", "team-a")
    assert found["message"] == 'cannot bind "orders" in "team-a" to (unknown)'
    assert {"uid", "resourceVersion"}.isdisjoint(found["metadata"])
    assert BACKEND not in str(found)
    assert eventcopies.is_ours(found, SCOPE.cluster)
    assert not eventcopies.is_ours(EVENT, SCOPE.cluster)


def test_only_claims_of_this_app_cluster_are_told_about() -> None:
    assert eventcopies.identify(stored(A), OFFER, SCOPE) == A
    assert eventcopies.identify(stored(A), OFFER, Scope("another", SCOPE.namespace)) is None


@pytest.mark.parametrize(("change", "same"), [({}, True), ({"count": 3}, False), ({"firstTimestamp": "x"}, True)])
def test_an_event_is_written_again_when_it_tells_more(change: dict[str, Any], same: bool) -> None:
    assert eventcopies.same(EVENT, {**EVENT, **change}) == same
