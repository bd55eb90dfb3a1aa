from dataclasses import replace

import pytest

from fairlead.connector import catalog
from fairlead.connector.catalog import Offered
from fairlead.machinery.discovery import APIGroup, APIResource, APIVersion, Subresource
from fairlead.machinery.paths import GroupVersion
from tests.connector.fakes import API, CATALOG, VERBS

V1 = GroupVersion("demo.example.org", "v1")
COMPOSITE = APIResource("xdatabases", "XDatabase", VERBS, namespaced=False)
QUEUES = APIResource("queues", "Queue", VERBS)


@pytest.mark.requirement("connector:discovery-filtered")
def test_only_what_is_offered_is_kept_and_several_kinds_of_a_version_all_are() -> None:
    groups = [
        APIGroup("demo.example.org", (APIVersion("v1", (API, COMPOSITE, QUEUES)), APIVersion("v2", (COMPOSITE,)))),
        APIGroup("apps", (APIVersion("v1", (APIResource("deployments", "Deployment", VERBS),)),)),
    ]
    offered = [Offered("demo.example.org", each) for each in ("databases", "queues", "xdatabases")]
    kept = catalog.keep(groups, offered)
    assert [group.name for group in kept] == ["demo.example.org"]
    assert [version.version for version in kept[0].versions] == ["v1"]
    assert [each.plural for each in kept[0].versions[0].resources] == ["databases", "queues"]


@pytest.mark.requirement("connector:discovery-filtered")
def test_verbs_and_subresources_that_we_do_not_serve_are_not_offered() -> None:
    more = replace(API, verbs=(*VERBS, "proxy"), subresources=(*API.subresources, Subresource("exec", "E", ("get",))))
    kept = catalog.keep([APIGroup("g", (APIVersion("v1", (more,)),))], [Offered("g", "databases")])
    assert kept[0].versions[0].resources == (API,)


@pytest.mark.requirement("connector:discovery-hash")
def test_the_hash_changes_with_discovery_and_with_the_schema() -> None:
    before = CATALOG.hash(V1)
    assert CATALOG.hash(V1) == before
    renamed = replace(CATALOG, groups=(APIGroup(V1.group, (APIVersion("v1", (replace(API, short_names=("d",)),)),)),))
    assert renamed.hash(V1) != before
    assert replace(CATALOG, openapi={V1: b"{}"}).hash(V1) != before
