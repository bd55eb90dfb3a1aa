"""A control plane with a real provider for each test process that needs one: somebody reconciles managed resources.

It is not the plane that all share, because there a provider's package runs nothing, as some tests want it.
"""

import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fairlead.resources.reading import Reader
    from testenv.kubelet import ClusterWithNode
    from testenv.provider import RealProvider
    from tests.e2e.hands import Kubectl


@dataclass(frozen=True)
class Provided:
    """It offers claims and composites as the shared plane does."""

    hands: "Kubectl"
    server: "ClusterWithNode"
    provider: "RealProvider"


@pytest.fixture(scope="session")
def provided_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provided]:
    from testenv.crossplane import RealCrossplane
    from testenv.kubelet import ClusterWithNode
    from testenv.provider import RUNTIME, RealProvider
    from testenv.servers import CONTROLLERS
    from tests.crossplane.planes import offering

    directory = tmp_path_factory.mktemp("provided")
    rollouts = ("deployment-controller", "replicaset-controller")
    server = ClusterWithNode("provided", directory / "cluster", (*CONTROLLERS, *rollouts))
    crossplane = RealCrossplane(server, directory / "crossplane", usages=True, operations=True, runtime=RUNTIME)
    try:
        with server, crossplane, RealProvider(server, directory / "provider") as provider:
            yield Provided(offering(server), server, provider)
    finally:
        shutil.rmtree(server.data)


@pytest.fixture(scope="module")
def provided(provided_plane: Provided) -> Iterator[Provided]:
    from tests.crossplane.sweeping import swept_after

    with swept_after(provided_plane.server.cluster):
        yield provided_plane


@pytest.fixture
async def provided_reader(provided: Provided) -> AsyncIterator["Reader"]:
    from fairlead.client.api import Client
    from fairlead.resources.reading import Reader

    async with Client.from_kubeconfig(provided.server.cluster.kubeconfig) as client:
        yield Reader(client)
