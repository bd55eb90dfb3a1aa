"""Two replicas behind EndpointSlices: one is killed, both are exchanged in turn, both lose the control plane."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import manifests
from tests.e2e.manifests import DATABASES
from tests.torture import replicas
from tests.torture.churning import RETRYABLE, churning, informed, send
from tests.torture.replicas import Two
from tests.torture.stages import eventually

NAMESPACES = ("replicated-one", "replicated-two")
REQUESTS = 20


@pytest.fixture(scope="module")
def world(folder: Path, crossplane_crds: Path) -> Iterator[Two]:
    with replicas.two(folder, crossplane_crds) as started:
        started.stage.namespaced(*NAMESPACES)
        yield started


@pytest.mark.requirement("torture:rolling-restart")
def test_a_rolling_restart_fails_no_request_at_all(world: Two, tmp_path: Path) -> None:
    with informed(world.stage, tmp_path), churning(world.stage, NAMESPACES) as churn:
        churn.go_on()
        for replica, during in zip(world.replicas, ((False, True), (True, False)), strict=True):
            assert replica.stop() == 0, replica.said()
            world.await_ready(*during)
            churn.go_on()
            replica.start()
            world.await_ready(True, True)
            churn.go_on()
        assert churn.refused == []


@pytest.mark.requirement("torture:replica-killed")
@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_replica_costs_retries_and_no_event(world: Two, tmp_path: Path, victim: int) -> None:
    with informed(world.stage, tmp_path), churning(world.stage, NAMESPACES) as churn:
        churn.go_on()
        world.replicas[victim].kill()
        world.await_ready(victim != 0, victim != 1)
        before = len(churn.refused)
        churn.go_on(100)
        assert len(churn.refused) <= before + len(churn.writers), "the other answers everything"
        world.replicas[victim].start()
        world.await_ready(True, True)
        churn.go_on()
        assert {code for code, _ in churn.refused} <= RETRYABLE, churn.refused


@pytest.mark.requirement("torture:black-hole")
def test_a_control_plane_whose_packets_vanish_is_noticed_by_each_replica_and_comes_back(
    world: Two, tmp_path: Path
) -> None:
    app = world.stage.app
    app.apply(manifests.claim("kept", NAMESPACES[0]))
    with informed(world.stage, tmp_path):
        for machine in world.machines:
            machine.unplug(world.networks[1])
        eventually(lambda: _refused(world))
        assert send(app, "GET", f"/apis/{manifests.GROUP}/v1alpha1").status == 200
        assert world.kubelet.written == (True, True), "a replica that answers 503 at once is better than none"
        for machine in world.machines:
            machine.plug(world.networks[1])
        eventually(lambda: _served(world))
        app.apply(manifests.claim("kept", NAMESPACES[0], size="large"))
        assert app.get(DATABASES, "kept", NAMESPACES[0])["spec"]["size"] == "large"


def _refused(world: Two) -> None:
    """So often that each replica has surely been met."""
    for _ in range(REQUESTS):
        for method, body in (("GET", None), ("POST", manifests.claim("new", NAMESPACES[1]))):
            answer = send(world.stage.app, method, DATABASES.path(NAMESPACES[1]), body)
            assert answer.status == 503, answer


def _served(world: Two) -> None:
    for _ in range(REQUESTS):
        assert send(world.stage.app, "GET", DATABASES.path(NAMESPACES[1])).status == 200
