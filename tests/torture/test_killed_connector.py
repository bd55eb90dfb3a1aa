"""The connector is killed while a claim is being created: before it is sent, after it is stored, and in between."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fairlead.connector import naming
from tests.e2e import manifests
from tests.e2e.hands import Refused
from tests.e2e.manifests import DATABASES, Object
from tests.e2e.world import CLAIMS, CLUSTER_ID
from tests.torture import stages
from tests.torture.churning import RETRYABLE, send
from tests.torture.relays import LARGE, Relay, relayed
from tests.torture.stages import SECONDS, Replica, Stage, eventually

if TYPE_CHECKING:
    from fairlead.machinery.messages import Response

pytestmark = pytest.mark.requirement("torture:killed-during-create")
NAMESPACE = "killed"
ROUNDS = 3


@dataclass(frozen=True)
class World:
    stage: Stage
    connector: Replica
    relay: Relay

    def stored(self, name: str) -> Object | None:
        backend = naming.Identity(CLUSTER_ID, NAMESPACE, name).backend()
        try:
            return self.stage.control_plane.get(DATABASES, backend, CLAIMS)
        except Refused as refused:
            if "NotFound" in str(refused):
                return None
            raise

    @contextmanager
    def creating(self, name: str) -> Iterator["Future[Response]"]:
        """A create is under way while the block runs; its connector is killed there."""
        with ThreadPoolExecutor(1) as pool:
            under_way = pool.submit(send, self.stage.app, "POST", DATABASES.path(NAMESPACE), padded(name))
            yield under_way
            self.relay.cut()
            self.relay.pass_all()
            answer = under_way.result()
        assert answer.status in RETRYABLE | {0}, f"nobody may be told that it was created, or refused: {answer}"

    def converges(self, name: str, before: Object | None) -> None:
        """Applied again, twice, there is the one claim: the stored one, where there is one."""
        self.connector.start()
        for size in ("small", "large"):
            eventually(lambda size=size: self.stage.app.apply(padded(name, size=size)))  # type: ignore[misc] # bound now
        after = self.stored(name)
        assert after is not None
        assert before is None or after["metadata"]["uid"] == before["metadata"]["uid"]
        assert after["spec"]["size"] == "large"
        query = f"labelSelector={naming.RESERVED}app-resource-name%3D{name}"
        assert len(self.stage.control_plane.send("GET", DATABASES.path(CLAIMS), query=query)["items"]) == 1


def padded(name: str, size: str = "small") -> Object:
    return manifests.claim(name, NAMESPACE, size=size, tags=["x" * LARGE])


@pytest.fixture(scope="module")
def world(folder: Path, crossplane_crds: Path) -> Iterator[World]:
    with stages.staged(folder, crossplane_crds) as stage:
        stage.namespaced(NAMESPACE)
        with (
            relayed(stage.control_plane.cluster.kubeconfig, folder) as (relay, kubeconfig),
            stage.replica(control_plane=kubeconfig) as connector,
        ):
            stage.await_apis()
            yield World(stage, connector, relay)


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_before_it_is_sent_the_claim_does_not_exist(world: World, unique: Callable[[str], str], round_: int) -> None:
    name = unique("unsent")
    world.relay.hold(world.relay.asking)
    with world.creating(name):
        assert world.relay.large.wait(SECONDS)
        world.connector.kill()
    assert world.stored(name) is None
    world.converges(name, None)


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_after_it_is_stored_and_before_anybody_was_told_it_exists_once(
    world: World, unique: Callable[[str], str], round_: int
) -> None:
    name = unique("untold")
    world.relay.hold(world.relay.answering)
    with world.creating(name):
        eventually(lambda: _exists(world, name))
        world.connector.kill()
    world.converges(name, world.stored(name))


def _exists(world: World, name: str) -> None:
    assert world.stored(name) is not None


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_while_it_is_being_stored_it_exists_once_or_not_at_all(
    world: World, unique: Callable[[str], str], round_: int
) -> None:
    """Killed in the moment in which the control plane gets the request: who is faster is open."""
    name = unique("racing")
    with world.creating(name):
        assert world.relay.large.wait(SECONDS)
        world.connector.kill()
    world.converges(name, world.stored(name))
