"""Kinds of providers are switched on by real Crossplane, after it was shown that this is for good."""

import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from testenv.servers import RealCluster
from tests.crossplane.agents import Hand, hand
from tests.crossplane.planes import NAMESPACE
from tests.crossplane.provided import Provided
from tests.e2e import world
from tests.e2e.hands import Kubectl, Refused

Object = dict[str, Any]
pytestmark = [pytest.mark.anyio, pytest.mark.real, pytest.mark.requirement("crossplane-managed:activation")]
VERSION = "apiextensions.crossplane.io/v1alpha1"


@pytest.fixture
async def agent(plane: Kubectl, plane_server: RealCluster) -> AsyncIterator[Hand]:
    async with hand(plane_server.cluster.kubeconfig, "crossplane", "crossplane-managed") as found:
        yield found


@pytest.fixture
def sleeping(plane: Kubectl, unique: Callable[[str], str]) -> Iterator[str]:
    """The group of definitions of disks and tapes; the policy that activates everything rests meanwhile."""
    group = f"{unique('cloud')}.example.org"
    plane.run("annotate", "mrap", "default", "crossplane.io/paused=true", "--overwrite")
    for each in ("Disk", "Tape"):
        plane.apply(definition(group, each))
    world.eventually(lambda: expect(state(plane, f"tapes.{group}")["reason"] == "InactiveManagedResource"))
    yield group
    plane.run("annotate", "mrap", "default", "crossplane.io/paused-")


def definition(group: str, kind: str) -> Object:
    plural = f"{kind.lower()}s"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    names = {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"}
    spec = {
        "group": group,
        "names": names | {"categories": ["managed"]},
        "scope": "Namespaced",
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        "connectionDetails": [{"name": "endpoint", "description": "where it listens"}],
    }
    metadata = {"name": f"{plural}.{group}"}
    return {"apiVersion": VERSION, "kind": "ManagedResourceDefinition", "metadata": metadata, "spec": spec}


def state(plane: Kubectl, name: str) -> Object:
    found = json.loads(plane.run("get", "mrd", name, "-o", "json"))
    conditions = (found.get("status") or {}).get("conditions") or [{"reason": ""}]
    return dict(conditions[0], state=found["spec"].get("state"))


def expect(so: bool) -> None:
    if not so:
        raise Refused("not yet")


async def test_a_kind_is_found_asleep_and_switched_on(agent: Hand, plane: Kubectl, sleeping: str) -> None:
    disks, tapes = f"disks.{sleeping}", f"tapes.{sleeping}"
    listed = await agent("list_managed_resource_definitions", provider=sleeping, state="inactive")
    assert disks in listed
    assert tapes in listed
    shown = await agent("get_managed_resource_definition", name=disks)
    for told in (f"{disks}: Inactive", "kind Disk, Namespaced, versions v1", "connection detail endpoint: where it"):
        assert told in shown
    assert f"next: activate_managed_resources names={disks}" in shown
    refused = await agent.refused("create_managed_resource", kind=disks, name="a", namespace="shop", for_provider="{}")
    assert f"{disks} is not active, so there are none; activate_managed_resources names={disks}" in refused

    made = await agent("activate_managed_resources", names=[f"disks.*{sleeping[5:]}"], policy=sleeping)
    assert f"activates 1: {disks}" in agent.talk.asked[-1]
    assert "a definition that is active stays so" in agent.talk.asked[-1]
    assert "1 of 1 can be used now" in made
    assert state(plane, disks)["state"] == "Active"
    assert state(plane, tapes)["state"] == "Inactive"
    assert "active already" in await agent("activate_managed_resources", names=[disks], policy=sleeping)

    await agent("create_managed_resource", kind=disks, name="a", namespace="shop", for_provider="{}", wait_seconds=0)
    used = await agent("list_managed_resource_definitions", provider=sleeping, state="used")
    assert disks in used
    assert "IN-USE" in used
    assert f"matched by: {sleeping}, default" in await agent("get_managed_resource_definition", name=disks)


async def test_without_a_policy_and_with_words_that_mean_nothing(agent: Hand, plane: Kubectl, sleeping: str) -> None:
    tapes = f"tapes.{sleeping}"
    text = await agent("activate_managed_resources", names=[tapes], via="direct", wait_seconds=30)
    assert "- spec.state: Inactive" in agent.talk.asked[-1]
    assert "1 of 1 can be used now" in text
    assert state(plane, tapes)["reason"] == "EstablishedManagedResource"
    near = await agent.refused("activate_managed_resources", names=[f"tape.{sleeping}"])
    assert "no definition matches" in near
    assert tapes in near
    assert "no definition is called nothing-at-all" in await agent.refused(
        "get_managed_resource_definition", name="nothing-at-all"
    )


async def test_a_policy_shows_what_it_matches_and_what_stays_without_it(
    agent: Hand, plane: Kubectl, sleeping: str
) -> None:
    disks, tapes = f"disks.{sleeping}", f"tapes.{sleeping}"
    malformed = await agent.refused("set_activation_policy", name=sleeping, patterns=["[", f"*.{sleeping}"])
    assert "[ is no pattern: Crossplane would match nothing by it" in malformed
    rehearsed = await agent(
        "set_activation_policy", name=sleeping, patterns=[f"*.{sleeping}", "rockets.*"], dry_run=True
    )
    for told in (f"activates 2: {disks}, {tapes}", "rockets.*: no definition is called so now", "matches 2 of"):
        assert told in rehearsed
    await agent("set_activation_policy", name=sleeping, patterns=[disks], wait_seconds=30)
    assert state(plane, disks)["state"] == "Active"
    await agent("set_activation_policy", name=sleeping, patterns=[tapes], wait_seconds=30)
    assert f"matched by nothing of it any more, but active for good: 1: {disks}" in agent.talk.asked[-1]
    listed = await agent("list_activation_policies")
    assert f"ManagedResourceActivationPolicy/{sleeping}: healthy: Running; 1 activated by {tapes}" in listed
    await agent("delete_activation_policy", name=sleeping)
    assert "deactivates nothing" in agent.talk.asked[-1]
    assert state(plane, tapes)["state"] == "Active"


@pytest.mark.whole
async def test_of_a_real_provider_it_is_told_what_is_used_and_would_do(
    provided: Provided, unique: Callable[[str], str]
) -> None:
    objects = "objects.kubernetes.m.crossplane.io"
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": unique("used"), "namespace": NAMESPACE}}
    async with hand(provided.server.cluster.kubeconfig, "crossplane-managed") as agent:
        await agent(
            "create_managed_resource",
            kind=objects,
            name=unique("used"),
            namespace=NAMESPACE,
            for_provider=json.dumps({"manifest": config_map}),
        )
        listed = await agent("list_managed_resource_definitions", provider="provider-kubernetes")
        assert "PROVIDER=provider-kubernetes" in listed
        active = re.search(r"in all: (\d+) active of \d+, [1-9]\d* with objects", listed)
        assert active is not None
        assert int(active[1]) >= 4  # and whatever other tests have activated
        assert "to serve only what is used: set_activation_policy patterns=" in listed
        unused = await agent("list_managed_resource_definitions", state="unused")
        assert "observedobjectcollections.kubernetes.crossplane.io" in unused
        assert objects not in [each.partition(" ")[0] for each in unused.splitlines()]
        shown = await agent("get_managed_resource_definition", name=objects)
        assert "provider: provider-kubernetes" in shown
        assert "matched by: default" in shown
