"""Running a pod and deleting it, on real API servers: pods are not among what the embedded one has."""

from collections.abc import Callable
from typing import Any

import pytest

from fairlead.client.api import Client
from fairlead.client.targets import Cluster
from fairlead.machinery import statuses
from fairlead.machinery.paths import Resource
from tests.mcp.toolsets.writers import Hands, Person

pytestmark = [pytest.mark.anyio, pytest.mark.real, pytest.mark.requirement("mcp-core-writes:run")]

PODS, SERVICES = Resource("", "v1", "pods"), Resource("", "v1", "services")


@pytest.fixture(scope="module")
def cluster(real_app: Any) -> Cluster:
    found: Cluster = real_app.cluster
    return found


async def test_a_pod_with_its_service_and_both_gone(hands: Hands, client: Client, unique: Callable[[str], str]) -> None:
    name, person = unique("run"), Person()
    where: dict[str, Any] = {"name": name, "namespace": "default"}
    tried = await hands.said("pods_run", person, **where, image="web:1", port=8080, dry_run=True)
    assert "+ spec.containers" in tried
    with pytest.raises(statuses.NotFound):
        await client.get(PODS, name, "default")
    said = await hands.said("pods_run", person, **where, image="web:1", port=8080)
    assert f"created Pod {name} in namespace default" in said
    assert f"created Service {name} in namespace default" in said
    assert person.asked == []
    assert (await client.get(PODS, name, "default"))["spec"]["containers"][0]["image"] == "web:1"
    assert "already exists" in await hands.refusal("pods_run", person, **where, image="other:1")
    nobody = Person(agrees=False)
    await hands.refusal("pods_delete", nobody, **where)
    assert f"delete Pod {name} in namespace default; delete Service {name}" in nobody.asked[0]
    await hands.said("pods_delete", person, **where)
    for resource in (PODS, SERVICES):
        with pytest.raises(statuses.NotFound):
            await client.get(resource, name, "default")


async def test_a_service_of_others_stays(hands: Hands, client: Client, unique: Callable[[str], str]) -> None:
    name = unique("shared")
    where: dict[str, Any] = {"name": name, "namespace": "default"}
    await hands.said("pods_run", **where, image="web:1")
    service = {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}}
    await client.create(SERVICES, service, "default")
    await hands.said("pods_delete", Person(), **where)
    assert await client.get(SERVICES, name, "default")
    made_up = await hands.said("pods_run", namespace="default", image="web:1", dry_run=True)
    assert "create Pod run-" in made_up
    assert "give `namespace`" in await hands.refusal("pods_run", image="web:1")
