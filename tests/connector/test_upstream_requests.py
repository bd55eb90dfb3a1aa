"""How many requests to the control plane a request takes, as the connector's own metrics tell it."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fairlead.client.api import Client, Patch
from fairlead.client.connection import Connection
from fairlead.connector.naming import Identity
from fairlead.machinery.paths import Resource
from tests.clusters import Pair
from tests.connector.test_observing import NAMESPACE, claim, direct, scraped, serving
from tests.connector.test_running import CLUSTER, World

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.requirement("connector:one-upstream-request", "connector:two-upstream-requests"),
]
Step = Callable[[], Awaitable[Any]]


async def taken(operator: Connection, verb: str, step: Step) -> tuple[float, float]:
    """Requests, and requests to the control plane on behalf of them."""
    before = await scraped(operator)
    await step()
    after = await scraped(operator)
    names = ("apiserver_request_total", "fairlead_upstream_requests_total")
    requests, upstream = (after.get((name, verb), 0) - before.get((name, verb), 0) for name in names)
    return requests, upstream


def writes(app: Client, claims: Resource, found: dict[str, Any]) -> list[tuple[str, Step]]:
    """To one object, the last of which is its end."""
    name = found["metadata"]["name"]
    applied = claim(claims, name)
    json_patch = [{"op": "replace", "path": "/spec/size", "value": "small"}]
    merge_patch = {"metadata": {"labels": {"step": "two"}}}
    return [
        ("PUT", lambda: app.replace(claims, found, NAMESPACE)),
        ("PATCH", lambda: app.patch(claims, name, merge_patch, NAMESPACE, kind=Patch.MERGE)),
        ("PATCH", lambda: app.patch(claims, name, json_patch, NAMESPACE, kind=Patch.JSON)),
        ("APPLY", lambda: app.apply(claims, applied, NAMESPACE, manager="metrics")),
        ("DELETE", lambda: app.delete(claims, name, NAMESPACE)),
    ]


async def stored(world: World, claims: Resource, name: str) -> dict[str, Any]:
    """A claim that the connector has not met, as the app cluster sees it."""
    identity = Identity(CLUSTER, NAMESPACE, name)
    made = claim(claims, identity.backend())
    made["metadata"]["labels"] = identity.labels
    there = await world.control_plane.create(claims, made, world.settings.claim_namespace)
    seen = claim(claims, name)
    seen["metadata"] |= {key: there["metadata"][key] for key in ("uid", "resourceVersion")}
    return seen


async def test_a_request_takes_one_where_the_object_is_known(pair: Pair, unique: Callable[[str], str]) -> None:
    async with (
        serving(pair, unique) as (world, replica, claims),
        direct(pair, replica, "operator", "system:masters") as operator,
    ):
        app, made = world.app, claim(claims, unique("orders"))
        assert await taken(operator, "POST", lambda: app.create(claims, made, NAMESPACE)) == (1, 1)
        name = made["metadata"]["name"]
        assert (await taken(operator, "GET", lambda: app.get(claims, name, NAMESPACE)))[1] == 1
        found = await app.get(claims, name, NAMESPACE)
        for verb, step in writes(app, claims, found):
            assert await taken(operator, verb, step) == (1, 1), verb


async def test_a_write_takes_two_where_it_is_not(pair: Pair, unique: Callable[[str], str]) -> None:
    async with (
        serving(pair, unique) as (world, replica, claims),
        direct(pair, replica, "operator", "system:masters") as operator,
    ):
        for index in range(len(writes(world.app, claims, claim(claims, "any")))):
            verb, step = writes(world.app, claims, await stored(world, claims, unique(f"unknown-{index}")))[index]
            assert await taken(operator, verb, step) == (1, 2), verb


async def test_so_does_a_patch_of_what_is_mapped_and_an_apply_that_creates(
    pair: Pair, unique: Callable[[str], str]
) -> None:
    async with (
        serving(pair, unique) as (world, replica, claims),
        direct(pair, replica, "operator", "system:masters") as operator,
    ):
        app, name = world.app, unique("orders")
        applied = claim(claims, name)
        assert await taken(operator, "APPLY", lambda: app.apply(claims, applied, NAMESPACE, field_manager="m")) == (
            1,
            2,
        )
        slow = [{"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}]
        assert await taken(operator, "PATCH", lambda: app.patch(claims, name, slow, NAMESPACE, kind=Patch.JSON)) == (
            1,
            2,
        )
