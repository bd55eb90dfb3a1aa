import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.aggregation import registering
from fairlead.connector import publishing, rivals
from fairlead.connector.catalog import Catalog, Offered
from fairlead.connector.sources import XRD, Source, SourceName, Sources
from fairlead.machinery.discovery import APIGroup, APIVersion
from tests.connector.fakes import API, CATALOG
from tests.connector.test_publishing import BACKEND, NONE, SOURCES, published

pytestmark = pytest.mark.requirement("connector:group-conflicts")

Object = dict[str, Any]
GROUP = "demo.example.org"
OTHER = replace(BACKEND, name="second")
V2 = replace(CATALOG, groups=(APIGroup(GROUP, (APIVersion("v2", (API,)),)),))
V2_SOURCES = Sources({SourceName(XRD, "others"): Source(Offered(GROUP, "databases"), ("v2",))})


def registered(catalog: Catalog, sources: Sources, backend: registering.Backend, time: str) -> list[Object]:
    made = publishing.desired(catalog, sources, backend)
    return [
        {**each, "metadata": {**each["metadata"], "uid": "u", "resourceVersion": "1", "creationTimestamp": time}}
        for each in made
    ]


def test_a_group_is_the_firsts_in_all_its_versions() -> None:
    theirs = registered(CATALOG, SOURCES, OTHER, "2026-01-01T00:00:00Z")
    found = publishing.plan(V2, V2_SOURCES, theirs, BACKEND)
    assert (found.create, found.patch, found.remove) == ((), (), ())
    (conflict,) = found.conflicts
    assert conflict.name == "the API group demo.example.org"
    assert "Service kube-system/second" in conflict.owner
    assert "--deny-api '*.demo.example.org'" in conflict.owner
    assert publishing.plan(CATALOG, SOURCES, theirs, OTHER) == registering.Plan(), "the holder has no conflict"


def test_it_is_taken_over_when_the_first_has_gone() -> None:
    (made,) = publishing.plan(V2, V2_SOURCES, [], BACKEND).create
    assert made["metadata"]["name"] == "v2.demo.example.org"


def test_what_both_registered_at_once_is_settled_for_one() -> None:
    first = registered(CATALOG, SOURCES, BACKEND, "2026-01-01T00:00:00Z")
    second = registered(V2, V2_SOURCES, OTHER, "2026-01-01T00:00:00Z")
    for existing in itertools.permutations(first + second):
        assert publishing.plan(CATALOG, SOURCES, existing, BACKEND).remove == ()
        lost = publishing.plan(V2, V2_SOURCES, existing, OTHER)
        assert [each["metadata"]["name"] for each in lost.remove] == ["v2.demo.example.org"]
        assert [each.name for each in lost.conflicts] == ["the API group demo.example.org"]


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.integers(1, 3)), max_size=6),
    st.randoms(use_true_random=False),
)
def test_all_agree_who_has_what(made: list[tuple[str, str, int]], order: Any) -> None:
    api_services = [
        {
            "metadata": {"creationTimestamp": f"2026-01-0{day}T00:00:00Z", "labels": {rivals.CONNECTOR: connector}},
            "spec": {"group": group},
        }
        for group, connector, day in made
    ]
    holders = rivals.holders(api_services)
    order.shuffle(api_services)
    assert rivals.holders(api_services) == holders
    for connector in "xyz":
        lost = rivals.rivals(api_services, connector)
        assert lost == {group: holder for group, holder in holders.items() if holder != connector}


def test_what_is_another_connectors_is_not_in_the_catalog_that_mirrors_use() -> None:
    assert CATALOG.without([]) is CATALOG
    assert CATALOG.without([GROUP]).offers == {}


@pytest.mark.parametrize("labels", [{}, {registering.AUTOMANAGED: "true"}])
def test_a_crd_has_only_its_own_version(labels: dict[str, str]) -> None:
    (theirs,) = published()
    theirs["metadata"]["labels"] = labels
    found = publishing.plan(V2, V2_SOURCES, [theirs], BACKEND)
    assert [each["metadata"]["name"] for each in found.create] == ["v2.demo.example.org"]
    assert publishing.plan(NONE, SOURCES, [theirs], BACKEND) == registering.Plan()
