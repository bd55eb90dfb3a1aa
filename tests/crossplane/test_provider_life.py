"""A real provider in life: Crossplane runs it by its runtime config, and moves it from version to version."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio.to_thread
import pytest

from testenv.crossplane import NAMESPACE
from testenv.provider import NAME, VERSION
from tests.crossplane.agents import Hand, hand
from tests.crossplane.provided import Provided
from tests.e2e import world
from tests.e2e.hands import Kubectl, Refused

Object = dict[str, Any]
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.real,
    pytest.mark.whole,
    pytest.mark.requirement("crossplane-packages:life"),
]
WHICH = {"kind": "provider", "name": NAME}


@pytest.fixture
async def agent(provided: Provided) -> AsyncIterator[Hand]:
    async with hand(provided.server.cluster.kubeconfig, "crossplane", "crossplane-packages") as found:
        yield found


def container(hands: Kubectl) -> Object:
    """Of the Deployment of its active revision."""
    found = json.loads(hands.run("get", "deployments", "-n", NAMESPACE, "-o", "json"))["items"]
    own = [each for each in found if each["metadata"]["name"].startswith(NAME)]
    if len(own) != 1:
        raise Refused(f"{len(own)} Deployments of {NAME}")
    spec: Object = own[0]["spec"]["template"]["spec"]
    return {**spec["containers"][0], "account": spec.get("serviceAccountName"), "replicas": own[0]["spec"]["replicas"]}


async def until(hands: Kubectl, wanted: Callable[[Object], bool]) -> None:
    def look() -> None:
        found = container(hands)
        if not wanted(found):
            raise Refused(f"it is not so yet: {found}")

    await anyio.to_thread.run_sync(lambda: world.eventually(look, seconds=60))


async def test_a_runtime_config_changes_how_a_provider_runs(
    agent: Hand, provided: Provided, unique: Callable[[str], str]
) -> None:
    name = unique("runtime")
    rehearsed = await agent("update_package_settings", **WHICH, runtime_config=name, dry_run=True)
    assert f"there is no DeploymentRuntimeConfig {name}" in rehearsed
    made = await agent("set_runtime_config", name=name, args=["--debug"], env=["REGION=eu", "OLD=1"])
    assert "runs no package" in made
    changed = await agent("set_runtime_config", name=name, env=["OLD-", "ZONE=a"], service_account_name=name)
    assert "runs no package" in changed
    await agent("update_package_settings", **WHICH, runtime_config=name)
    assert "its Pods are replaced" in agent.talk.asked[-1]
    expected = [{"name": "REGION", "value": "eu"}, {"name": "ZONE", "value": "a"}]

    def as_wanted(found: Object) -> bool:
        given = [each for each in found.get("env") or () if each in expected]
        return found.get("args") == ["--debug"] and given == expected and found["account"] == name

    await until(provided.hands, as_wanted)
    assert f"runs 1 package: Provider {NAME}" in await agent(
        "get_package_config", kind="DeploymentRuntimeConfig", name=name
    )
    assert "nothing to change" in await agent.refused("set_runtime_config", name=name, args=["--debug"])
    await agent("update_package_settings", **WHICH, runtime_config="default")
    await until(provided.hands, lambda found: not found.get("args"))
    await agent("delete_package_config", kind="DeploymentRuntimeConfig", name=name)
    assert "runs no package" in agent.talk.asked[-1]


async def test_a_provider_goes_to_another_version_and_back(agent: Hand, provided: Provided) -> None:
    newer = "v1.2.1"
    reference = await anyio.to_thread.run_sync(provided.provider.package, newer)
    upgraded = await agent("upgrade_package", **WHICH, package=reference, wait_seconds=60)
    assert f"{VERSION} → {newer}: a patch upgrade" in agent.talk.asked[-1]
    assert "state: healthy" in upgraded, upgraded
    await until(provided.hands, lambda found: str(found["image"]).endswith(f":{newer}"))
    shown = await agent("list_package_revisions", kind="provider", package=NAME)
    assert "2 in all" in shown
    back = await agent("rollback_package", **WHICH, wait_seconds=60)
    assert f"{newer} → {VERSION}: a downgrade" in agent.talk.asked[-1]
    assert "state: healthy" in back, back
    await until(provided.hands, lambda found: str(found["image"]).endswith(f":{VERSION}"))
