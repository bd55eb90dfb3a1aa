"""Generated CRDs against those of Crossplane's own renderer (crossplane-runtime v2.3.3)."""

import json
from copy import deepcopy
from typing import Any

import pytest

from fairlead.crossplane.defining.generating import claim_crd, composite_crd
from fairlead.crossplane.xrds import DefinitionError
from fairlead.machinery.schemas import Schema
from tests.crossplane.xrd_cases import CASES, GENERATED, demo, xrd

EXPECTED = json.loads(GENERATED.read_text())


def _as_go_writes(crd: dict[str, Any]) -> dict[str, Any]:
    """Go's encoding leaves out what is empty and writes a status; neither means anything in a CRD that is sent."""
    found: dict[str, Any] = _without_empty(crd)
    for key in ("status", "apiVersion", "kind"):
        found.pop(key, None)
    found["metadata"].pop("creationTimestamp", None)
    return found


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        members = {key: _without_empty(each) for key, each in value.items()}
        return {key: each for key, each in members.items() if each not in ({}, [], "", None) or key == "status"}
    return [_without_empty(each) for each in value] if isinstance(value, list) else value


@pytest.mark.requirement("crossplane:composite-crd")
@pytest.mark.parametrize("name", sorted(CASES))
def test_the_composite_crd_is_crossplanes(name: str) -> None:
    if "compositeError" in EXPECTED[name]:
        with pytest.raises(DefinitionError):
            composite_crd(CASES[name])
        return
    assert _as_go_writes(composite_crd(CASES[name])) == _as_go_writes(EXPECTED[name]["composite"])


@pytest.mark.requirement("crossplane:claim-crd")
@pytest.mark.parametrize("name", sorted(CASES))
def test_the_claim_crd_is_crossplanes(name: str) -> None:
    if "claim" not in EXPECTED[name]:
        with pytest.raises(DefinitionError):
            claim_crd(CASES[name])
        return
    assert _as_go_writes(claim_crd(CASES[name])) == _as_go_writes(EXPECTED[name]["claim"])


@pytest.mark.requirement("crossplane:claim-crd", "crossplane:composite-crd")
def test_an_xrd_is_not_changed_by_generating() -> None:
    before = demo()
    after = deepcopy(before)
    first, second = claim_crd(after), composite_crd(after)
    first["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"].clear()
    assert after == before
    assert second == composite_crd(after)


@pytest.mark.requirement("crossplane:claim-crd")
def test_a_generated_schema_judges_claims() -> None:
    schema = Schema.compile(claim_crd(demo())["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    claim: dict[str, Any] = {"apiVersion": "demo.fairlead.dev/v1alpha1", "kind": "Database", "metadata": {"name": "a"},
                             "spec": {"size": "huge", "colour": "red"}}  # fmt: skip
    assert schema.prune(claim) == ["spec.colour"]
    schema.default(claim)
    assert claim["spec"]["engine"] == "postgres"
    assert [each["field"] for each in schema.validate(claim)] == ["spec.size"]


@pytest.mark.requirement("crossplane:composite-crd")
def test_the_v2_api_has_another_default_scope() -> None:
    definition = {**xrd("Namespaced"), "apiVersion": "apiextensions.crossplane.io/v2"}
    del definition["spec"]["scope"]
    assert composite_crd(definition)["spec"]["scope"] == "Namespaced"
