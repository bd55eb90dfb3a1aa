"""Claims and composites on real Crossplane: ordered, listed, changed, pinned to revisions, deleted."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from testenv.servers import RealCluster
from tests.crossplane.agents import Hand, hand
from tests.crossplane.conftest import GROUP, NAMESPACE
from tests.e2e.hands import Kubectl
from tests.e2e.manifests import CACHES, DATABASES

Object = dict[str, Any]
pytestmark = [pytest.mark.anyio, pytest.mark.real]
orders = pytest.mark.requirement("crossplane-composites:orders")


@pytest.fixture
async def agent(plane: Kubectl, plane_server: RealCluster) -> AsyncIterator[Hand]:
    async with hand(plane_server.cluster.kubeconfig, "crossplane", "crossplane-resources") as found:
        yield found


@pytest.fixture
def name(unique: Callable[[str], str]) -> str:
    return unique("order")


@orders
async def test_a_claim_is_ordered_and_shown_with_what_it_is_made_of(agent: Hand, plane: Kubectl, name: str) -> None:
    claim: Object = {"kind": "database", "name": name, "namespace": NAMESPACE}
    made = await agent(
        "create_composite",
        **claim,
        spec="{size: small, tags: [a]}",
        composition="xdatabase",
        connection_secret=f"{name}-conn",
        delete_policy="Foreground",
        labels=[f"set={name}"],
        wait_seconds=60,
    )
    assert f"created Database {name} in namespace {NAMESPACE}" in made
    assert "state: healthy" in made
    spec = plane.get(DATABASES, name, NAMESPACE)["spec"]
    assert spec["compositionRef"] == {"name": "xdatabase"}
    assert spec["writeConnectionSecretToRef"] == {"name": f"{name}-conn"}
    assert spec["compositeDeletePolicy"] == "Foreground"
    assert f"Database {name} in namespace {NAMESPACE} is there already: healthy" in await agent.refused(
        "create_composite", **claim, spec="size: small"
    )

    shown = await agent("get_composite", **claim)
    composite = spec["resourceRef"]["name"]
    assert f"composite: XDatabase/{composite}, healthy" in shown
    assert "made of: 1 ConfigMap" in shown
    assert f"composition: xdatabase, revision {spec['compositionRevisionRef']['name']}, follows the latest" in shown
    assert f"connection details: in the Secret/{name}-conn in {NAMESPACE}, which is not read" in shown
    assert "resourceRef" not in shown, "what is Crossplane's own is said in lines"
    assert f"claim: Database/{name} in {NAMESPACE}" in await agent("get_composite", kind="xdatabase", name=composite)

    listed = await agent("list_composites", kind="claim", label_selector=f"set={name}")
    assert "1 objects of" in listed
    assert f"XDatabase/{composite}" in listed
    assert f"Database/{name} in {NAMESPACE}" in await agent(
        "list_composites", kind="composite", label_selector=f"set={name}"
    )


@orders
async def test_a_composite_of_crossplane_2_keeps_its_machinery_apart(agent: Hand, plane: Kubectl, name: str) -> None:
    composite: Object = {"kind": "cache", "name": name, "namespace": NAMESPACE}
    wanted: Object = {"spec": "size: small", "composition": "cache", "update_policy": "Manual"}
    assert "state: healthy" in await agent("create_composite", **composite, **wanted, wait_seconds=60)
    spec = plane.get(CACHES, name, NAMESPACE)["spec"]
    assert spec["crossplane"]["compositionRef"] == {"name": "cache"}
    assert spec["crossplane"]["compositionUpdatePolicy"] == "Manual"
    shown = await agent("get_composite", **composite)
    assert f"revision {spec['crossplane']['compositionRevisionRef']['name']}, pinned" in shown
    assert "let its composition compose a Secret" in await agent.refused(
        "create_composite", **{**composite, "name": f"{name}-2"}, connection_secret="x"
    )


@orders
async def test_an_order_that_cannot_be_is_refused_whole(agent: Hand, name: str) -> None:
    claim: Object = {"kind": "database", "name": name, "namespace": NAMESPACE}
    wrong = json.dumps({"size": "huge", "replicas": 0, "colour": "red", "shape": {"a": 1}})
    text = await agent.refused("create_composite", **claim, spec=wrong)
    assert "spec.colour: is no field" in text
    assert "spec.shape: is no field" in text
    assert 'spec.size: Unsupported value: "huge"' in text
    assert "spec.replicas: Invalid value: 0" in text
    assert f"describe_xrd_schema kind=databases.{GROUP}" in text
    assert "give `namespace`" in await agent.refused("create_composite", kind="database", name=name)
    assert "make a Database, its claim" in await agent.refused("create_composite", **{**claim, "kind": "xdatabase"})
    assert "use create_xrd" in await agent.refused("create_composite", **{**claim, "kind": "xrd"})
    assert "neither a claim nor a composite" in await agent.refused("list_composites", kind="configmap")
    rehearsed = await agent("create_composite", **claim, spec="size: small", composition="nobodys", dry_run=True)
    assert "the composition nobodys does not exist" in rehearsed
