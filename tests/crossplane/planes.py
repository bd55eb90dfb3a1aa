"""One control plane with real Crossplane for each test process, for all tests that need one, wherever they are.

It takes a quarter of a minute to start, so it is a plugin of the whole run and not the fixture of one folder. What it
needs is imported where it is started: most tests never ask for it.
"""

from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fairlead.resources.reading import Reader
    from testenv.servers import RealCluster
    from tests.e2e.hands import Kubectl

NAMESPACE = "shop"


@pytest.fixture(scope="session")
def plane_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator["RealCluster"]:
    from testenv.crossplane import RealCrossplane
    from tests.clusters import running

    directory = tmp_path_factory.mktemp("plane")
    with (
        running("plane", directory / "plane") as server,
        RealCrossplane(server, directory / "crossplane", usages=True, operations=True),
    ):
        yield server


@pytest.fixture(scope="session")
def offering_plane(plane_server: "RealCluster") -> "Kubectl":
    return offering(plane_server)


@pytest.fixture(scope="module")
def plane(plane_server: "RealCluster", offering_plane: "Kubectl") -> Iterator["Kubectl"]:
    """It offers claims (databases) and namespaced composites (caches), which become Ready."""
    from tests.crossplane.sweeping import swept_after

    with swept_after(plane_server.cluster):
        yield offering_plane


def offering(server: "RealCluster") -> "Kubectl":
    from testenv.crossplane import composition
    from tests.e2e import manifests, world
    from tests.e2e.platforms import by_kubectl

    hands = by_kubectl(server)
    hands.create(manifests.namespace(NAMESPACE))
    for each in (manifests.xrd(), manifests.namespaced_xrd()):
        hands.apply(each)
    for kind in ("XDatabase", "Cache"):
        hands.apply(composition(kind, f"{manifests.GROUP}/v1alpha1"))
    for resource in (manifests.DATABASES, manifests.CACHES):
        world.eventually(partial(hands.names, resource, NAMESPACE))
    return hands


@pytest.fixture
async def reader(plane: "Kubectl", plane_server: "RealCluster") -> AsyncIterator["Reader"]:
    from fairlead.client.api import Client
    from fairlead.resources.reading import Reader

    async with Client.from_kubeconfig(plane_server.cluster.kubeconfig) as client:
        yield Reader(client)
