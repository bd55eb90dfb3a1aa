import pytest

from fairlead.connector.installing import rights
from fairlead.connector.installing.rights import Grant

pytestmark = pytest.mark.requirement("connector:composite-events")

KINDS = frozenset({("demo.example.org", "databases")})


def places(grant: Grant, kind: str) -> list[str]:
    return [each["metadata"].get("namespace", "") for _, each in rights.objects(grant) if each["kind"] == kind]


def test_events_of_composites_may_be_read_where_they_are_and_only_when_events_are_told() -> None:
    told, silent = Grant("app-one", "c", KINDS, events=True), Grant("app-one", "c", KINDS)
    for kind in ("Role", "RoleBinding"):
        assert places(told, kind) == ["app-one", "default"]
        assert places(silent, kind) == ["app-one"]
        assert places(Grant("default", "c", KINDS, events=True), kind) == ["default"]
    (role,) = [each for _, each in rights.objects(told) if each["metadata"].get("namespace") == "default"][:1]
    assert role["rules"] == [{"apiGroups": [""], "resources": ["events"], "verbs": ["get", "list", "watch"]}]
    (binding,) = [each for _, each in rights.objects(told) if each["metadata"].get("namespace") == "default"][1:]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": told.name, "namespace": "app-one"}]


def test_whatever_was_on_is_taken_away() -> None:
    assert rights.removable(Grant("app-one", "c", KINDS)) == rights.objects(Grant("app-one", "c", KINDS, events=True))
