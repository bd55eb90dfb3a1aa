"""Managed resources that a real provider looks after: made, imported, changed, let go, and stopped in the middle."""

import socket
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from fairlead.machinery import encoding
from fairlead.machinery.paths import Resource
from testenv.provider import GROUP, managed
from tests.crossplane.agents import Hand, hand
from tests.crossplane.planes import NAMESPACE
from tests.crossplane.provided import Provided
from tests.crossplane.wards import cache, composition
from tests.e2e import world
from tests.e2e.hands import Kubectl, Refused

Object = dict[str, Any]
pytestmark = [pytest.mark.anyio, pytest.mark.real, pytest.mark.requirement("crossplane-managed:changes")]
CONFIG_MAPS = Resource("", "v1", "configmaps")
OBJECTS = Resource(GROUP, "v1alpha1", "objects")
KIND = f"objects.{GROUP}"
PENDING = "crossplane.io/external-create-pending"


@pytest.fixture
async def agent(provided: Provided) -> AsyncIterator[Hand]:
    async with hand(provided.server.cluster.kubeconfig, "crossplane", "crossplane-managed") as found:
        yield found


def config_map(name: str, labels: Object | None = None, **data: str) -> Object:
    metadata: Object = {"name": name, "namespace": NAMESPACE} | ({"labels": labels} if labels else {})
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def wish(name: str, labels: Object | None = None, **data: str) -> str:
    return encoding.to_yaml({"manifest": config_map(name, labels, **data)})


def one(name: str) -> Object:
    return {"kind": KIND, "name": name, "namespace": NAMESPACE}


async def test_one_from_its_making_to_its_end(agent: Hand, provided: Provided, unique: Callable[[str], str]) -> None:
    name, hands = unique("made"), provided.hands
    made = await agent("create_managed_resource", **one(name), for_provider=wish(name, size="small"))
    assert f"created Object {name}" in made
    assert "state: healthy: Available" in made
    assert hands.get(CONFIG_MAPS, name, NAMESPACE)["data"] == {"size": "small"}
    again = await agent.refused("create_managed_resource", **one(name), for_provider=wish(name))
    assert "is there already: healthy: Available; change it with update_managed_resource" in again

    changed = await agent("update_managed_resource", **one(name), set=["spec.forProvider.manifest.data.size=large"])
    assert "+ spec.forProvider.manifest.data.size: large" in changed
    assert agent.talk.asked, "what is replaced is asked for"
    world.eventually(lambda: expect(hands.get(CONFIG_MAPS, name, NAMESPACE)["data"] == {"size": "large"}))

    shown = await agent("get_managed_resource", **one(name))
    for told in (
        f"Object/{name} in {NAMESPACE}: healthy",
        f"external name: {name}",
        "stands by itself",
        "policies: full",
        "looked after by Provider/provider-kubernetes: healthy",
        "provider config ClusterProviderConfig/default: credentials Secret",
        "creation last began 20",
    ):
        assert told in shown
    assert "managedFields" not in shown
    await agent("delete_managed_resource", **one(name))
    assert f"outside, {name} is deleted" in agent.talk.asked[-1]
    world.await_gone(hands, "configmap", name, "-n", NAMESPACE)
    # The object itself stays for half a minute, in which its provider does not believe that what it made is gone.
    assert hands.get(OBJECTS, name, NAMESPACE)["metadata"]["deletionTimestamp"]


def expect(so: bool) -> None:
    if not so:
        raise Refused("not yet")


async def test_one_that_exists_is_imported_and_let_go_as_its_policies_say(
    agent: Hand, provided: Provided, unique: Callable[[str], str]
) -> None:
    name, hands = unique("there"), provided.hands
    hands.apply(config_map(name, size="as it was"))
    imported = await agent(
        "create_managed_resource",
        **one(name),
        for_provider=wish(name, size="as wanted"),
        preset="observe-only",
        external_name=name,
    )
    assert f"only observes {name}; the policies of preset full take it over" in imported
    shown = await agent("get_managed_resource", **one(name))
    assert "policies: observe-only: Observe; never Create, Update" in shown
    assert "differs outside: manifest.data.size: wanted 'as wanted', is 'as it was'" in shown
    assert hands.get(CONFIG_MAPS, name, NAMESPACE)["data"] == {"size": "as it was"}

    paused = await agent("set_management_policies", **one(name), preset="paused", wait_seconds=30)
    assert "state: paused" in paused
    assert name in await agent("list_managed_resources", kind=KIND, state="paused")
    await agent("set_management_policies", **one(name), preset="no-delete")
    assert "the external resource stays" in agent.talk.asked[-1] if agent.talk.asked else True
    world.eventually(lambda: expect(hands.get(CONFIG_MAPS, name, NAMESPACE)["data"] == {"size": "as wanted"}))
    await agent("delete_managed_resource", **one(name))
    assert "what it stands for outside stays" in agent.talk.asked[-1]
    world.await_gone(hands, OBJECTS.qualified, name, "-n", NAMESPACE)
    assert name in hands.names(CONFIG_MAPS, NAMESPACE)


