"""Deleting an XRD that has claims, on real Crossplane: what it does by itself, and what the tool does before."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from fairlead.crossplane.upkeep import retiring
from fairlead.resources.reading import Reader
from tests.crossplane.agents import Hand
from tests.crossplane.conftest import NAMESPACE
from tests.crossplane.wards import Ward
from tests.e2e import world
from tests.e2e.hands import Kubectl

Object = dict[str, Any]
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.real,
    pytest.mark.whole,
    pytest.mark.requirement("crossplane-toolset:retiring"),
]
PAUSED = "crossplane.io/paused"
FINALIZER = "finalizer.apiextensions.crossplane.io"


@pytest.fixture
async def group(agent: Hand, plane: Kubectl, unique: Callable[[str], str]) -> str:
    """Its XRD offers parasols, of which there is one, composed."""
    group = f"{unique('retired')}.example.org"
    fields = json.dumps({"properties": {"size": {"type": "string"}}})
    wanted = {"group": group, "kind": "XParasol", "plural": "xparasols", "claim_kind": "Parasol"}
    await agent("create_xrd", **wanted, spec_schema=fields, wait_seconds=30)
    step = "[{step: make, functionRef: {name: function-settings}}]"
    kind = {"xr_api_version": f"{group}/v1alpha1", "xr_kind": "XParasol"}
    await agent("create_composition", name=f"xparasols.{group}", **kind, pipeline=step)
    claim = {"kind": f"parasols.{group}", "name": "one", "namespace": NAMESPACE}
    await agent("create_composite", **claim, spec="{size: small}", wait_seconds=60)
    return group


def paused(plane: Kubectl, group: str, annotation: str) -> None:
    plane.run("annotate", f"parasols.{group}/one", "-n", NAMESPACE, annotation)


async def test_a_claim_that_does_not_go_keeps_its_xrd(
    agent: Hand, plane: Kubectl, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retiring, "SECONDS", 2.0)
    paused(plane, group, f"{PAUSED}=true")
    refused = await agent.refused("delete_xrd", name=f"xparasols.{group}")
    assert "the XRD is not deleted yet: its claims go first, and 1 are still there" in refused
    assert f"Parasol/one in {NAMESPACE}" in refused
    assert f"explain_deletion kind=parasols.{group} name=one namespace={NAMESPACE}" in refused
    xrd = json.loads(plane.run("get", "xrd", f"xparasols.{group}", "-o", "json"))
    assert "deletionTimestamp" not in xrd["metadata"]

    paused(plane, group, f"{PAUSED}-")
    world.await_gone(plane, f"parasols.{group}/one", "-n", NAMESPACE)
    assert "deleted CompositeResourceDefinition" in await agent("delete_xrd", name=f"xparasols.{group}")
    world.await_gone(plane, f"xrd/xparasols.{group}")


@pytest.mark.requirement("crossplane-packages:going")
async def test_the_claims_of_an_xrd_that_is_in_use_stay_with_it(agent: Hand, plane: Kubectl, group: str) -> None:
    usage: Object = {"apiVersion": "protection.crossplane.io/v1beta1", "kind": "ClusterUsage"}
    of: Object = {"apiVersion": "apiextensions.crossplane.io/v1", "kind": "CompositeResourceDefinition"}
    of["resourceRef"] = {"name": f"xparasols.{group}"}
    usage |= {"metadata": {"name": group}, "spec": {"of": of, "reason": "people live by it"}}
    plane.apply(usage)
    plane.run("wait", "--for=condition=Ready", "--timeout=30s", f"clusterusages.protection.crossplane.io/{group}")
    refused = await agent.refused("delete_xrd", name=f"xparasols.{group}")
    assert "is in use, so it was not deleted" in refused
    claim = json.loads(plane.run("get", f"parasols.{group}", "one", "-n", NAMESPACE, "-o", "json"))
    assert "deletionTimestamp" not in claim["metadata"]
    plane.run("delete", "clusterusages.protection.crossplane.io", group)
    assert "deleted CompositeResourceDefinition" in await agent("delete_xrd", name=f"xparasols.{group}")


async def test_a_claim_whose_composites_kind_went_first_is_told_of(
    plane: Kubectl, reader: Reader, group: str, unique: Callable[[str], str]
) -> None:
    """Brought about by a claim that rests meanwhile; the two controllers do it by themselves when one is slow."""
    paused(plane, group, f"{PAUSED}=true")
    plane.run("delete", "xrd", f"xparasols.{group}", "--wait=false")
    world.await_gone(plane, f"crd/xparasols.{group}")
    paused(plane, group, f"{PAUSED}-")
    ward = Ward(plane, reader, unique)
    first = await ward.first("stranded-claim", f"parasols.{group}", "one")
    assert "whose kind is not served any more" in first.what
    assert first.next is not None
    assert first.next.calls[0].tool == "remove_finalizer"
    assert ("finalizer", FINALIZER) in first.next.calls[0].arguments

    # Nothing but the remedy lets them go.
    assert plane.run("get", "xrd", f"xparasols.{group}", "-o", "name")
    plane.run(
        *("patch", f"parasols.{group}/one", "-n", NAMESPACE, "--type=merge"), "-p", '{"metadata":{"finalizers":null}}'
    )
    world.await_gone(plane, f"xrd/xparasols.{group}")
