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
