"""The world of the end-to-end tests: embedded clusters once, real ones once."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from fairlead.client.targets import Cluster
from fairlead.machinery import encoding
from testenv import building
from tests import clusters
from tests.clusters import Pair
from tests.e2e import manifests, platforms, world
from tests.e2e.hands import Hands, Kubectl, Plain
from tests.e2e.platforms import Platform
from tests.e2e.world import World


@pytest.fixture(scope="session")
def embedded_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Servers of our own, and likewise below: our connector offers whatever other tests define in a control plane."""
    with clusters.embedded(tmp_path_factory.mktemp("embedded-claims")) as started:
        yield started


@pytest.fixture(scope="session")
def real_pair(tmp_path_factory: pytest.TempPathFactory, crossplane_crds: Path) -> Iterator[Pair]:
    with (
        clusters.running("app", tmp_path_factory.mktemp("app-of-claims"), "resourcequota-controller") as app,
        clusters.running("control-plane", tmp_path_factory.mktemp("control-plane-of-claims")) as control_plane,
    ):
        yield clusters.pair_of(app, control_plane, crossplane_crds)


@pytest.fixture(scope="session", params=clusters.TARGETS)
def pair(request: pytest.FixtureRequest) -> Pair:
    found: Pair = request.getfixturevalue(f"{request.param}_pair")
    return found


@pytest.fixture(scope="session")
def claims(pair: Pair) -> Iterator[World]:
    """An app cluster with a connector to a control plane that offers databases."""
    with ExitStack() as stack:
        app, control_plane = (stack.enter_context(hands(pair, each)) for each in (pair.app, pair.control_plane))
        control_plane.apply(encoding.from_yaml(pair.xrd_crd.read_bytes()))
        world.offer(control_plane, manifests.xrd())
        control_plane.create(manifests.namespace(world.CLAIMS))
        world.eventually(lambda: control_plane.names(manifests.DATABASES, world.CLAIMS))
        port = world.free_port()
        app.create(manifests.service("kube-system", "fairlead-connector", port))
        stack.enter_context(world.connector(pair.app, pair.control_plane, port, "--sync-secrets", "--mirror-events"))
        world.eventually(lambda: app.names(manifests.DATABASES, world.CLAIMS))
        yield World(app, control_plane, port, pair.stored)


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The same with real Crossplane, between servers of its own."""
    with platforms.started(tmp_path_factory.mktemp("platform")) as running:
        yield running


@contextmanager
def hands(pair: Pair, cluster: Cluster) -> Iterator[Hands]:
    if pair.real:
        program = building.binary("kubectl")
        assert program is not None
        yield Kubectl(cluster, program)
    else:
        with Plain.of(cluster) as plain:
            yield plain
