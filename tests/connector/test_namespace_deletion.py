"""A namespace of the app cluster is deleted by that cluster's own controller, and its claims with it.

Between real servers only: the playground's controller neither gives followers time nor says what it waits for.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

from fairlead.connector import running
from fairlead.connector.choosing import Choice
from fairlead.connector.naming import APP_NAMESPACE
from fairlead.connector.preparing import NAMESPACES
from fairlead.machinery import statuses
from fairlead.machinery.paths import Resource
from tests.clusters import Pair
from tests.connector.holes import Network, network
from tests.connector.test_running import World, eventually, offer, world
from tests.e2e import manifests

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("connector:namespace-deletion")]


@dataclass
class Shop:
    """A namespace of the app cluster, and a kind of claims."""

    world: World
    network: Network
    claims: Resource
    name: str

    def claim(self, name: str) -> dict[str, Any]:
        return {**manifests.claim(name, self.name), "apiVersion": f"{self.claims.group}/v1alpha1"}

    async def create(self, name: str) -> None:
        await self.world.app.create(self.claims, self.claim(name))

    async def stored(self) -> int:
        selector, there = f"{APP_NAMESPACE}={self.name}", self.world.settings.claim_namespace
        return len((await self.world.control_plane.list(self.claims, there, label_selector=selector)).items)

    async def gone(self) -> None:
        try:
            await self.world.app.get(NAMESPACES, self.name)
        except statuses.NotFound:
            return
        raise AssertionError("it is still there")


@asynccontextmanager
async def shop(pair: Pair, unique: Callable[[str], str], folder: Path) -> AsyncIterator[Shop]:
    group, name = f"{unique('deleted')}.example.org", unique("shop")
    async with AsyncExitStack() as stack:
        found = await stack.enter_async_context(world(pair, unique))
        await offer(found.control_plane, group)
        between, kubeconfig = await stack.enter_async_context(network(pair.control_plane.kubeconfig, folder))
        # Its own API alone: the controller waits and tries ten times for each that is away.
        only = Choice.parse([f"*.{group}"], [])
        settings = replace(found.settings, control_plane_kubeconfig=kubeconfig, choice=only)
        await stack.enter_async_context(running.serve(settings))
        made = Shop(found, between, found.claims(group), name)
        await eventually(lambda: found.app.list(made.claims))
        await found.app.create(NAMESPACES, manifests.namespace(name))
        await eventually(lambda: made.create("orders"))
        yield made


@pytest.mark.whole
async def test_it_waits_for_a_control_plane_that_does_not_answer_and_then_finishes(
    real_pair: Pair, unique: Callable[[str], str], tmp_path: Path
) -> None:
    async with shop(real_pair, unique, tmp_path) as found:
        found.network.swallow()
        await found.world.app.delete(NAMESPACES, found.name)
        await eventually(lambda: blocked(found))
        assert await found.stored() == 1
        found.network.heal()
        await eventually(found.gone)
        assert await found.stored() == 0


async def blocked(found: Shop) -> None:
    """The controller has tried, and says what it could not do."""
    namespace = await found.world.app.get(NAMESPACES, found.name)
    conditions = {each["type"]: each for each in namespace["status"].get("conditions", ())}
    assert conditions.get("NamespaceDeletionContentFailure", {}).get("status") == "True"


async def test_what_is_created_while_it_ends_is_refused_or_deleted(
    real_pair: Pair, unique: Callable[[str], str], tmp_path: Path
) -> None:
    codes: set[int] = set()

    async def create(found: Shop, worker: int) -> None:
        """Until there is no such namespace any more."""
        number = 0
        while 404 not in codes:
            number += 1
            try:
                await found.create(f"orders-{worker}-{number}")
            except statuses.StatusError as error:
                codes.add(error.status_code)
            await checkpoint()

    async with shop(real_pair, unique, tmp_path) as found, anyio.create_task_group() as tasks:
        for worker in range(3):
            tasks.start_soon(create, found, worker)
        await eventually(lambda: several(found))
        await found.world.app.delete(NAMESPACES, found.name)
        await eventually(found.gone)
        with anyio.fail_after(40):
            while 404 not in codes:
                await checkpoint()
        await eventually(lambda: none(found))
    assert codes <= {403, 404}


async def several(found: Shop) -> None:
    assert await found.stored() > 5


async def none(found: Shop) -> None:
    assert await found.stored() == 0
