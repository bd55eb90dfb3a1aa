"""Packages after they are installed, on real Crossplane, from a registry that serves several versions of each."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from testenv.registry import Registry, metadata
from testenv.servers import RealCluster
from tests.crossplane.agents import Hand, hand
from tests.e2e import manifests
from tests.e2e.hands import Kubectl

Object = dict[str, Any]
pytestmark = [pytest.mark.anyio, pytest.mark.real, pytest.mark.requirement("crossplane-packages:life")]


@pytest.fixture
async def agent(plane: Kubectl, plane_server: RealCluster) -> AsyncIterator[Hand]:
    kubeconfig = plane_server.cluster.kubeconfig
    async with hand(kubeconfig, "crossplane", "crossplane-packages") as found:
        yield found


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with Registry() as running:
        yield running


@dataclass(frozen=True)
class Platform:
    """A configuration in several versions, each of which brings one XRD more than the one before."""

    registry: Registry
    name: str

    @property
    def repository(self) -> str:
        return f"{self.registry.address}/demo/{self.name}"

    def put(self, tag: str, kinds: int = 1, **spec: Any) -> str:
        brought = [manifests.xrd(kind, f"{self.name}.example.org") for kind in ("Queue", "Topic", "Stream")[:kinds]]
        return self.registry.put(f"demo/{self.name}", tag, [metadata("Configuration", self.name, **spec), *brought])


@pytest.fixture
def platform(registry: Registry, unique: Callable[[str], str]) -> Platform:
    return Platform(registry, unique("platform"))


async def test_an_upgrade_says_what_it_is_and_what_became_of_it(agent: Hand, platform: Platform) -> None:
    name = platform.name
    first, second = platform.put("v1.0.0"), platform.put("v1.1.0", kinds=2)
    await agent("install_configuration", package=first, wait_seconds=60)
    again = await agent.refused("install_configuration", package=second)
    assert "is there already: healthy" in again
    assert f"upgrade_package kind=configuration name={name} package={second}" in again
    rehearsed = await agent("upgrade_package", kind="configuration", name=name, version="v1.1.0", dry_run=True)
    assert "v1.0.0 → v1.1.0: a minor upgrade" in rehearsed
    upgraded = await agent("upgrade_package", kind="configuration", name=name, version="v1.1.0", wait_seconds=60)
    assert f"Configuration/{name}: healthy" in upgraded
    assert "revision 2" in upgraded
    assert "is Active" in upgraded
    assert "nothing to do: it is at" in await agent.refused(
        "upgrade_package", kind="configuration", name=name, package=second
    )
    back = await agent("upgrade_package", kind="configuration", name=name, version="v1.0.0", wait_seconds=60)
    assert "a downgrade" in agent.talk.asked[-1]
    assert f"Configuration/{name}: healthy" in back


@pytest.mark.whole
async def test_a_rollback_goes_where_there_is_something_to_go_back_to(agent: Hand, platform: Platform) -> None:
    name = platform.name
    which = {"kind": "configuration", "name": name}
    await agent("install_configuration", package=platform.put("v1.0.0"), wait_seconds=60)
    assert "has no former revision" in await agent.refused("rollback_package", **which)
    await agent("upgrade_package", **which, package=platform.put("v2.0.0", kinds=2), wait_seconds=60)
    assert "a major upgrade" in agent.talk.asked[-1]
    back = await agent("rollback_package", **which, wait_seconds=60)
    assert "back to revision 1" in agent.talk.asked[-1]
    assert "v2.0.0 → v1.0.0: a downgrade" in agent.talk.asked[-1]
    assert f"Configuration/{name}: healthy" in back
    assert "there are: 2 (v2.0.0)" in await agent.refused("rollback_package", **which, to_revision="7")
    listed = await agent("list_package_revisions", kind="configuration", package=name)
    assert "2 in all" in listed
    for tag, kinds in (("v3.0.0", 3), ("v4.0.0", 2)):
        await agent("upgrade_package", **which, package=platform.put(tag, kinds, crossplane=None), wait_seconds=60)
    told = await agent("update_package_settings", **which, history_limit=1, dry_run=True)
    assert "nothing to change" not in told


async def test_a_revision_waits_for_its_activation_where_the_policy_is_manual(agent: Hand, platform: Platform) -> None:
    name = platform.name
    which = {"kind": "configuration", "name": name}
    await agent("install_configuration", package=platform.put("v1.0.0"), wait_seconds=60)
    await agent("update_package_settings", **which, activation_policy="Manual")
    upgraded = await agent("upgrade_package", **which, package=platform.put("v1.1.0", kinds=2), wait_seconds=60)
    assert "is switched off at once, and the new revision waits" in agent.talk.asked[-1]
    step = next(each for each in upgraded.splitlines() if each.startswith("next: activate_package_revision"))
    revision = step.partition("revision=")[2]
    cause = await agent("diagnose_resource", kind="configurations.pkg.crossplane.io", name=name)
    assert f"1. Configuration/{name} has a new revision that nobody has activated" in cause
    activated = await agent("activate_package_revision", kind="configuration", revision=revision, wait_seconds=60)
    assert f"Configuration/{name}: healthy" in activated
    assert "is active already" in await agent.refused(
        "activate_package_revision", kind="configuration", revision=revision
    )
    former = [each for each in await revisions(agent, name) if each != revision]
    assert f"rollback_package kind=configuration name={name} to_revision=1" in await agent.refused(
        "activate_package_revision", kind="configuration", revision=former[0]
    )


async def revisions(agent: Hand, package: str) -> list[str]:
    listed = await agent("list_package_revisions", kind="configuration", package=package, output="names")
    return [each.strip() for each in listed.splitlines() if each.strip().startswith(package)]
