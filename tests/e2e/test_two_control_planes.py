"""Two control planes in one app cluster, each with a connector of its own."""

import ssl
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fairlead.aggregation.registering import APISERVICES
from fairlead.client.targets import Cluster
from fairlead.connector import publishing
from fairlead.connector.naming import Identity
from fairlead.machinery import encoding
from fairlead.machinery.paths import Resource
from tests import clusters
from tests.clusters import Pair
from tests.e2e import manifests, world
from tests.e2e.conftest import hands
from tests.e2e.hands import Hands, Plain, Refused
from tests.e2e.manifests import DATABASES
from tests.e2e.test_claim_travels import namespaced
from tests.e2e.world import CLAIMS, CLUSTER_ID, World

Object = dict[str, Any]
SERVICE = "second-connector"


@dataclass
class Second:
    """The other control plane, and its connector."""

    control_plane: Hands
    connect: Callable[[], AbstractContextManager[object]]
    port: int
    logged: Path
    _running: ExitStack | None = None

    def start(self) -> None:
        """Unless it runs: every start takes seconds."""
        if self._running is None:
            running = ExitStack()
            running.enter_context(self.connect())
            self._running = running

    def stop(self) -> None:
        if self._running is not None:
            self._running.close()
            self._running = None

    def log(self) -> str:
        return self.logged.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def second(pair: Pair, claims: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Second]:
    with ExitStack() as stack:
        cluster = stack.enter_context(control_plane(pair, tmp_path_factory.mktemp("second-control-plane")))
        there = stack.enter_context(hands(pair, cluster))
        there.apply(encoding.from_yaml(pair.xrd_crd.read_bytes()))
        there.create(manifests.namespace(CLAIMS))
        port = world.free_port()
        claims.app.create(manifests.service("kube-system", SERVICE, port))

        def connect() -> AbstractContextManager[object]:
            return world.connector(pair.app, cluster, port, "--service", f"kube-system/{SERVICE}")

        found = Second(there, connect, port, pair.app.kubeconfig.parent / f"connector-{port}.log")
        stack.callback(found.stop)
        yield found


@contextmanager
def control_plane(pair: Pair, directory: Path) -> Iterator[Cluster]:
    if pair.real:
        with clusters.running("second-control-plane", directory) as started:
            yield started.cluster
    else:
        with clusters.embedded(directory) as both:
            yield both.control_plane


def xrd(kind: str, group: str, version: str = "v1alpha1") -> Object:
    found = manifests.xrd(kind, group)
    found["spec"]["versions"][0]["name"] = version
    return found


def queues(group: str, version: str = "v1alpha1") -> Resource:
    return Resource(group, version, "queues")


def queue(group: str, name: str, namespace: str) -> Object:
    return {**manifests.claim(name, namespace), "apiVersion": f"{group}/v1alpha1", "kind": "Queue"}


def said(second: Second, words: str) -> str:
    found = second.log()
    if words not in found:
        raise Refused(f"{words!r} is not in the log: {found[-1000:]}")
    return found


def readyz(port: int) -> str:
    unverified = ssl._create_unverified_context()
    with urllib.request.urlopen(f"https://127.0.0.1:{port}/readyz?verbose", context=unverified) as answer:
        found: str = answer.read().decode()
        return found


def withdraw(control_plane: Hands, definition: Object) -> None:
    group, names = definition["spec"]["group"], definition["spec"]
    for plural in (names["claimNames"]["plural"], names["names"]["plural"]):
        control_plane.delete(manifests.CRDS, f"{plural}.{group}")
    control_plane.delete(manifests.XRDS, definition["metadata"]["name"])


@pytest.mark.requirement("e2e:two-control-planes")
def test_each_serves_what_only_it_has_and_a_shared_group_stays_the_firsts(
    claims: World, second: Second, unique: Callable[[str], str]
) -> None:
    own = f"{unique('second')}.example.org"
    world.offer(second.control_plane, xrd("Queue", own))
    world.offer(second.control_plane, xrd("Cache", manifests.GROUP, "v1beta1"))
    namespace = namespaced(claims, unique("both"))
    second.start()
    world.eventually(lambda: claims.app.names(queues(own), namespace))
    world.eventually(lambda: said(second, f"API group {manifests.GROUP} cannot be published"))
    assert f"warn: the API group {manifests.GROUP} belongs to the connector of another" in readyz(second.port)
    assert "fairlead-connector" in readyz(second.port)
    with pytest.raises(Refused, match="NotFound"):
        claims.app.get(APISERVICES, f"v1beta1.{manifests.GROUP}")

    claims.app.apply(manifests.claim("orders", namespace))
    claims.app.apply(queue(own, "orders", namespace))
    stored = Identity(CLUSTER_ID, namespace, "orders").backend()
    assert claims.control_plane.get(DATABASES, stored, CLAIMS)
    assert second.control_plane.get(queues(own), stored, CLAIMS)
    assert claims.app.names(DATABASES, namespace) == claims.app.names(queues(own), namespace) == ["orders"]
    for resource in (DATABASES, queues(own)):
        claims.app.delete(resource, "orders", namespace)
    assert second.log().count(f"API group {manifests.GROUP}") == 1, "it is said once"


@pytest.mark.whole
@pytest.mark.requirement("e2e:two-control-planes")
def test_the_other_takes_a_group_over_when_the_first_is_uninstalled(
    claims: World, second: Second, pair: Pair, unique: Callable[[str], str]
) -> None:
    shared = f"{unique('shared')}.example.org"
    later = xrd("Queue", shared, "v1beta1")
    world.offer(second.control_plane, xrd("Queue", shared))
    second.start()
    world.eventually(lambda: claims.app.names(queues(shared), "default"))
    world.offer(claims.control_plane, later)
    world.eventually(lambda: _conflicting(claims.port, shared))
    second.stop()
    with pytest.raises(Refused, match="NotFound"):
        claims.app.get(APISERVICES, f"v1beta1.{shared}")
    uninstall(claims.app, pair)
    world.eventually(lambda: claims.app.names(queues(shared, "v1beta1"), "default"))
    withdraw(claims.control_plane, later)
    world.eventually(lambda: _absent(claims.app, f"v1beta1.{shared}"))


def _conflicting(port: int, group: str) -> None:
    if f"the API group {group} belongs to" not in readyz(port):
        raise Refused("the first has not noticed yet")


def _absent(app: Hands, name: str) -> None:
    if name in app.names(APISERVICES):
        raise Refused(f"{name} is still there")


def uninstall(app: Hands, pair: Pair) -> None:
    """What `helm uninstall` leads to: the garbage collector removes what the release owned."""
    with Plain.of(pair.app) as plain:
        selector = f"labelSelector={publishing.CONNECTOR}%3D{SERVICE}.kube-system"
        for each in plain.send("GET", APISERVICES.path(), query=selector)["items"]:
            app.delete(APISERVICES, each["metadata"]["name"])
