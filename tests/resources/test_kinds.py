import pytest

from fairlead.machinery.discovery import APIGroup, APIResource, APIVersion
from fairlead.resources.kinds import Kinds, UnknownKindError

VERBS = ("get", "list")


def resource(plural: str, kind: str, *short: str, categories: tuple[str, ...] = ()) -> APIResource:
    return APIResource(plural, kind, VERBS, singular=kind.lower(), short_names=short, categories=categories)


KINDS = Kinds(
    [
        APIGroup("", (APIVersion("v1", (resource("pods", "Pod", "po"), resource("events", "Event", "ev"))),)),
        APIGroup(
            "apps", (APIVersion("v1", (resource("deployments", "Deployment", "deploy"),)), APIVersion("v1beta1", ()))
        ),
        APIGroup("events.k8s.io", (APIVersion("v1", (resource("events", "Event"),)),)),
        APIGroup(
            "example.org",
            (
                APIVersion("v1", (resource("databases", "Database", "db", categories=("claim",)),)),
                APIVersion("v1alpha1", (resource("databases", "Database"), resource("tables", "Table"))),
            ),
        ),
        APIGroup("gone.example.org", (APIVersion("v1", fresh=False),)),
    ]
)


@pytest.mark.requirement("resources:sloppy-kinds")
@pytest.mark.parametrize(
    ("name", "api_version", "found"),
    [
        ("pods", "", "/v1/pods"),
        ("Pod", "", "/v1/pods"),
        ("po", "", "/v1/pods"),
        ("pod", "v1", "/v1/pods"),
        ("DEPLOY", "", "apps/v1/deployments"),
        ("deployments.apps", "", "apps/v1/deployments"),
        ("deployment.v1.apps", "", "apps/v1/deployments"),
        ("Deployment", "apps/v1", "apps/v1/deployments"),
        ("ev", "", "/v1/events"),
        ("events.events.k8s.io", "", "events.k8s.io/v1/events"),
        ("Event", "events.k8s.io/v1", "events.k8s.io/v1/events"),
        ("databases.example.org", "", "example.org/v1/databases"),
        ("database", "example.org/v1alpha1", "example.org/v1alpha1/databases"),
        ("databases.v1alpha1.example.org", "", "example.org/v1alpha1/databases"),
        ("tables", "", "example.org/v1alpha1/tables"),
    ],
)
def test_a_kind_by_any_of_its_names(name: str, api_version: str, found: str) -> None:
    resource = KINDS.find(name, api_version).resource
    assert f"{resource.group}/{resource.version}/{resource.plural}" == found


@pytest.mark.requirement("resources:near-kinds")
@pytest.mark.parametrize(
    ("name", "api_version", "near"),
    [
        ("deployment", "apps/v2", "deployments.apps"),
        ("databse", "", "databases.example.org"),
        ("pdos", "", "pods"),
        ("data", "", "databases.example.org"),
    ],
)
def test_a_miss_names_what_is_near(name: str, api_version: str, near: str) -> None:
    with pytest.raises(UnknownKindError) as caught:
        KINDS.find(name, api_version)
    assert near in str(caught.value)
    assert "gone.example.org/v1" in str(caught.value)


@pytest.mark.requirement("resources:near-kinds")
def test_search_finds_each_kind_once_in_its_preferred_version() -> None:
    assert [each.api_version for each in KINDS.search("database")] == ["example.org/v1"]
    assert [each.api.kind for each in KINDS.search("claim")] == ["Database"]
    assert [each.api.kind for each in KINDS.category("claim")] == ["Database"]
    assert KINDS.search("nothing like it") == []
