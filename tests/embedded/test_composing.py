from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.crossplane import xrds
from fairlead.embedded.simulator import composing
from fairlead.embedded.simulator.simulating import demo_claim, demo_xrd, xrd_crd
from fairlead.machinery.patches import merge_patch
from fairlead.machinery.schemas import Schema

pytestmark = pytest.mark.requirement("simulator:claim-ready")

DEFINITION = xrds.read(demo_xrd())
TIME = "2026-01-01T00:00:00Z"


def _claim(**metadata: Any) -> dict[str, Any]:
    claim = demo_claim()
    claim["metadata"] |= {"resourceVersion": "1", "uid": "u", **metadata}
    return claim


def _bound(**metadata: Any) -> dict[str, Any]:
    claim = _claim(**metadata)
    bound: dict[str, Any] = merge_patch(claim, composing.binding(claim, DEFINITION, "abcde"))
    return bound


def test_a_claim_is_bound_once() -> None:
    bound = _bound(finalizers=["example.org/mine"])
    assert bound["metadata"]["finalizers"] == ["example.org/mine", composing.CLAIM_FINALIZER]
    assert composing.composite_name(bound) == "orders-abcde"
    assert composing.binding(bound, DEFINITION, "fghij") is None


def test_a_composite_that_the_claim_names_is_kept() -> None:
    claim = _claim()
    claim["spec"]["resourceRef"] = {"apiVersion": claim["apiVersion"], "kind": "XDatabase", "name": "given"}
    bound = merge_patch(claim, composing.binding(claim, DEFINITION, "abcde"))
    assert composing.composite_name(bound) == "given"


@given(st.text("abcdefghij-", min_size=1, max_size=63))
def test_a_composites_name_fits_a_label(name: str) -> None:
    assert len(composing.composite_name(_bound(name=name))) <= 63


def test_a_composite_takes_the_authors_fields_alone() -> None:
    claim = _bound(annotations={"kubectl.kubernetes.io/last-applied-configuration": "{}", "team": "a"})
    made = composing.composite(claim, DEFINITION)
    assert set(made["spec"]) == {"size", "claimRef"}
    assert made["metadata"]["annotations"] == {"team": "a", **composing.SIMULATED}
    assert composing.claim_of(made) == ("default", "orders")


@pytest.mark.requirement("simulator:says-so")
def test_what_is_made_says_that_it_is_simulated() -> None:
    claim = _bound()
    secret = composing.connection_secret(claim, ["endpoint"], "password")
    assert secret is not None
    for made in (composing.composite(claim, DEFINITION), secret, xrd_crd()):
        assert made["metadata"]["annotations"]["fairlead.dev/simulated"] == "true"
    assert all("simulated" in each["message"] for each in composing.ready(claim, TIME) if each["type"] == "Ready")
    assert list(secret["stringData"]) == ["endpoint"]


def test_a_claim_that_asks_for_no_secret_gets_none() -> None:
    claim = _bound()
    del claim["spec"]["writeConnectionSecretToRef"]
    assert composing.connection_secret(claim, [], "password") is None


def test_a_status_that_holds_is_not_written_again() -> None:
    claim = _claim()
    claim["status"] = {"conditions": composing.ready(claim, TIME)}
    assert composing.ready(claim, "2026-02-02T00:00:00Z") == claim["status"]["conditions"]
    xrd = demo_xrd()
    xrd["status"] = composing.offered(xrd, DEFINITION, TIME)
    assert composing.offered(xrd, DEFINITION, "2026-02-02T00:00:00Z") == xrd["status"]


def test_the_demo_fits_the_playgrounds_own_xrd_kind() -> None:
    crd = xrd_crd()
    assert [each["name"] for each in crd["spec"]["versions"]] == ["v1", "v2"]
    schema = Schema.compile(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    xrd = demo_xrd()
    assert schema.prune(xrd) == []
    assert xrd == demo_xrd()
    assert schema.validate(xrd) == []
