"""Where the torture happens: an app cluster, a control plane that offers claims and widgets, and connectors between.

Nobody reconciles the claims: what an object does in the control plane, the tests do by hand. The widgets are a CRD that
is offered beside the claims; they have what an XRD cannot ask for, such as the scale subresource.
"""

import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from fairlead.client.targets import Cluster
from fairlead.machinery import encoding
from testenv import building
from testenv.processes import Process
from testenv.servers import CONTROLLERS, RealCluster
from tests.clusters import built
from tests.differential import kind
from tests.e2e import manifests, world
from tests.e2e.hands import DEADLINE, Kubectl, Plain, Refused
from tests.e2e.world import CLAIMS, CLUSTER_ID

SECONDS = 120.0
"""How long anything may take that happens by itself; two cores may be busy with something else."""
PAUSE = 0.1
LOOPBACK = "127.0.0.1"
SERVICE = "fairlead-connector"
NAMESPACE = "kube-system"
XRD_CRD = "apiextensions.crossplane.io_compositeresourcedefinitions.yaml"
OFFERS = (manifests.DATABASES, kind.WIDGETS)
Found = TypeVar("Found")


def eventually(step: Callable[[], Found], seconds: float = SECONDS) -> Found:
    """What it returns, once it neither is refused nor fails an assertion."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return step()
        except (Refused, AssertionError):
            if time.monotonic() > deadline:
                raise
            threading.Event().wait(PAUSE)


class Replica:
    """A connector process that may be killed and started again."""

    def __init__(self, command: Sequence[str | Path], log: Path) -> None:
        self.command = list(command)
        self.log = log
        self.process: Process | None = None
        self._starts = 0

    def start(self) -> None:
        """Returns when it says that it is ready."""
        self.begin().await_ready(lambda: "ready: " in self.said())

    def begin(self) -> Process:
        self._starts += 1
        self.process = Process("the connector", self.command, self._current())
        return self.process

    def said(self) -> str:
        """Since it was last started."""
        path = self._current()
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def _current(self) -> Path:
        return self.log.with_suffix(f".{self._starts}.log")

    def kill(self) -> None:
        if process := self._taken():
            process.kill()

    def stop(self) -> int | None:
        """Its exit status."""
        if (process := self._taken()) is None:
            return None
        process.stop(DEADLINE)
        return process.code

    def _taken(self) -> Process | None:
        process, self.process = self.process, None
        return process


@dataclass(frozen=True)
class Stage:
    directory: Path
    app_server: RealCluster
    control_plane_server: RealCluster
    app: Plain
    control_plane: Plain
    port: int
    _names: list[str] = field(default_factory=list)

    @contextmanager
    def replica(
        self,
        *flags: str,
        control_plane: Path | None = None,
        bind: str = LOOPBACK,
        prefix: Sequence[str] = (),
        started: bool = True,
    ) -> Iterator[Replica]:
        """`control_plane` is another kubeconfig for it. What still runs at the end must end well."""
        self._names.append(f"connector-{len(self._names) + 1}")
        command: list[str | Path] = [
            *prefix,
            *(sys.executable, "-m", "fairlead", "connector", "serve", "--kubeconfig", self.app.cluster.kubeconfig),
            *("--control-plane-kubeconfig", control_plane or self.control_plane.cluster.kubeconfig),
            *("--claim-namespace", CLAIMS, "--cluster-id", CLUSTER_ID, "--allow-crd", f"widgets.{kind.GROUP}"),
            *("--service", f"{NAMESPACE}/{SERVICE}", "--service-port", str(self.port)),
            *("--bind", bind, "--port", str(self.port), *flags),
        ]
        replica = Replica(command, self.directory / self._names[-1])
        try:
            if started:
                replica.start()
            yield replica
        except BaseException:
            replica.kill()
            raise
        assert replica.stop() in (0, None), replica.said()[-2000:]

    def await_apis(self) -> None:
        """Until they answer through the app cluster's API server."""
        for each in OFFERS:
            eventually(partial(self.app.names, each))

    def namespaced(self, *names: str) -> None:
        for each in names:
            self.app.create(manifests.namespace(each))

    def kubectl(self) -> Kubectl:
        return kubectl(self.app.cluster)


def program(name: str) -> Path:
    return built(building.binary(name))


def kubectl(cluster: Cluster) -> Kubectl:
    return Kubectl(cluster, program("kubectl"))


@contextmanager
def server(
    name: str,
    directory: Path,
    controllers: Sequence[str] = CONTROLLERS,
    flags: Sequence[str] = (),
    host: str = LOOPBACK,
) -> Iterator[RealCluster]:
    made = RealCluster(name, directory / name, controllers, flags, host)
    try:
        with made:
            yield made
    finally:
        shutil.rmtree(made.data, ignore_errors=True)


@contextmanager
def staged(directory: Path, crds: Path) -> Iterator[Stage]:
    """All of it on loopback; the connector is reached as `localhost` on a free port."""
    with server("app", directory) as app, server("control-plane", directory) as control_plane:
        port = world.free_port()
        with furnished(directory, app, control_plane, crds, port) as stage:
            stage.app.create(manifests.service(NAMESPACE, SERVICE, port))
            yield stage


@contextmanager
def furnished(directory: Path, app: RealCluster, control_plane: RealCluster, crds: Path, port: int) -> Iterator[Stage]:
    """Without a Service for the connectors, which are to be reached on `port`."""
    with Plain.of(app.cluster) as here, Plain.of(control_plane.cluster) as there:
        there.apply(encoding.from_yaml((crds / XRD_CRD).read_bytes()))
        there.create(manifests.namespace(CLAIMS))
        world.offer(there, manifests.xrd())
        there.apply(kind.crd())
        for each in OFFERS:
            eventually(partial(there.names, each))
        yield Stage(directory, app, control_plane, here, there, port)


@contextmanager
def local(stage: Stage, controllers: Sequence[str] = CONTROLLERS) -> Iterator[Plain]:
    """A server that stores both kinds itself, as the measure of what a user sees."""
    names = [f"{each.plural}.{each.group}" for each in OFFERS]
    with (
        server("local", stage.directory, controllers=controllers) as started,
        Plain.of(started.cluster) as hands,
    ):
        for name in names:
            crd = stage.control_plane.get(manifests.CRDS, name)
            hands.apply({**crd, "metadata": {"name": name}, "status": {}})
        for each in OFFERS:
            eventually(partial(hands.names, each))
        yield hands
