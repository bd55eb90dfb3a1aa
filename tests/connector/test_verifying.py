import pytest

from fairlead.connector.naming import Identity
from fairlead.connector.rewriting import Rewriter, Stored
from fairlead.connector.verifying import Known
from fairlead.machinery.paths import Resource
from tests.connector.objects import PREFIX, SCOPE, encode, stored

pytestmark = pytest.mark.requirement("connector:one-request")
DATABASES = Resource("demo.example.org", "v1", "databases")


def identity(name: str) -> Identity:
    return Identity(SCOPE.cluster, "team-a", name)


def seen(name: str, uid: str = "u") -> Stored:
    return Rewriter(SCOPE, PREFIX).single(encode(stored(identity(name), uid=uid)), identity(name))


def test_an_object_is_known_in_all_of_its_versions_and_no_other_kind() -> None:
    known = Known()
    known.remember(DATABASES, seen("a"))
    found = known.get(Resource("demo.example.org", "v2", "databases"), identity("a"))
    assert found is not None
    assert (found.uid, found.resource_version) == ("u", "7")
    assert known.get(Resource("demo.example.org", "v1", "queues"), identity("a")) is None
    assert known.get(DATABASES, identity("b")) is None


def test_nothing_is_remembered_for_long() -> None:
    now = 0.0
    known = Known(lifetime=60, clock=lambda: now)
    known.remember(DATABASES, seen("a"))
    now = 59.9
    assert known.get(DATABASES, identity("a")) is not None
    now = 60.0
    assert known.get(DATABASES, identity("a")) is None


def test_the_oldest_goes_when_there_are_too_many() -> None:
    known = Known(most=2)
    for name in ("a", "b", "a", "c"):
        known.remember(DATABASES, seen(name))
    assert [known.get(DATABASES, identity(name)) is not None for name in "abc"] == [True, False, True]


def test_what_is_forgotten_is_read_again() -> None:
    known = Known()
    known.remember(DATABASES, seen("a"))
    known.forget(DATABASES, identity("a"))
    known.forget(DATABASES, identity("never"))
    assert known.get(DATABASES, identity("a")) is None
