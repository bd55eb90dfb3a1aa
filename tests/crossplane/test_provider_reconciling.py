"""Managed resources of a real provider, paused, reconciled on request, and let go against its will."""

import json
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import anyio.to_thread
import pytest

from fairlead.crossplane.upkeep import finalizing
from testenv.provider import GROUP, NAME, managed
from tests.crossplane.agents import Hand, hand
from tests.crossplane.conftest import NAMESPACE
from tests.crossplane.provided import Provided
from tests.e2e import world
from tests.e2e.hands import Refused

Object = dict[str, Any]
pytestmark = [pytest.mark.anyio, pytest.mark.real, pytest.mark.whole]
OBJECTS = f"objects.{GROUP}"
HELD = {"metadata": {"finalizers": [finalizing.MANAGED]}}
"""As the provider writes it before it makes anything, which it could not begin here."""


@pytest.fixture
async def agent(provided: Provided) -> AsyncIterator[Hand]:
    async with hand(provided.server.cluster.kubeconfig, "crossplane", "crossplane-resources") as found:
        yield found


def inner(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": NAMESPACE}}


def conditions(provided: Provided, name: str) -> dict[str, str]:
    found = json.loads(provided.hands.run("get", OBJECTS, name, "-n", NAMESPACE, "-o", "json"))
    return {each["type"]: each["reason"] for each in found.get("status", {}).get("conditions", ())}


async def until(provided: Provided, name: str, kind: str, reason: str) -> None:
    def look() -> None:
        if conditions(provided, name).get(kind) != reason:
            raise Refused(f"{conditions(provided, name)}")

    await anyio.to_thread.run_sync(partial(world.eventually, look, seconds=60))


@pytest.mark.requirement("crossplane-operations:reconcile")
async def test_a_managed_resource_is_paused_and_asked_for(
    agent: Hand, provided: Provided, unique: Callable[[str], str]
) -> None:
    name = unique("held")
    provided.hands.apply(managed(name, NAMESPACE, inner(name)))
    await until(provided, name, "Ready", "Available")
    one = {"kind": OBJECTS, "name": name, "namespace": NAMESPACE, "wait_seconds": 30}
    assert "(Synced: ReconcilePaused)" in await agent("reconcile_resource", **one, action="pause")
    assert "resume it first" in await agent.refused("reconcile_resource", **one, action="now")
    assert "no condition says that it is paused" in await agent("reconcile_resource", **one, action="resume")
    asked = await agent("reconcile_resource", **one | {"wait_seconds": 5}, action="now")
    assert "no proof within 5 s: Crossplane before 2.3 and older providers leave none" in asked


@pytest.mark.requirement("crossplane-operations:finalizers")
async def test_a_living_provider_is_waited_for_until_it_complains(
    agent: Hand, provided: Provided, unique: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = unique("stuck")
    wanted = managed(name, NAMESPACE, inner(name))
    wanted["spec"]["providerConfigRef"] = {"kind": "ClusterProviderConfig", "name": "nowhere"}
    provided.hands.apply(wanted)
    await until(provided, name, "Synced", "ReconcileError")
    provided.hands.run("patch", OBJECTS, name, "-n", NAMESPACE, "--type=merge", "-p", json.dumps(HELD))
    provided.hands.run("delete", OBJECTS, name, "-n", NAMESPACE, "--wait=false")
    one = {"kind": OBJECTS, "name": name, "namespace": NAMESPACE, "finalizer": finalizing.MANAGED}
    fresh = await agent.refused("remove_finalizer", **one)
    assert f"the provider {NAME} is there" in fresh
    monkeypatch.setattr(finalizing, "SECONDS", 0)
    gone = await agent("remove_finalizer", **one)
    assert "said of it: " in agent.talk.asked[-1]
    assert "nowhere" in agent.talk.asked[-1]
    assert "better, mend what keeps it" in agent.talk.asked[-1]
    assert f"Object {name} in namespace {NAMESPACE} is gone" in gone
