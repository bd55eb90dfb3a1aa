"""Figures of the metrics API as people read them."""

from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.client.api import Client
from fairlead.machinery import statuses
from fairlead.resources import topping
from fairlead.resources.topping import NoMetricsError

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("resources:topping")]
NODES, REAL = "/apis/metrics.k8s.io/v1beta1/nodes", "/api/v1/nodes"
PODS = "/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods"


class Answers:
    """In place of a client."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers

    async def read(self, path: str, query: Any = None) -> Any:
        found = self.answers.get(path, statuses.no_such_resource())
        if isinstance(found, Exception):
            raise found
        return found


def client(answers: dict[str, Any]) -> Client:
    return cast("Client", Answers(answers))


def usage(name: str, cpu: str, memory: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "usage": {"cpu": cpu, "memory": memory}}


async def test_nodes_and_what_they_have() -> None:
    real = {"metadata": {"name": "a"}, "status": {"allocatable": {"cpu": "2", "memory": "4Gi"}}}
    answers = {NODES: {"items": [usage("a", "500000001n", "1Gi"), usage("b", "1", "1Ki")]}, REAL: {"items": [real]}}
    one, other = await topping.nodes(client(answers))
    assert one.room is not None
    assert (topping.cores(one.used.cpu), topping.share(one.used.cpu, one.room.cpu)) == ("501m", "25%")
    assert (topping.mebibytes(one.used.memory), topping.share(one.used.memory, one.room.memory)) == ("1024Mi", "25%")
    assert other.room is None


async def test_nodes_that_may_not_be_read_are_measured_all_the_same() -> None:
    answers = {NODES: {"items": [usage("a", "1", "1Mi")]}, REAL: statuses.Forbidden("no")}
    assert [(each.name, each.room) for each in await topping.nodes(client(answers))] == [("a", None)]


async def test_what_is_missing_is_told_apart() -> None:
    with pytest.raises(NoMetricsError, match="install metrics-server"):
        await topping.pods(client({}), "shop")
    with pytest.raises(NoMetricsError, match="APIService"):
        await topping.pods(client({PODS: statuses.ServiceUnavailable("down")}), "shop")
    with pytest.raises(statuses.NotFound):
        await topping.pods(client({f"{PODS}/web": statuses.NotFound('pods "shop/web" not found')}), "shop", "web")


@given(st.lists(st.tuples(st.integers(0, 10**15), st.integers(0, 10**9)), max_size=5))
async def test_a_pod_is_the_sum_of_its_containers(amounts: list[tuple[int, int]]) -> None:
    containers = [
        {"name": str(index), "usage": {"cpu": f"{cpu}n", "memory": f"{memory}Ki"}}
        for index, (cpu, memory) in enumerate(amounts)
    ]
    found = {"metadata": {"name": "web", "namespace": "shop"}, "containers": containers}
    (pod,) = await topping.pods(client({PODS: {"items": [found]}}), "shop")
    assert pod.total.cpu * 10**9 == sum(cpu for cpu, _ in amounts)
    assert pod.total.memory == sum(memory for _, memory in amounts) * Decimal(1024)
