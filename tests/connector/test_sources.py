from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.connector import sources
from fairlead.connector.catalog import Offered
from fairlead.connector.choosing import Choice
from fairlead.connector.sources import CRD, XRD, Source, SourceName, Sources
from tests.e2e import manifests

NAME = SourceName(XRD, "xdatabases.demo.example.org")
OTHER = SourceName(XRD, "xqueues.demo.example.org")
SOURCE = Source(Offered("demo.example.org", "databases"), ("v1", "v2"))
KNOWN = Sources({NAME: SOURCE})
NOBODY: frozenset[SourceName] = frozenset()


@pytest.mark.requirement("connector:offered")
def test_an_offered_xrd_offers_its_claims_in_the_served_versions() -> None:
    xrd = manifests.xrd()
    assert sources.of_xrd(xrd) is None
    xrd["status"] = manifests.offered()
    xrd["spec"]["versions"].append({"name": "v0", "served": False})
    assert sources.of_xrd(xrd) == Source(Offered("demo.example.org", "databases"), ("v1alpha1",))
    del xrd["spec"]["claimNames"]
    assert sources.of_xrd(xrd) is None
    assert sources.of_xrd({"spec": {}}) is None


@pytest.mark.requirement("connector:offered")
def test_a_crd_is_offered_when_it_is_established_and_namespaced() -> None:
    crd: dict[str, Any] = {
        "spec": {
            "group": "g.example.org",
            "scope": "Namespaced",
            "names": {"plural": "things"},
            "versions": [{"name": "v1", "served": True}, {"name": "v0", "served": False}],
        }
    }
    assert sources.of_crd(crd) is None
    crd["status"] = {"conditions": [{"type": "Established", "status": "True"}]}
    assert sources.of_crd(crd) == Source(Offered("g.example.org", "things"), ("v1",))
    crd["spec"]["scope"] = "Cluster"
    assert sources.of_crd(crd) is None


@pytest.mark.requirement("connector:namespaced-composites")
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_namespaced_composites_are_offered_and_others_are_not(version: str) -> None:
    xrd = manifests.xrd()
    del xrd["spec"]["claimNames"]
    xrd["apiVersion"] = f"apiextensions.crossplane.io/{version}"
    for scope in ("Namespaced", "Cluster", "LegacyCluster"):
        xrd["spec"]["scope"] = scope
        xrd["status"] = {}
        assert sources.of_xrd(xrd) is None
        xrd["status"] = {"conditions": [{"type": "Established", "status": "True"}]}
        expected = Source(Offered("demo.example.org", "xdatabases", "nxr-"), ("v1alpha1",))
        assert sources.of_xrd(xrd) == (expected if scope == "Namespaced" else None)


@pytest.mark.requirement("connector:api-choice")
def test_what_is_not_chosen_is_known_and_serves_nothing_whatever_its_conditions() -> None:
    """So it may be withdrawn, which an absent condition must not do."""
    xrd = manifests.xrd()
    for choice in (Choice.parse([], ["databases.demo.example.org"]), Choice.parse([], [], "tier=gold")):
        assert sources.of_xrd(xrd, choice) == Source(Offered("demo.example.org", "databases"), ())
    assert sources.of_xrd({**xrd, "status": manifests.offered()}, Choice.parse(["databases.demo.example.org"], []))
    crd = {"spec": {"group": "g.example.org", "scope": "Namespaced", "names": {"plural": "things"}}}
    assert sources.of_crd(crd, Choice.parse([], ["*"])) == Source(Offered("g.example.org", "things"), ())
    assert sources.of_crd(crd, Choice.parse(["others.example.org"], [])) is None


@pytest.mark.requirement("connector:removal-authoritative")
def test_a_source_goes_only_when_it_is_deleted() -> None:
    assert KNOWN.applied(NAME, None) == KNOWN, "no longer offered is not gone"
    missing = KNOWN.listed(XRD, {})
    assert (missing.known, missing.gone, missing.suspects) == (KNOWN.known, NOBODY, frozenset({NAME}))
    gone = missing.deleted(NAME)
    nothing: dict[SourceName, Source] = {}
    assert (dict(gone.known), gone.gone, gone.suspects) == (nothing, frozenset({NAME}), NOBODY)
    assert gone.applied(NAME, SOURCE) == KNOWN, "and it may come again"


@pytest.mark.requirement("connector:removal-authoritative")
def test_a_list_of_one_kind_says_nothing_about_another() -> None:
    assert KNOWN.listed(CRD, {}) == KNOWN
    assert KNOWN.listed(XRD, {NAME: SOURCE}) == KNOWN


@pytest.mark.requirement("connector:removal-authoritative")
def test_what_an_earlier_life_published_for_is_asked_for() -> None:
    found = KNOWN.suspecting([NAME, OTHER])
    assert found.suspects == {OTHER}
    assert found.applied(OTHER, None).suspects == frozenset()


@pytest.mark.requirement("connector:removal-authoritative")
@given(st.lists(st.sampled_from(["applied", "emptied", "listed", "half", "suspected"]), max_size=8))
def test_nothing_but_a_deletion_ever_loses_a_source(steps: list[str]) -> None:
    found = KNOWN
    for step in steps:
        found = {
            "applied": lambda now: now.applied(NAME, SOURCE),
            "emptied": lambda now: now.applied(NAME, None),
            "listed": lambda now: now.listed(XRD, {}),
            "half": lambda now: now.listed(XRD, {OTHER: None}),
            "suspected": lambda now: now.suspecting([NAME]),
        }[step](found)
    assert found.known == KNOWN.known
    assert found.gone == frozenset()


@pytest.mark.requirement("connector:removal-authoritative")
@given(st.sampled_from([XRD, CRD]), st.from_regex(r"[a-z.]{1,20}", fullmatch=True))
def test_names_are_written_and_read(kind: str, name: str) -> None:
    assert SourceName.parse(str(SourceName(kind, name))) == SourceName(kind, name)