async def test_what_no_provider_takes_is_refused_at_once(
    agent: Hand, provided: Provided, unique: Callable[[str], str]
) -> None:
    name = unique("wrong")
    misspelt = await agent.refused("create_managed_resource", **one(name), for_provider="{manifesto: {}}")
    assert ".spec.forProvider.manifesto: field not declared in schema" in misspelt
    provided.hands.apply(managed(name, NAMESPACE, config_map(name)))
    refused = await agent.refused("set_management_policies", **one(name), policies=["Update", "Delete"])
    assert "without Observe nothing else can be done; presets are full: *" in refused
    orphan = await agent.refused("set_management_policies", **one(name), deletion_policy="Orphan")
    assert orphan == 'the change does not fit the schema: unknown field "spec.deletionPolicy"'
    status = await agent.refused("update_managed_resource", **one(name), set=["status.atProvider.a=b"])
    assert "is what the provider reports" in status
    assert "nothing to change was given" in await agent.refused("update_managed_resource", **one(name))
    assert "are no managed resources; see get_provider_config" in await agent.refused(
        "create_managed_resource", kind="clusterproviderconfig", name=name, for_provider="{}"
    )


@pytest.mark.whole
async def test_what_its_end_would_wait_for_is_said_before(
    agent: Hand, provided: Provided, unique: Callable[[str], str]
) -> None:
    name = unique("lost")
    nobody = {"provider_config": "nobody", "wait_seconds": 1}
    made = await agent("create_managed_resource", **one(name), for_provider=wish(name, size="small"), **nobody)
    assert "provider config ClusterProviderConfig/nobody does not exist" in made
    assert "no provider has taken it up" in await agent("delete_managed_resource", **one(name), dry_run=True)
    held = unique("held")
    assert "state: healthy" in await agent(
        "create_managed_resource", **one(held), for_provider=wish(held, size="small")
    )
    await agent("update_managed_resource", **one(held), set=["spec.providerConfigRef.name=nobody"], wait_seconds=0)
    rehearsed = await agent("delete_managed_resource", **one(held), dry_run=True)
    assert "it will wait: provider config ClusterProviderConfig/nobody does not exist" in rehearsed
    assert f"outside, {held} is deleted" in rehearsed


async def test_one_that_is_composed_says_whose_it_is_and_that_its_composite_undoes_changes(
    agent: Hand, provided: Provided, unique: Callable[[str], str]
) -> None:
    name, hands = unique("composed"), provided.hands
    made = managed(name, NAMESPACE, config_map(name, size="small"))
    hands.apply(composition(name, compose={"one": made}, ready="auto"))
    hands.apply(cache(name, name))
    hands.run("wait", "--for=condition=Ready", "--timeout=60s", "-n", NAMESPACE, f"caches/{name}")
    assert f"belongs to Cache/{name} in {NAMESPACE}: healthy" in await agent("get_managed_resource", **one(name))
    listed = await agent("list_managed_resources", owner=name)
    assert f"Cache/{name}" in listed
    assert "1 in all: 1 healthy" in listed
    await agent(
        "update_managed_resource", **one(name), set=["spec.forProvider.manifest.data.size=huge"], wait_seconds=0
    )
    assert f"it is composed for Cache/{name}, which undoes what its composition sets" in agent.talk.asked[-1]

    def undone() -> None:
        manifest = hands.get(OBJECTS, name, NAMESPACE)["spec"]["forProvider"]["manifest"]
        expect(manifest["data"] == {"size": "small"})

    world.eventually(undone)


@pytest.fixture
def stalled(provided: Provided, unique: Callable[[str], str]) -> Iterator[Object]:
    """Labels; the creation of a ConfigMap that has them is never answered."""
    labels, name = {"stalled": unique("stalled")}, unique("stall")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
        webhook = {
            "name": "stall.example.org",
            "clientConfig": {"url": address},
            "rules": [rule],
            "objectSelector": {"matchLabels": labels},
            "timeoutSeconds": 30,
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
        }
        api = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration"}
        provided.hands.apply(api | {"metadata": {"name": name}, "webhooks": [webhook]})
        yield labels
        provided.hands.run("delete", "validatingwebhookconfiguration", name, "--ignore-not-found")


@pytest.mark.whole
@pytest.mark.requirement("crossplane-managed:pending")
async def test_a_provider_that_was_killed_while_it_created_goes_on_when_it_is_agreed_to(
    agent: Hand, provided: Provided, stalled: Object, unique: Callable[[str], str]
) -> None:
    """This provider would go on by itself once it is back, as it chooses the names outside; most cannot."""
    name, hands = unique("begun"), provided.hands
    hands.apply(managed(name, NAMESPACE, config_map(name, stalled)))
    world.eventually(lambda: expect(PENDING in annotations(hands, name)))
    assert provided.provider.program is not None
    provided.provider.program.kill()
    provided.provider.stop()
    hands.run("delete", "validatingwebhookconfiguration", "--all")
    try:
        assert name in await agent("list_managed_resources", kind=KIND, state="create-pending")
        diagnosed = await agent("diagnose_resource", **one(name))
        assert "1. the provider does not know whether it has created" in diagnosed
        begun = annotations(hands, name)[PENDING]
        await agent("clear_create_pending", **one(name), wait_seconds=0)
        asked = agent.talk.asked[-1]
        assert f"creation last began {begun}, succeeded never, failed never" in asked
        assert f"external name: {name}" in asked
        assert PENDING not in annotations(hands, name)
    finally:
        provided.provider.start()
    world.eventually(lambda: expect(name in hands.names(CONFIG_MAPS, NAMESPACE)))


def annotations(hands: Kubectl, name: str) -> dict[str, str]:
    found: dict[str, str] = hands.get(OBJECTS, name, NAMESPACE)["metadata"].get("annotations") or {}
    return found
