"""Rollouts by the real controllers; pods are made ready here, as a kubelet would."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, suppress
from typing import Any

import pytest

from fairlead.client.api import Client
from fairlead.client.targets import Cluster
from fairlead.client.watching import Applied, Listed, watch
from fairlead.machinery import statuses
from fairlead.machinery.paths import Resource
from fairlead.mcp.named.servers import Target
from fairlead.mcp.reaching.targets import Targets
from tests.clusters import running
from tests.mcp.toolsets.definitions import eventually
from tests.mcp.toolsets.writers import Hands, Person

pytestmark = [pytest.mark.anyio, pytest.mark.real, pytest.mark.requirement("mcp-core-writes:rollouts")]

PODS, NODES = Resource("", "v1", "pods"), Resource("", "v1", "nodes", namespaced=False)
CONTROLLERS = ("deployment-controller", "replicaset-controller", "statefulset-controller", "daemonset-controller")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running("rollouts", tmp_path_factory.mktemp("rollouts"), *CONTROLLERS) as server:
        yield server.cluster


@pytest.fixture
async def hands(cluster: Cluster) -> AsyncIterator[Hands]:
    async with Targets((Target("here", kubeconfig=str(cluster.kubeconfig)),), reads_only=False) as targets:
        yield Hands(targets)


@pytest.fixture
async def client(cluster: Cluster) -> AsyncIterator[Client]:
    async with cluster.open() as opened, asyncio.TaskGroup() as tasks:
        readying = tasks.create_task(_make_ready(opened))
        yield opened
        readying.cancel()


async def _make_ready(client: Client) -> None:
    """What a kubelet does; pods with the image `broken` never get there. One that is deleted is let go."""
    async with aclosing(watch(client, PODS)) as events:
        async for event in events:
            for pod in (
                event.items if isinstance(event, Listed) else [event.object] if isinstance(event, Applied) else []
            ):
                with suppress(statuses.NotFound, statuses.Conflict):
                    await _treat(client, pod)


async def _treat(client: Client, pod: dict[str, Any]) -> None:
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    if pod["metadata"].get("deletionTimestamp"):
        await client.delete(PODS, name, namespace, options={"gracePeriodSeconds": 0})
    elif pod["spec"]["containers"][0]["image"] != "broken" and not (pod.get("status") or {}).get("conditions"):
        ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        await client.patch(PODS, name, {"status": ready}, namespace, subresource="status")


def workload(kind: str, name: str, image: str) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "selector": {"matchLabels": {"app": name}},
        "template": {
            "metadata": {"labels": {"app": name}},
            "spec": {
                "containers": [{"name": "web", "image": image}],
                "terminationGracePeriodSeconds": 0,
                "tolerations": [{"operator": "Exists"}],  # of the node that nobody runs
            },
        },
    }
    spec |= {} if kind == "DaemonSet" else {"replicas": 2}
    spec |= {"serviceName": name} if kind == "StatefulSet" else {}
    metadata = {"name": name, "namespace": "default", "annotations": {"kubernetes.io/change-cause": f"to {image}"}}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}


async def rolled_out(hands: Hands, **where: Any) -> None:
    async def asked() -> None:
        said = await hands.said("rollout_status", **where, wait_seconds=20)
        assert ": reached\n" in said, said

    await eventually(asked, 120)


WHOLE = [pytest.param(each, marks=pytest.mark.whole) for each in ("StatefulSet", "DaemonSet")]


@pytest.mark.parametrize("kind", ["Deployment", *WHOLE])
async def test_out_anew_and_back(hands: Hands, client: Client, unique: Callable[[str], str], kind: str) -> None:
    with suppress(statuses.AlreadyExists):
        await client.create(NODES, {"metadata": {"name": "one"}})
    name = unique(kind.lower())
    where: dict[str, Any] = {"name": name, "namespace": "default", "kind": kind}
    workloads = Resource("apps", "v1", f"{kind.lower()}s")
    await hands.said("resources_create_or_update", resource=str(workload(kind, name, "web:1")))
    await rolled_out(hands, **where)
    await hands.said("resources_create_or_update", Person(), resource=str(workload(kind, name, "web:2")))
    await rolled_out(hands, **where)
    history = await hands.said("rollout_history", **where)
    assert "web:1" in history
    assert "web:2" in history

    nobody = Person(agrees=False)
    await hands.refusal("rollout_undo", nobody, **where)
    assert ".image: web:2\n" in nobody.asked[0]
    await eventually(lambda: hands.said("rollout_undo", Person(), **where))
    assert (await image(client, workloads, name)) == "web:1"
    await rolled_out(hands, **where)
    assert "is at revision 3 already" in await hands.refusal("rollout_undo", Person(), **where, revision=3)
    assert "has no revision 99; there are: " in await hands.refusal("rollout_undo", Person(), **where, revision=99)

    before = {each["metadata"]["uid"] for each in await pods(client, name)}
    nobody = Person(agrees=False)
    await hands.refusal("rollout_restart", nobody, **where)
    assert "all its pods are replaced" in nobody.asked[0]
    assert {each["metadata"]["uid"] for each in await pods(client, name)} == before
    await eventually(lambda: hands.said("rollout_restart", Person(), **where))

    async def replaced() -> None:
        after = {each["metadata"]["uid"] for each in await pods(client, name)}
        assert after
        assert not after & before

    await rolled_out(hands, **where)
    await eventually(replaced, 60)


async def pods(client: Client, name: str) -> list[dict[str, Any]]:
    return (await client.list(PODS, "default", label_selector=f"app={name}")).items


async def image(client: Client, workloads: Resource, name: str) -> str:
    found = await client.get(workloads, name, "default")
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


async def test_one_that_does_not_come_says_how_far_it_is(
    hands: Hands, client: Client, unique: Callable[[str], str]
) -> None:
    name = unique("stuck")
    await hands.said("resources_create_or_update", resource=str(workload("Deployment", name, "broken")))
    said = await hands.said("rollout_status", name=name, namespace="default", wait_seconds=2)
    assert "not reached within 2 s" in said
    assert "of 2 new replicas" in said or "has not seen" in said
    await client.patch(Resource("apps", "v1", "deployments"), name, {"spec": {"paused": True}}, "default")
    refusal = await hands.refusal("rollout_restart", Person(), name=name, namespace="default")
    assert "is paused; set spec.paused to false first" in refusal
    assert "are not rolled out" in await hands.refusal("rollout_status", name="a", namespace="b", kind="cm")
