from dataclasses import replace
from typing import Any

import pytest

from fairlead.aggregation import registering
from fairlead.aggregation.registering import Backend
from fairlead.connector import publishing
from fairlead.connector.catalog import Catalog, Offered
from fairlead.connector.sources import XRD, Source, SourceName, Sources
from fairlead.machinery.discovery import APIGroup, APIVersion
from tests.connector.fakes import API, CATALOG, GROUPS

BACKEND = Backend("kube-system", "fairlead-connector", 443, b"PEM")
NAME = SourceName(XRD, "xdatabases.demo.example.org")
SOURCES = Sources({NAME: Source(Offered("demo.example.org", "databases"), ("v1",))})
NONE = Catalog((), frozenset())


def published(catalog: Catalog = CATALOG, sources: Sources = SOURCES) -> list[dict[str, Any]]:
    made = publishing.desired(catalog, sources, BACKEND)
    return [{**each, "metadata": {**each["metadata"], "uid": "u", "resourceVersion": "1"}} for each in made]


@pytest.mark.requirement("connector:publishes")
def test_one_api_service_for_each_group_and_version() -> None:
    queue = replace(API, plural="queues", kind="Queue")
    groups = (APIGroup("demo.example.org", (APIVersion("v2", (API, queue)), APIVersion("v1", (API,)))),)
    found = publishing.desired(replace(CATALOG, groups=groups), SOURCES, BACKEND)
    assert [each["metadata"]["name"] for each in found] == ["v2.demo.example.org", "v1.demo.example.org"]
    assert found[0]["spec"]["versionPriority"] > found[1]["spec"]["versionPriority"], "the preferred one wins"


@pytest.mark.requirement("connector:publishes", "connector:discovery-hash")
def test_an_api_service_is_rewritten_only_when_discovery_changes() -> None:
    assert publishing.plan(CATALOG, SOURCES, published(), BACKEND) == registering.Plan()
    changed = replace(CATALOG, openapi={})
    ((name, patch),) = publishing.plan(changed, SOURCES, published(), BACKEND).patch
    assert name == "v1.demo.example.org"
    annotations = {registering.DISCOVERY_HASH: changed.hash(changed.group_versions[0])}
    assert patch == {"metadata": {"annotations": annotations, "resourceVersion": "1"}}


@pytest.mark.requirement("connector:removal-authoritative")
def test_an_api_service_goes_when_its_sources_are_gone() -> None:
    existing = published()
    assert publishing.plan(NONE, Sources(), existing, BACKEND).remove == (), "not known is not gone"
    assert publishing.plan(NONE, SOURCES, existing, BACKEND).remove == (), "promised, and not served for now"
    assert publishing.plan(NONE, SOURCES.deleted(NAME), existing, BACKEND).remove == tuple(existing)


@pytest.mark.requirement("connector:removal-authoritative")
def test_all_of_its_sources() -> None:
    other = SourceName(XRD, "xqueues.demo.example.org")
    both = SOURCES.applied(other, Source(Offered("demo.example.org", "queues"), ("v1",)))
    existing = published(sources=both)
    assert publishing.plan(NONE, both.deleted(NAME), existing, BACKEND).remove == ()
    assert len(publishing.plan(NONE, both.deleted(NAME).deleted(other), existing, BACKEND).remove) == 1


@pytest.mark.requirement("connector:removal-authoritative")
def test_a_version_goes_when_its_source_says_that_it_is_not_served() -> None:
    later = Sources({NAME: Source(Offered("demo.example.org", "databases"), ("v2",))})
    assert len(publishing.plan(NONE, later, published(), BACKEND).remove) == 1


@pytest.mark.requirement("connector:removal-authoritative")
def test_one_that_names_no_sources_stays() -> None:
    (existing,) = published()
    del existing["metadata"]["annotations"][publishing.SOURCES]
    assert publishing.plan(NONE, Sources(gone=frozenset({NAME})), [existing], BACKEND).remove == ()


@pytest.mark.requirement("connector:conflicts-reported")
@pytest.mark.parametrize(
    "labels", [{}, {registering.AUTOMANAGED: "true"}, {registering.AUTOMANAGED: "true", publishing.CONNECTOR: "x.y"}]
)
def test_an_api_service_of_somebody_else_is_reported_and_left_alone(labels: dict[str, str]) -> None:
    (theirs,) = published()
    theirs["metadata"]["labels"] = labels
    for sources in (SOURCES, SOURCES.deleted(NAME)):
        found = publishing.plan(CATALOG, sources, [theirs], BACKEND)
        assert (found.create, found.patch, found.remove) == ((), (), ())
        assert [each.name for each in found.conflicts] == ["v1.demo.example.org"]


@pytest.mark.requirement("connector:discovery-complete")
def test_what_is_promised_and_missing_makes_a_catalog_incomplete() -> None:
    assert publishing.missing(GROUPS, SOURCES) == []
    assert publishing.missing((), SOURCES) == ["databases.v1.demo.example.org"]


@pytest.mark.requirement("connector:discovery-complete")
@pytest.mark.parametrize(
    "now", [(), (APIGroup("demo.example.org"),), (APIGroup("demo.example.org", (APIVersion("v1", (), False),)),)]
)
def test_what_was_served_and_is_still_promised_is_carried_over(now: tuple[APIGroup, ...]) -> None:
    assert publishing.carried_over(now, CATALOG, SOURCES) == GROUPS
    assert publishing.carried_over(now, None, SOURCES) == ()
    assert publishing.carried_over(now, CATALOG, SOURCES.deleted(NAME)) == ()


@pytest.mark.requirement("connector:discovery-complete")
def test_a_version_that_is_no_longer_promised_is_not_carried_over() -> None:
    later = Sources({NAME: Source(Offered("demo.example.org", "databases"), ("v2",))})
    assert publishing.carried_over(GROUPS, CATALOG, later) == ()
