"""The fixtures that give a test its API servers, embedded and real.

Servers are started once per test process, because a real one takes seconds; tests keep out of each other's way by names
of their own. Which servers a test gets is decided here alone: with `cluster` and `pair` it runs once for each target.
Everything about servers is imported where it is started, so that tests that need none do not pay for it.
"""

import itertools
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from testenv import building

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal

    from fairlead.client.targets import Cluster
    from fairlead.embedded.cluster import EmbeddedCluster
    from testenv.kubelet import ClusterWithNode
    from testenv.servers import RealCluster

TARGETS = ["embedded", pytest.param("real", marks=pytest.mark.real)]
EMBEDDED_DATA = Path(__file__).parents[1] / "src/fairlead/embedded/simulator/data"
ROLLOUTS = ("deployment-controller", "replicaset-controller", "statefulset-controller", "daemonset-controller")
REAL_FIXTURES = {"real_node", "real_app", "real_control_plane", "real_pair", "kubectl", "crossplane_crds"}


@dataclass(frozen=True)
class ApiServer:
    cluster: "Cluster"
    """As a member of system:masters."""
    stored: Callable[[str], list[str]]
    """The keys of everything that its own storage holds of an API group."""
    access: Callable[[str, Sequence[str]], "Cluster"]
    """As a user of these groups, who has no rights but those that a test binds."""


@dataclass(frozen=True)
class Pair:
    """An app cluster and a control plane that do not know each other."""

    app_server: ApiServer
    control_plane_server: ApiServer
    xrd_crd: Path
    """The CRD of CompositeResourceDefinitions that belongs into such a control plane: Crossplane's, or ours."""
    real: bool

    @property
    def app(self) -> "Cluster":
        return self.app_server.cluster

    @property
    def control_plane(self) -> "Cluster":
        return self.control_plane_server.cluster

    @property
    def stored(self) -> Callable[[str], list[str]]:
        """What the app cluster stores."""
        return self.app_server.stored


@pytest.fixture(scope="session")
def real_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator["RealCluster"]:
    with running("app", tmp_path_factory.mktemp("real-app"), "resourcequota-controller") as started:
        yield started


@pytest.fixture(scope="session")
def real_control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator["RealCluster"]:
    with running("control-plane", tmp_path_factory.mktemp("real-control-plane")) as started:
        yield started


@pytest.fixture(scope="session")
def real_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator["ClusterWithNode"]:
    """A cluster of its own whose Pods are bound, ready and measured, with the controllers of rollouts."""
    from testenv.kubelet import ClusterWithNode
    from testenv.servers import CONTROLLERS

    server = ClusterWithNode("node", tmp_path_factory.mktemp("real-node"), (*CONTROLLERS, *ROLLOUTS))
    try:
        with server:
            yield server
    finally:
        shutil.rmtree(server.data)


@contextmanager
def running(name: str, directory: Path, *controllers: str) -> Iterator["RealCluster"]:
    """With the usual controllers and more. The logs stay in `directory`; the data, 64 MB when empty, does not."""
    from testenv.servers import CONTROLLERS, RealCluster

    server = RealCluster(name, directory, (*CONTROLLERS, *controllers))
    try:
        with server:
            yield server
    finally:
        shutil.rmtree(server.data)


@pytest.fixture(scope="session")
def real_pair(real_app: "RealCluster", real_control_plane: "RealCluster", crossplane_crds: Path) -> Pair:
    return pair_of(real_app, real_control_plane, crossplane_crds)


def pair_of(app: "RealCluster", control_plane: "RealCluster", crds: Path) -> Pair:
    xrd_crd = crds / "apiextensions.crossplane.io_compositeresourcedefinitions.yaml"
    return Pair(of_real(app), of_real(control_plane), xrd_crd, real=True)


def of_real(server: "RealCluster") -> ApiServer:
    def access(user: str, groups: Sequence[str]) -> "Cluster":
        return replace(server.cluster, kubeconfig=server.kubeconfig_for(user, groups))

    return ApiServer(server.cluster, server.stored, access)


@pytest.fixture(scope="session")
def embedded_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with embedded(tmp_path_factory.mktemp("embedded")) as started:
        yield started


@contextmanager
def embedded(directory: Path) -> Iterator[Pair]:
    """Both in one process, as in the playground, on an event loop of their own: the tests may block theirs."""
    from anyio.from_thread import start_blocking_portal

    from fairlead.embedded.cluster import EmbeddedCluster
    from fairlead.serving import loops

    app, control_plane = (EmbeddedCluster(name, directory / name) for name in ("app", "control-plane"))
    with (
        start_blocking_portal(backend_options={"loop_factory": loops.factory()}) as portal,
        portal.wrap_async_context_manager(app),
        portal.wrap_async_context_manager(control_plane),
    ):
        servers = of_embedded(app, portal), of_embedded(control_plane, portal)
        yield Pair(*servers, EMBEDDED_DATA / "xrd_crd.yaml", real=False)


def of_embedded(server: "EmbeddedCluster", portal: "BlockingPortal") -> ApiServer:
    from fairlead.client.targets import Cluster

    def access(user: str, groups: Sequence[str]) -> Cluster:
        path = server.directory / f"{user}.kubeconfig"
        path.touch(mode=0o600)
        path.write_bytes(server.access(user, tuple(groups)))
        return Cluster(server.name, path)

    return ApiServer(Cluster(server.name, server.kubeconfig), lambda group: portal.call(server.stored, group), access)


@pytest.fixture(scope="session", params=TARGETS)
def pair(request: pytest.FixtureRequest) -> Pair:
    found: Pair = request.getfixturevalue(f"{request.param}_pair")
    return found


@pytest.fixture(scope="session", params=TARGETS)
def api_server(request: pytest.FixtureRequest) -> ApiServer:
    """One, the app cluster's of `pair`."""
    if request.param == "real":
        return of_real(request.getfixturevalue("real_app"))
    found: Pair = request.getfixturevalue("embedded_pair")
    return found.app_server


@pytest.fixture(scope="session")
def cluster(api_server: ApiServer) -> "Cluster":
    return api_server.cluster


@pytest.fixture
def unique() -> Callable[[str], str]:
    """`unique("orders")` → a name that no other test of this process was given."""
    return lambda prefix: f"{prefix}-{next(_NUMBERS)}"


_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def kubectl() -> Path:
    return built(building.binary("kubectl"))


@pytest.fixture(scope="session")
def crossplane_crds() -> Path:
    """The folder of Crossplane's own CRDs, as YAML files."""
    return built(building.folder("crossplane-crds"))


def built(path: Path | None) -> Path:
    assert path is not None, "checked before any test that is marked `real`"
    return path


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever takes a real server needs it, whether or not the mark was remembered."""
    for item in items:
        if REAL_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.real)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("real") and (lack := lacking()):
        if os.environ.get("FAIRLEAD_REQUIRE_REAL"):
            pytest.fail(lack, pytrace=False)
        pytest.skip(lack)


@cache
def lacking() -> str:
    """What is not built, in one line; empty when everything is."""
    missing = building.missing()
    return f"not built: {', '.join(missing)}; run `make testenv`" if missing else ""
