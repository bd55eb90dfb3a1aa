from typing import Any

import pytest

from fairlead.crossplane import xrds
from fairlead.crossplane.xrds import DefinitionError
from fairlead.machinery.paths import Resource
from tests.crossplane.xrd_cases import CASES, demo, xrd

pytestmark = pytest.mark.requirement("crossplane:xrd-read")


def _with_conditions(**statuses: str) -> dict[str, Any]:
    conditions = [{"type": kind, "status": status} for kind, status in statuses.items()]
    return {**demo(), "status": {"conditions": conditions}}


def test_an_xrd_tells_what_it_offers() -> None:
    found = xrds.read(demo())
    assert found.claim is not None
    assert (found.claim.kind, found.claim.singular, found.claim.list_kind) == ("Database", "database", "DatabaseList")
    assert found.claims("v1alpha1") == Resource("demo.fairlead.dev", "v1alpha1", "databases")
    assert found.composites("v1alpha1") == Resource("demo.fairlead.dev", "v1alpha1", "xdatabases", namespaced=False)
    assert found.claim_crd == "databases.demo.fairlead.dev"
    assert (found.served, found.referenceable, found.scope) == (("v1alpha1",), "v1alpha1", "LegacyCluster")


def test_a_version_that_is_not_served_is_not_offered() -> None:
    found = xrds.read(CASES["versions"])
    assert (found.served, found.referenceable) == (("v1", "v2"), "v2")
    assert found.claims("v3") is None
    assert found.composites("v3") is None


def test_an_xrd_without_claims_offers_none() -> None:
    found = xrds.read(xrd("Namespaced"))
    assert (found.claim, found.claim_crd, found.claims("v1")) == (None, "", None)
    assert found.composites("v1") == Resource("example.org", "v1", "xthings")


@pytest.mark.parametrize(
    ("given", "established", "offered"),
    [
        ({}, False, False),
        ({"Established": "True"}, True, False),
        ({"Established": "True", "Offered": "True"}, True, True),
        ({"Offered": "False"}, False, False),
    ],
)
def test_only_conditions_say_that_it_is_offered(given: dict[str, str], established: bool, offered: bool) -> None:
    found = xrds.read(_with_conditions(**given))
    assert (found.established, found.offered) == (established, offered)


def test_the_default_scope_depends_on_the_version_it_was_read_through() -> None:
    definition = xrd("Cluster")
    del definition["spec"]["scope"]
    assert xrds.read(definition).scope == "LegacyCluster"
    assert xrds.read({**definition, "apiVersion": "apiextensions.crossplane.io/v2"}).scope == "Namespaced"


@pytest.mark.parametrize("broken", [{}, {"spec": None}, {"metadata": {"name": "x"}, "spec": {"group": "g"}},
                                    {"spec": {"group": "g", "names": {"plural": "p"}, "versions": []}}])  # fmt: skip
def test_what_is_no_xrd_is_one_clear_error(broken: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError, match="cannot be read"):
        xrds.read(broken)


def test_a_deleted_xrd_says_so() -> None:
    definition = demo()
    definition["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert xrds.read(definition).deleting
