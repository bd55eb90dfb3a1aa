"""Managed resources against real Crossplane: found among all kinds, and let go on where a provider stopped."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from testenv.servers import RealCluster
from tests.crossplane.agents import Hand, hand
from tests.crossplane.conftest import NAMESPACE
from tests.e2e.hands import Kubectl

Object = dict[str, Any]
pytestmark = [pytest.mark.anyio, pytest.mark.real]
PENDING = "crossplane.io/external-create-pending"


@pytest.fixture
async def agent(plane: Kubectl, plane_server: RealCluster) -> AsyncIterator[Hand]:
    async with hand(plane_server.cluster.kubeconfig, "crossplane", "crossplane-managed") as found:
        yield found


@pytest.fixture
def disks(plane: Kubectl, unique: Callable[[str], str]) -> str:
    """The qualified name of a namespaced kind that nobody reconciles."""
    return managed_kind(plane, f"{unique('cloud')}.example.org", "Disk")


def managed_kind(plane: Kubectl, group: str, kind: str) -> str:
    plural = f"{kind.lower()}s"
    names = {"kind": kind, "plural": plural, "singular": kind.lower(), "categories": ["managed"]}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    spec = {"group": group, "scope": "Namespaced", "names": names, "versions": [version]}
    crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    plane.apply(crd | {"metadata": {"name": f"{plural}.{group}"}, "spec": spec})
    plane.run("wait", "--for=condition=Established", "--timeout=30s", f"crd/{plural}.{group}")
    return f"{plural}.{group}"


def managed(disks: str, name: str, *, labels: Object | None = None, spec: Object | None = None, **notes: str) -> Object:
    annotations = {f"crossplane.io/{key.replace('_', '-')}": each for key, each in notes.items()}
    metadata = {"name": name, "namespace": NAMESPACE, "labels": labels or {}, "annotations": annotations}
    group = disks.partition(".")[2]
    return {
        "apiVersion": f"{group}/v1",
        "kind": "Disk",
        "metadata": metadata,
        "spec": {"forProvider": {}} | (spec or {}),
    }


@pytest.mark.requirement("crossplane-managed:lists")
async def test_they_are_found_by_what_is_known_of_them(agent: Hand, plane: Kubectl, disks: str) -> None:
    group = disks.partition(".")[2]
    owned: Object = {"crossplane.io/composite": "database-x1", "crossplane.io/claim-name": "orders"}
    plane.apply(managed(disks, "owned", labels=owned | {"crossplane.io/claim-namespace": "shop"}))
    plane.apply(managed(disks, "named", external_name="vol-17"))
    plane.apply(managed(disks, "watched", spec={"managementPolicies": ["Observe"]}))
    plane.apply(managed(disks, "resting", paused="true"))
    plane.apply(managed(disks, "begun", external_create_pending="2026-01-01T00:00:00Z"))

    async def names(**wish: Any) -> set[str]:
        text = await agent("list_managed_resources", provider=group, **wish)
        rows = text.partition("\n\n")[0].splitlines()
        return {each for each in ("owned", "named", "watched", "resting", "begun") if any(each in row for row in rows)}

    assert await names() == {"owned", "named", "watched", "resting", "begun"}
    assert await names(owner="orders") == await names(owner="database-x1") == {"owned"}
    assert await names(external_name="vol-17") == {"named"}
    assert await names(state="observe-only") == {"watched"}
    assert await names(state="paused") == {"resting"}
    assert await names(state="create-pending") == {"begun"}
    assert await names(state="standalone") == {"named", "watched", "resting", "begun"}
    assert await names(label_selector="crossplane.io/composite") == {"owned"}
    assert await names(namespace="default") == set()
    listed = await agent("list_managed_resources", kind=disks, limit=2)
    assert "2 of 5; raise limit, or narrow: 4 unknown, 1 paused (of 5 in 1 kinds)" in listed
    every = await agent("list_managed_resources", kind="disk", owner="shop/orders")
    assert "claim shop/orders" in every, "all kinds of that name are looked through"
    assert "are no managed resources" in await agent.refused("list_managed_resources", kind="configmap")
    assert "see list_providers" in await agent.refused("list_managed_resources", provider="provider-nobody")


@pytest.mark.requirement("crossplane-managed:pending")
async def test_a_creation_that_nobody_knows_of_goes_on_when_it_is_agreed_to(
    agent: Hand, plane: Kubectl, disks: str
) -> None:
    times: Any = {
        "external_create_pending": "2026-01-02T01:00:00+02:00",
        "external_create_succeeded": "2025-12-01T00:00:00Z",
    }
    plane.apply(managed(disks, "begun", external_name="vol-1", **times))
    one: Object = {"kind": disks, "name": "begun", "namespace": NAMESPACE, "wait_seconds": 0}
    rehearsed = await agent("clear_create_pending", **one, dry_run=True)
    for told in ("2026-01-02T01:00:00+02:00", "2025-12-01T00:00:00Z", "failed never", "external name: vol-1"):
        assert told in rehearsed
    await agent("clear_create_pending", **one, external_name="vol-2")
    assert "the provider will look for vol-2" in agent.talk.asked[-1]
    kept = annotations(plane, disks, "begun")
    assert kept["crossplane.io/external-name"] == "vol-2"
    assert PENDING not in kept
    assert "is not pending" in await agent.refused("clear_create_pending", **one)
    plane.apply(
        managed(
            disks, "done", external_create_pending="2026-01-01T00:00:00Z", external_create_failed="2026-01-01T00:00:00Z"
        )
    )
    assert "is not pending" in await agent.refused("clear_create_pending", **one | {"name": "done"})
    assert PENDING in annotations(plane, disks, "done")


def annotations(plane: Kubectl, kind: str, name: str) -> dict[str, str]:
    found = json.loads(plane.run("get", kind, name, "-n", NAMESPACE, "-o", "json"))
    kept: dict[str, str] = found["metadata"].get("annotations") or {}
    return kept
