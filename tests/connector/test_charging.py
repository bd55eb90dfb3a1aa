"""Quotas charged by compare-and-swap, on an app cluster that really compares and swaps."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from anyio.lowlevel import checkpoint

from fairlead.client.api import Client, ObjectList
from fairlead.client.errors import Unreachable
from fairlead.client.watching import Applied, Deleted, Interrupted, Listed
from fairlead.connector import charging
from fairlead.connector.charging import QUOTAS, Quotas
from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import Resource

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("connector:quota-compare-and-swap")]

BOXES = Resource("demo.local", "v1", "boxes")
COUNT = "count/boxes.demo.local"


def quota(name: str = "two", hard: int = 2, used: int | None = 0, version: int = 1) -> dict[str, Any]:
    status = {"hard": {COUNT: str(hard)}, "used": {} if used is None else {COUNT: str(used)}}
    return {"metadata": {"name": name, "namespace": "n", "resourceVersion": str(version)}, "status": status}


@dataclass
class AppCluster:
    quotas: dict[str, dict[str, Any]] = field(default_factory=dict)
    refuses: FairleadError | None = None
    lists: int = 0
    writes: int = 0
    conflicts: int = 0

    def put(self, *found: dict[str, Any]) -> None:
        self.quotas |= {each["metadata"]["name"]: each for each in found}

    def used(self, name: str = "two") -> int:
        return int(self.quotas[name]["status"]["used"][COUNT])

    async def list(self, resource: Resource, namespace: str) -> ObjectList:
        await checkpoint()
        self.lists += 1
        if self.refuses:
            raise self.refuses
        return ObjectList(list(self.quotas.values()), "1")

    async def replace(self, resource: Resource, obj: dict[str, Any], *, subresource: str) -> dict[str, Any]:
        await checkpoint()
        if self.refuses:
            raise self.refuses
        name, version = obj["metadata"]["name"], obj["metadata"]["resourceVersion"]
        if name not in self.quotas:
            raise statuses.not_found(QUOTAS, name)
        if self.quotas[name]["metadata"]["resourceVersion"] != version:
            self.conflicts += 1
            raise statuses.conflict(QUOTAS, name, statuses.STALE)
        self.writes += 1
        self.quotas[name] = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(int(version) + 1)}}
        await checkpoint()
        return self.quotas[name]


def following(app: AppCluster) -> Quotas:
    found = Quotas(cast("Client", app))
    found.heard(Listed(list(app.quotas.values()), "1"))
    return found


async def outcomes(*replicas: Quotas, number: int) -> list[str]:
    async def one(replica: Quotas, index: int) -> str:
        try:
            await replica.charge(BOXES, f"box-{index}", "n")
        except statuses.StatusError as error:
            return error.message
        return ""

    return await asyncio.gather(*(one(replicas[index % len(replicas)], index) for index in range(number)))


@pytest.mark.parametrize("replicas", [1, 2, 3])
async def test_never_more_than_fit_get_through_however_many_replicas_try(replicas: int) -> None:
    app = AppCluster()
    app.put(quota(hard=10))
    found = await outcomes(*(following(app) for _ in range(replicas)), number=50)
    assert found.count("") == app.used() == 10
    refusals = {each.partition("exceeded quota")[2] for each in found if each}
    assert refusals == {f": two, requested: {COUNT}=1, used: {COUNT}=10, limited: {COUNT}=10"}
    assert (app.conflicts > 0) == (replicas > 1)


async def test_charges_that_wait_together_are_one_write() -> None:
    app = AppCluster()
    app.put(quota(hard=100))
    assert await outcomes(following(app), number=50) == [""] * 50
    assert app.used() == 50
    assert app.writes <= 2


async def test_every_quota_that_counts_is_charged_and_each_may_refuse() -> None:
    app = AppCluster()
    app.put(quota("aaa", hard=1), quota("big", hard=5), quota("other", hard=0))
    del app.quotas["other"]["status"]["hard"][COUNT]
    found = following(app)
    assert [bool(each) for each in await outcomes(found, number=2)] == [False, True]
    assert (app.used("aaa"), app.used("big")) == (1, 1)


async def test_a_refusal_is_never_from_memory() -> None:
    app = AppCluster()
    app.put(quota(used=2))
    found = following(app)
    app.put(quota(used=1, version=2))  # the controller has counted again, and the watch did not say so yet
    await found.check(BOXES, "a", "n")
    assert await outcomes(found, number=1) == [""]
    assert app.used() == 2


async def test_checking_charges_nothing() -> None:
    app = AppCluster()
    app.put(quota(used=1))
    found = following(app)
    await found.check(BOXES, "a", "n")
    assert (app.used(), app.writes) == (1, 0)
    app.put(quota(used=2))
    with pytest.raises(
        statuses.Forbidden, match=f'boxes.demo.local "a" is forbidden: exceeded quota: two, .*{COUNT}=2'
    ):
        await found.check(BOXES, "a", "n")


async def test_what_was_not_counted_yet_refuses() -> None:
    app = AppCluster()
    app.put(quota(used=None))
    (refused,) = await outcomes(following(app), number=1)
    assert refused == f'boxes.demo.local "box-0" is forbidden: status unknown for quota: two, resources: {COUNT}'


async def test_only_a_quota_that_counts_the_kind_in_the_namespace_covers_it() -> None:
    app = AppCluster()
    app.put(quota())
    found = following(app)
    assert await found.cover(BOXES, "n")
    assert not await found.cover(BOXES, "elsewhere")
    assert not await found.cover(Resource("demo.local", "v1", "bags"), "n")
    found.heard(Deleted(quota()))
    assert not await found.cover(BOXES, "n")
    found.heard(Applied(quota()))
    assert await found.cover(BOXES, "n")
    assert app.lists == 0


async def test_while_the_watch_is_interrupted_quotas_are_asked_for() -> None:
    app = AppCluster()
    app.put(quota())
    found = Quotas(cast("Client", app))
    assert await found.cover(BOXES, "n")
    found.heard(Listed([], "1"))
    assert not await found.cover(BOXES, "n")
    found.heard(Interrupted(Unreachable("gone", sent=False)))
    assert await found.cover(BOXES, "n")
    assert app.lists == 2


async def test_a_quota_that_is_deleted_meanwhile_limits_nothing() -> None:
    app = AppCluster()
    app.put(quota())
    found = following(app)
    app.quotas.clear()
    assert await outcomes(found, number=1) == [""]


@pytest.mark.parametrize("error", [statuses.Forbidden("may not"), Unreachable("the app cluster", sent=True)])
async def test_what_cannot_be_known_is_an_error_and_no_permission(error: FairleadError) -> None:
    app = AppCluster()
    app.put(quota())
    found = following(app)
    app.refuses = error
    assert all("quota two cannot be charged" in each for each in await outcomes(found, number=2))
    found.heard(Interrupted(error))
    with pytest.raises(statuses.InternalError, match="resource quotas of namespace n cannot be read"):
        await found.cover(BOXES, "n")


async def test_an_api_server_without_quotas_has_none() -> None:
    app = AppCluster(refuses=statuses.no_such_resource())
    assert not await Quotas(cast("Client", app)).cover(BOXES, "n")


async def test_a_quota_that_never_stands_still_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charging, "PATIENCE_SECONDS", 0.05)
    app = AppCluster()
    app.put(quota(hard=9))

    async def stale(*_: Any, **__: Any) -> None:
        await checkpoint()
        raise statuses.conflict(QUOTAS, "two", statuses.STALE)

    app.replace = stale  # type: ignore[method-assign, assignment]  # an app cluster that others write to without end
    (refused,) = await outcomes(following(app), number=1)
    assert refused == "Internal error occurred: resource quota evaluation timed out"


async def test_whoever_leaves_does_not_take_the_charges_of_others_along() -> None:
    app = AppCluster()
    app.put(quota(hard=9))
    found = following(app)
    first = asyncio.create_task(found.charge(BOXES, "first", "n"))
    second = asyncio.create_task(found.charge(BOXES, "second", "n"))
    await checkpoint()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await second
    assert app.used() >= 1
    assert found._rooms == {}
