"""The namespace's uid on a stored claim, through every kind of write."""

from collections.abc import Callable
from typing import Any

import pytest

from fairlead.client.api import Patch
from fairlead.connector import running
from fairlead.connector.naming import APP_NAMESPACE_UID, RESERVED, Identity
from fairlead.connector.preparing import NAMESPACES
from tests.clusters import Pair
from tests.connector.fakes import World, ok, world
from tests.connector.objects import PREFIX, SCOPE, decode, stored
from tests.connector.test_handling import ALL, APPLY, JSON, MERGE, MISSING, ONE, mine
from tests.connector.test_running import CLUSTER, eventually, offer
from tests.connector.test_running import world as between
from tests.e2e import manifests

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("connector:namespace-uid")]

A = Identity(SCOPE.cluster, "team-a", "orders")
MARK = {APP_NAMESPACE_UID: "uid-of-team-a"}
MARKED = ok(stored(A, annotations={**MARK, "note": "x"}))


def annotations(found: World) -> Any:
    return found.control_plane.sent[-1].object["metadata"].get("annotations", {})


async def test_a_new_claim_gets_it_and_its_creator_does_not_see_it() -> None:
    found = world(MARKED)
    answer = await found.ask("POST", ALL, mine(size=1), content_type="application/json")
    assert annotations(found) == MARK
    assert decode(answer.body)["metadata"]["annotations"] == {"note": "x"}  # type: ignore[arg-type]


async def test_an_apply_that_creates_gives_it() -> None:
    found = world(MISSING, MARKED)
    answer = await found.ask("PATCH", ONE, mine(size=1), "fieldManager=m", APPLY)
    assert answer.status == 200
    assert annotations(found) == MARK


async def test_nobody_else_can_say_what_it_is() -> None:
    forged = mine(size=1)
    forged["metadata"]["annotations"] = {APP_NAMESPACE_UID: "another", "note": "x"}
    found = world(MARKED)
    await found.ask("POST", ALL, forged, content_type="application/json")
    assert annotations(found) == {**MARK, "note": "x"}


@pytest.mark.parametrize(
    ("method", "sent", "query", "content_type"),
    [
        ("PUT", mine(size=2), "", "application/json"),
        ("PATCH", {"metadata": {"annotations": None}}, "", MERGE),
        ("PATCH", [{"op": "remove", "path": "/metadata/annotations"}], "", JSON),
        ("PATCH", mine(size=2), "fieldManager=m", APPLY),
    ],
)
async def test_a_write_keeps_it(method: str, sent: Any, query: str, content_type: str) -> None:
    found = world(MARKED, MARKED)
    answer = await found.ask(method, ONE, sent, query, content_type)
    assert answer.status == 200
    assert annotations(found) == MARK


@pytest.mark.parametrize(
    ("method", "query", "content_type"), [("PUT", "", "application/json"), ("PATCH", "fieldManager=m", APPLY)]
)
async def test_a_claim_without_it_gets_none(method: str, query: str, content_type: str) -> None:
    found = world(ok(stored(A)), ok(stored(A)))
    answer = await found.ask(method, ONE, mine(size=2), query, content_type)
    assert answer.status == 200
    assert annotations(found) == {}
    assert found.control_plane.sent[-1].object["metadata"]["name"] == A.backend(PREFIX)


@pytest.mark.whole
async def test_between_servers_it_outlives_every_kind_of_write(pair: Pair, unique: Callable[[str], str]) -> None:
    group, shop = f"{unique('marked')}.example.org", unique("shop")
    async with between(pair, unique) as found, running.serve(found.settings):
        await offer(found.control_plane, group)
        resource = found.claims(group)
        await eventually(lambda: found.app.list(resource))
        uid = (await found.app.create(NAMESPACES, manifests.namespace(shop)))["metadata"]["uid"]
        body = {**manifests.claim("orders", shop), "apiVersion": f"{group}/v1alpha1"}

        async def kept(seen: dict[str, Any]) -> None:
            backend = Identity(CLUSTER, shop, "orders").backend()
            there = await found.control_plane.get(resource, backend, found.settings.claim_namespace)
            assert there["metadata"]["annotations"][APP_NAMESPACE_UID] == uid
            assert RESERVED not in str(seen)

        await kept(await eventually(lambda: found.app.apply(resource, body, manager="one")))
        await kept(await found.app.apply(resource, {**body, "spec": {"size": "large"}}, manager="one"))
        await kept(await found.app.apply(resource, {**body, "spec": {"replicas": 3}}, manager="two"))
        await kept(await found.app.apply(resource, {**body, "spec": {}}, manager="two"))
        await kept(await found.app.patch(resource, "orders", {"metadata": {"annotations": None}}, shop))
        slow = [{"op": "add", "path": "/metadata/annotations", "value": {"note": "x"}}]
        await kept(await found.app.patch(resource, "orders", slow, shop, kind=Patch.JSON))
        seen = await found.app.replace(resource, await found.app.get(resource, "orders", shop))
        await kept(seen)
        bare = {"name": "orders", "resourceVersion": seen["metadata"]["resourceVersion"]}
        await kept(await found.app.replace(resource, {**seen, "metadata": bare}, shop))
