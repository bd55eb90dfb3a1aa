"""Provider configs that a real provider works with."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from fairlead.machinery.paths import Resource
from testenv.provider import CREDENTIALS, GROUP, config, managed
from tests.crossplane.agents import Hand, hand
from tests.crossplane.planes import NAMESPACE
from tests.crossplane.provided import Provided
from tests.e2e import world

Object = dict[str, Any]
pytestmark = [pytest.mark.anyio, pytest.mark.real, pytest.mark.requirement("crossplane-managed:configs")]
CONFIGS = Resource(GROUP, "v1alpha1", "clusterproviderconfigs")
OBJECTS = Resource(GROUP, "v1alpha1", "objects")
KIND = f"clusterproviderconfigs.{GROUP}"


@pytest.fixture
async def agent(provided: Provided) -> AsyncIterator[Hand]:
    async with hand(provided.server.cluster.kubeconfig, "crossplane", "crossplane-managed") as found:
        yield found


async def test_one_from_its_making_to_its_end(agent: Hand, provided: Provided, unique: Callable[[str], str]) -> None:
    name, hands = unique("access"), provided.hands
    spec = json.dumps(config(name)["spec"])
    lacking = spec.replace(CREDENTIALS, "nobody-made-it")
    warned = await agent("set_provider_config", kind=KIND, name=name, spec=lacking)
    assert "Secret/nobody-made-it in crossplane-system does not exist" in warned
    await agent("set_provider_config", kind=KIND, name=name, spec=spec)
    assert "- spec.credentials.secretRef.name: nobody-made-it" in agent.talk.asked[-1]

    wanted = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": NAMESPACE}}
    reference = {"kind": "ClusterProviderConfig", "name": name}
    hands.apply(wanted)
    # One that is only observed goes at once, and not half a minute after it was made.
    hands.apply(managed(name, NAMESPACE, wanted, providerConfigRef=reference, managementPolicies=["Observe"]))
    hands.run("wait", "--for=condition=Ready", "--timeout=60s", "-n", NAMESPACE, f"objects.{GROUP}/{name}")
    shown = await agent("get_provider_config", kind="clusterproviderconfig", name=name)
    assert "credentials: Secret" in shown
    assert f"Secret/{CREDENTIALS} in crossplane-system exists" in shown
    assert f"used by 1 managed resources: Object/{name} in {NAMESPACE}" in shown
    secret = json.loads(hands.run("get", "secret", CREDENTIALS, "-n", "crossplane-system", "-o", "json"))
    assert all(each not in shown for each in secret["data"].values())
    assert "client-certificate" not in shown
    listed = await agent("list_provider_configs", provider="provider-kubernetes")
    assert f"{KIND}" in listed
    assert name in listed

    await agent("delete_provider_config", kind=KIND, name=name)
    assert (
        f"1 managed resources use it, so it stays until they are gone, and nothing new can: Object/{name}"
        in (agent.talk.asked[-1])
    )
    assert hands.get(CONFIGS, name)["metadata"]["deletionTimestamp"]
    assert "being deleted" in await agent(
        "get_managed_resource", kind=f"objects.{GROUP}", name=name, namespace=NAMESPACE
    )
    hands.delete(OBJECTS, name, NAMESPACE)
    world.await_gone(hands, KIND, name)


async def test_a_name_that_several_kinds_have_is_refused_with_all_of_them(agent: Hand) -> None:
    """Its scope may tell them apart."""
    legacy = await agent("get_provider_config", kind="providerconfig", name="default")
    assert "kubernetes.crossplane.io" in legacy
    refused = await agent.refused("get_provider_config", kind="buckets", name="default")
    assert f"no provider config is a buckets; there are: providerconfigs.kubernetes.crossplane.io, {KIND}" in refused
