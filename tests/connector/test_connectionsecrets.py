from typing import Any

import pytest

from fairlead.connector import connectionsecrets, secretnames
from fairlead.connector.connectionsecrets import COPY_OF, TYPE
from fairlead.connector.naming import APP_SECRET_NAME, Identity, Scope
from tests.connector.fakes import CATALOG
from tests.connector.objects import PREFIX, SCOPE, stored

pytestmark = pytest.mark.requirement("connector:secret-copies")

A = Identity(SCOPE.cluster, "team-a", "orders")
HASHED = secretnames.stored("db", "team-a", SCOPE.cluster)
OFFER = CATALOG.offers["demo.example.org", "v1", "databases"]
DATA = {"password": "czNjcmV0"}


def secret(name: str = HASHED, uid: str = "u-1", **more: Any) -> dict[str, Any]:
    controller = {"apiVersion": "demo.example.org/v1", "kind": "Database", "name": A.backend(PREFIX), "uid": uid}
    metadata = {"name": name, "namespace": SCOPE.namespace, "ownerReferences": [{**controller, "controller": True}]}
    return {"metadata": metadata, "type": TYPE, "data": DATA, **more}


def claim(name: str = HASHED, **annotations: str) -> dict[str, Any]:
    found = stored(A, annotations=annotations)
    return {**found, "spec": {"writeConnectionSecretToRef": {"name": name}}}


def copied() -> dict[str, Any]:
    found = connectionsecrets.copy(secret(), claim(**{APP_SECRET_NAME: "db"}), OFFER, SCOPE)
    assert found is not None
    return found


def test_a_copy_looks_as_if_it_had_been_written_there() -> None:
    found = copied()
    controller = {"apiVersion": "demo.example.org/v1", "kind": "Database", "name": "orders", "uid": "u-1"}
    assert (found["type"], found["data"]) == (TYPE, DATA)
    assert found["metadata"] == {
        "name": "db",
        "namespace": "team-a",
        "labels": {COPY_OF: SCOPE.cluster},
        "ownerReferences": [{**controller, "controller": True}],
    }


def test_an_imported_claims_secret_keeps_its_name() -> None:
    found = connectionsecrets.copy(secret("imported"), claim("imported"), OFFER, SCOPE)
    assert found is not None
    assert found["metadata"]["name"] == "imported"


@pytest.mark.parametrize(
    ("found", "whose", "scope"),
    [
        (secret(uid="another"), claim(), SCOPE),
        (secret("another"), claim(), SCOPE),
        (secret(type="Opaque"), claim(), SCOPE),
        ({**secret(), "metadata": {"name": HASHED}}, claim(), SCOPE),
        (secret(), claim(), Scope("another", SCOPE.namespace)),
        (secret(), {**claim(), "spec": {}}, SCOPE),
    ],
)
def test_what_is_not_this_claims_or_not_ours_is_not_copied(found: Any, whose: Any, scope: Scope) -> None:
    assert connectionsecrets.copy(found, whose, OFFER, scope) is None


def test_what_to_do_with_what_is_there() -> None:
    wanted = copied()
    assert connectionsecrets.to_have(None, wanted) == ("create", wanted)
    existing = {**wanted, "metadata": {**wanted["metadata"], "resourceVersion": "5", "uid": "s"}}
    assert connectionsecrets.to_have(existing, wanted)[0] == "nothing"
    verb, after = connectionsecrets.to_have({**existing, "data": {"old": "eA=="}}, wanted)
    assert (verb, after) == ("replace", existing), "conditional on the version that was seen"


@pytest.mark.parametrize(
    ("change", "verb"), [({"uid": "new"}, "replace"), ({"name": "x"}, "refuse"), ({"kind": "X"}, "refuse")]
)
def test_a_claim_takes_over_from_its_namesake_and_from_no_other(change: dict[str, str], verb: str) -> None:
    """Two connectors may serve claims of one namespace that ask for one name."""
    wanted = copied()
    (reference,) = wanted["metadata"]["ownerReferences"]
    existing = {**wanted, "metadata": {**wanted["metadata"], "ownerReferences": [{**reference, **change}]}}
    assert connectionsecrets.to_have(existing, wanted)[0] == verb


@pytest.mark.parametrize(
    "other", [{"labels": {}}, {"labels": {COPY_OF: "another"}}, {"labels": None}, {"annotations": {COPY_OF: "x"}}]
)
def test_a_secret_of_somebody_else_is_refused(other: dict[str, Any]) -> None:
    wanted = copied()
    existing = {**wanted, "metadata": {"name": "db", "namespace": "team-a", **other}}
    assert connectionsecrets.to_have(existing, wanted) == ("refuse", {})
    ours_but_opaque = {**wanted, "type": "Opaque"}
    assert connectionsecrets.to_have(ours_but_opaque, wanted)[0] == "refuse"
