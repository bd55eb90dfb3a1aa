"""The control plane dies or turns silent; the app cluster's API server restarts while the connector is down."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pytest

from fairlead.machinery.paths import Resource
from tests.differential.kind import WIDGETS
from tests.e2e import manifests
from tests.e2e.manifests import DATABASES, NAMESPACES
from tests.torture import stages
from tests.torture.churning import send
from tests.torture.stages import Replica, Stage, eventually

CONFIG_MAPS = Resource("", "v1", "configmaps")
PROMPT = 5.0
"""Seconds for an answer from a connector that knows that the control plane is away."""


@pytest.fixture(scope="module")
def replica(folder: Path, crossplane_crds: Path) -> Iterator[tuple[Stage, Replica]]:
    with stages.staged(folder, crossplane_crds) as staged, staged.replica() as started:
        staged.await_apis()
        yield staged, started


@pytest.fixture
def here(replica: tuple[Stage, Replica]) -> Stage:
    return replica[0]


@contextmanager
def killed(stage: Stage) -> Iterator[None]:
    stage.control_plane_server.kill_api_server()
    yield
    stage.control_plane_server.start_api_server()


@contextmanager
def silent(stage: Stage) -> Iterator[None]:
    """It accepts connections, as the kernel does for it, and never answers: packets go in and nothing comes out."""
    process = stage.control_plane_server.process("kube-apiserver")
    process.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.signal(signal.SIGCONT)


def refused_promptly(stage: Stage, method: str, namespace: str, name: str = "", body: object = None) -> None:
    """503 with Retry-After, which client-go needs in order to try again, and a Status that says why."""
    began = time.monotonic()
    answer = send(stage.app, method, DATABASES.path(namespace, name), body)
    assert answer.status == 503, answer
    assert answer.headers.get("retry-after").isdigit()
    assert isinstance(answer.body, bytes)
    assert json.loads(answer.body)["reason"] == "ServiceUnavailable"
    assert time.monotonic() - began < PROMPT


@pytest.mark.requirement("torture:outages")
@pytest.mark.parametrize("outage", [killed, silent], ids=["killed", "silent"])
def test_while_the_control_plane_is_away_the_apis_stay_and_requests_are_refused(
    here: Stage, unique: Callable[[str], str], outage: Callable[[Stage], AbstractContextManager[None]]
) -> None:
    name, going, empty = unique("outage"), unique("going"), unique("empty")
    here.namespaced(name, going, empty)
    for namespace in (name, going):
        here.app.apply(manifests.claim("orders", namespace))
    with outage(here):
        eventually(lambda: refused_promptly(here, "GET", name))
        for method, one, body in (
            ("GET", "orders", None),
            ("POST", "", manifests.claim("new", name)),
            ("DELETE", "orders", None),
            ("DELETE", "", None),
        ):
            refused_promptly(here, method, name, one, body)
        for path in (f"/apis/{manifests.GROUP}", f"/apis/{manifests.GROUP}/v1alpha1", "/openapi/v3", "/apis"):
            assert send(here.app, "GET", path).status == 200, path
        service = here.app.send("GET", f"/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.{manifests.GROUP}")
        assert {each["type"]: each["status"] for each in service["status"]["conditions"]} == {"Available": "True"}
        here.app.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other", "namespace": name}})
        here.app.send("DELETE", CONFIG_MAPS.path(name, "other"))
        assert "databases" in here.kubectl().run("api-resources", "-o", "name")
        for each in (going, empty):  # that the other has no claims is known to the control plane alone
            here.app.send("DELETE", NAMESPACES.path(None, each))
            eventually(partial(waits_for_content, here, each))
    eventually(lambda: here.app.names(DATABASES, name))
    assert here.app.names(DATABASES, name) == ["orders"], "nothing was lost, nothing was written"
    for each in (going, empty):
        eventually(partial(absent, here, each))
    here.app.apply(manifests.claim("orders", name, size="large"))


def waits_for_content(stage: Stage, namespace: str) -> None:
    """And not for discovery, which would hold up every namespace and hide what is left in this one."""
    status = stage.app.get(NAMESPACES, namespace)["status"]
    found = {each["type"]: each["status"] for each in status.get("conditions") or ()}
    assert status["phase"] == "Terminating"
    assert found.get("NamespaceDeletionContentFailure") == "True", found
    assert found.get("NamespaceDeletionDiscoveryFailure") == "False", found


def absent(stage: Stage, namespace: str) -> None:
    assert namespace not in stage.app.names(NAMESPACES)


@pytest.mark.requirement("torture:outages")
def test_a_write_that_had_been_sent_when_the_control_plane_turned_silent_is_answered_504(
    here: Stage, unique: Callable[[str], str]
) -> None:
    """Nobody can know what became of it, so it must not be told as one that may simply be sent again."""
    name = unique("sent")
    here.namespaced(name)
    with silent(here):
        answer = send(here.app, "POST", DATABASES.path(name), manifests.claim("orders", name))
        assert answer.status == 504, answer
    eventually(lambda: here.app.apply(manifests.claim("orders", name)))
    assert here.app.names(DATABASES, name) == ["orders"]


@pytest.mark.requirement("torture:app-restart")
def test_an_app_api_server_that_restarted_without_the_connector_recovers_by_itself(
    replica: tuple[Stage, Replica], unique: Callable[[str], str]
) -> None:
    stage, connector = replica
    name = unique("restarted")
    stage.namespaced(name)
    path = f"/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.{manifests.GROUP}"
    before = stage.app.send("GET", path)
    stage.app.apply(manifests.claim("orders", name))
    assert connector.stop() == 0, connector.said()
    stage.app_server.stop_api_server()
    stage.app_server.start_api_server()
    answer = send(stage.app, "GET", DATABASES.path(name))
    assert answer.status == 503, answer
    connector.start()

    kubectl = stage.kubectl()
    for command in (
        ("get", "databases", "-n", name, "-o", "name"),
        ("explain", "databases.spec.size"),
        ("explain", "widgets", "--recursive"),
        ("api-resources", f"--api-group={manifests.GROUP}", "-o", "name"),
    ):
        eventually(partial(kubectl.run, *command))
    eventually(lambda: kubectl.apply(manifests.claim("orders", name, size="large")))
    assert stage.app.get(DATABASES, "orders", name)["spec"]["size"] == "large"
    assert stage.app.names(WIDGETS, name) == []
    after = stage.app.send("GET", path)
    assert (after["metadata"]["uid"], after["spec"]) == (before["metadata"]["uid"], before["spec"])
