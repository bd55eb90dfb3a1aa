"""One control plane with real Crossplane, for all that reads its objects."""

from collections.abc import AsyncIterator, Iterator
from functools import partial

import pytest

from fairlead.client.api import Client
from fairlead.resources.reading import Reader
from testenv.crossplane import RealCrossplane, composition
from testenv.servers import RealCluster
from tests.clusters import running
from tests.e2e import manifests, world
from tests.e2e.hands import Kubectl
from tests.e2e.platforms import by_kubectl

NAMESPACE = "shop"
GROUP = manifests.GROUP


@pytest.fixture(scope="session")
def plane_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    directory = tmp_path_factory.mktemp("plane")
    with (
        running("plane", directory / "plane") as server,
        RealCrossplane(server, directory / "crossplane", usages=True, operations=True),
    ):
        yield server


@pytest.fixture(scope="session")
def plane(plane_server: RealCluster) -> Kubectl:
    """It offers claims (databases) and namespaced composites (caches), which become Ready."""
    hands = by_kubectl(plane_server)
    hands.create(manifests.namespace(NAMESPACE))
    for each in (manifests.xrd(), manifests.namespaced_xrd()):
        hands.apply(each)
    for kind in ("XDatabase", "Cache"):
        hands.apply(composition(kind, f"{GROUP}/v1alpha1"))
    for resource in (manifests.DATABASES, manifests.CACHES):
        world.eventually(partial(hands.names, resource, NAMESPACE))
    return hands


@pytest.fixture
async def reader(plane: Kubectl, plane_server: RealCluster) -> AsyncIterator[Reader]:
    async with Client.from_kubeconfig(plane_server.cluster.kubeconfig) as client:
        yield Reader(client)
