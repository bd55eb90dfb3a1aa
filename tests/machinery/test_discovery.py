from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.machinery import discovery
from fairlead.machinery.discovery import APIGroup, APIResource, APIVersion, Subresource
from fairlead.machinery.paths import GroupVersion, Resource

word = st.from_regex(r"[a-z]{1,8}", fullmatch=True)
words = st.lists(word, max_size=3).map(tuple)
subresources = st.one_of(
    st.builds(Subresource, word, word, words),
    st.builds(Subresource, word, word, words, st.just("autoscaling"), st.just("v1")),
)
resource = st.builds(
    APIResource,
    plural=word,
    kind=word,
    verbs=words,
    namespaced=st.booleans(),
    singular=word,
    short_names=words,
    categories=words,
    subresources=st.lists(subresources, max_size=2, unique_by=lambda each: each.name).map(tuple),
)
resources = st.lists(resource, max_size=3, unique_by=lambda each: each.plural).map(tuple)
version = st.builds(APIVersion, word, resources, st.booleans())
versions = st.lists(version, min_size=1, max_size=3, unique_by=lambda each: each.version).map(tuple)
named_group = st.builds(APIGroup, word.map(lambda text: f"{text}.io"), versions)

WIDGETS = APIResource(
    "widgets",
    "Widget",
    ("get", "list"),
    True,
    "widget",
    ("wd",),
    ("all",),
    (Subresource("status", "Widget", ("get",)), Subresource("scale", "Scale", ("get",), "autoscaling", "v1")),
    "hash=",
)
GROUP = APIGroup("t.io", (APIVersion("v1", (WIDGETS,)), APIVersion("v1beta1")))


@pytest.mark.requirement("machinery:discovery-aggregated")
@given(st.lists(named_group, max_size=3))
def test_an_aggregated_document_reads_back(groups: list[APIGroup]) -> None:
    assert discovery.read_aggregated(discovery.aggregated(groups)) == groups


@pytest.mark.requirement("machinery:discovery-aggregated")
def test_the_aggregated_shape_is_the_servers() -> None:
    (item,) = discovery.aggregated([GROUP])["items"]
    assert item == {
        "metadata": {"name": "t.io"},
        "versions": [
            {
                "version": "v1",
                "resources": [
                    {
                        "resource": "widgets",
                        "responseKind": {"group": "t.io", "version": "v1", "kind": "Widget"},
                        "scope": "Namespaced",
                        "singularResource": "widget",
                        "verbs": ["get", "list"],
                        "shortNames": ["wd"],
                        "categories": ["all"],
                        "subresources": [
                            {
                                "subresource": "status",
                                "responseKind": {"group": "t.io", "version": "v1", "kind": "Widget"},
                                "verbs": ["get"],
                            },
                            {
                                "subresource": "scale",
                                "responseKind": {"group": "autoscaling", "version": "v1", "kind": "Scale"},
                                "verbs": ["get"],
                            },
                        ],
                    }
                ],
                "freshness": "Current",
            },
            {"version": "v1beta1", "freshness": "Current"},
        ],
    }


@pytest.mark.requirement("machinery:discovery-aggregated")
def test_a_resource_without_a_kind_is_dropped() -> None:
    document: dict[str, Any] = discovery.aggregated([GROUP])
    del document["items"][0]["versions"][0]["resources"][0]["responseKind"]
    (group,) = discovery.read_aggregated(document)
    assert group.versions[0].resources == ()


@pytest.mark.requirement("machinery:discovery-aggregated")
@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        (discovery.AGGREGATED_CONTENT_TYPE, True),
        ("application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList", True),
        ("application/json", False),
    ],
)
def test_only_the_content_type_makes_a_document_aggregated(content_type: str, expected: bool) -> None:
    assert discovery.content_type_is_aggregated(content_type) is expected


@pytest.mark.requirement("machinery:discovery-legacy")
@given(resources)
def test_a_resource_list_reads_back(found: tuple[APIResource, ...]) -> None:
    document = discovery.resource_list(GroupVersion("t.io", "v1"), found)
    assert discovery.read_resource_list(document) == found


@pytest.mark.requirement("machinery:discovery-legacy")
def test_subresources_stand_beside_their_resource() -> None:
    document = discovery.resource_list(GroupVersion("t.io", "v1"), [WIDGETS])
    assert [each["name"] for each in document["resources"]] == ["widgets", "widgets/status", "widgets/scale"]
    assert document["resources"][2] == {
        "name": "widgets/scale",
        "singularName": "",
        "namespaced": True,
        "group": "autoscaling",
        "version": "v1",
        "kind": "Scale",
        "verbs": ["get"],
    }


@pytest.mark.requirement("machinery:discovery-legacy")
def test_the_core_list_has_no_api_version() -> None:
    assert "apiVersion" not in discovery.resource_list(GroupVersion("", "v1"), [])


@pytest.mark.requirement("machinery:discovery-legacy")
@given(st.lists(named_group, max_size=3))
def test_groups_read_back_with_the_preferred_version_first(groups: list[APIGroup]) -> None:
    bare = [APIGroup(each.name, tuple(APIVersion(v.version) for v in each.versions)) for each in groups]
    assert discovery.read_groups(discovery.group_list([APIGroup(""), *groups])) == bare


@pytest.mark.requirement("machinery:discovery-legacy")
def test_a_preferred_version_that_is_not_first_is_moved() -> None:
    document = discovery.group_list([GROUP])
    document["groups"][0]["preferredVersion"] = document["groups"][0]["versions"][1]
    (group,) = discovery.read_groups(document)
    assert [each.version for each in group.versions] == ["v1beta1", "v1"]


@pytest.mark.requirement("machinery:discovery-legacy")
def test_every_resource_is_addressed() -> None:
    assert [each for each, _ in discovery.resources([GROUP])] == [Resource("t.io", "v1", "widgets")]
    assert GROUP.version("v1") == GROUP.versions[0]
    assert GROUP.version("v9") is None
    assert discovery.group_document(GROUP)["kind"] == "APIGroup"
    assert discovery.core_versions("h:1")["versions"] == ["v1"]
