"""Claims without their namespace: which are told of, and which may go."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from fairlead.client.api import Client, ObjectList
from fairlead.connector import reaping, running
from fairlead.connector.naming import APP_NAMESPACE_UID, CLAIM_PREFIX, Identity
from fairlead.connector.preparing import NAMESPACES
from fairlead.connector.reaping import AnotherClusterError, Reaper
from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import Resource
from tests.clusters import Pair
from tests.connector.fakes import CATALOG
from tests.connector.objects import SCOPE, stored
from tests.connector.test_running import CLUSTER, World, eventually, offer, world
from tests.e2e import manifests

pytestmark = [pytest.mark.anyio]

CLUSTER_UID = "uid-of-kube-system"


@dataclass
class AppCluster:
    uids: dict[str, str]
    refuses: FairleadError | None = None

    async def list(self, resource: Resource) -> ObjectList:
        if self.refuses:
            raise self.refuses
        return ObjectList([{"metadata": {"name": name, "uid": uid}} for name, uid in self.uids.items()], "1")


@dataclass
class ControlPlane:
    claims: list[dict[str, Any]]
    deleted: list[tuple[str, Any]] = field(default_factory=list)
    refuses: FairleadError | None = None

    async def read(self, path: str, query: Any, accept: str) -> dict[str, Any]:
        """One claim on each page."""
        at = int(query.get("continue", "0"))
        token = str(at + 1) if at + 1 < len(self.claims) else ""
        return {"items": self.claims[at : at + 1], "metadata": {"continue": token}}

    async def delete(self, resource: Resource, name: str, namespace: str, *, options: Any) -> None:
        if self.refuses:
            raise self.refuses
        self.deleted.append((name, options))


@dataclass
class Seen:
    endings: set[tuple[str, str]]
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def ended(self, name: str, uid: str) -> bool:
        return (name, uid) in self.endings


def claim(namespace: str, name: str, recorded: str = "", **more: Any) -> dict[str, Any]:
    marks = {APP_NAMESPACE_UID: recorded} if recorded else {}
    return stored(Identity(SCOPE.cluster, namespace, name), annotations=marks, **more)


def reaper(
    *claims: dict[str, Any], namespaces: dict[str, str] | None = None, seen: Any = (), deletes: bool = True
) -> tuple[Reaper, AppCluster, ControlPlane]:
    app = AppCluster({"kube-system": CLUSTER_UID, **(namespaces or {})})
    control_plane = ControlPlane(list(claims))
    clients = cast("Client", app), cast("Client", control_plane)
    return Reaper(*clients, SCOPE, lambda: CATALOG, Seen(set(seen)), CLUSTER_UID, deletes), app, control_plane


async def names(found: Reaper) -> list[str]:
    return [f"{each.identity.namespace}/{each.identity.name}" for each in await found.round()]


@pytest.mark.requirement("connector:orphans-reported")
async def test_claims_of_namespaces_that_are_gone_or_are_others_are_told_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found, _, control_plane = reaper(
        claim("gone", "a", "u-1"), claim("gone", "b"), claim("there", "c", "u-2"), claim("there", "d"),
        claim("again", "e", "u-3"), claim("gone", "f", "u-1", deletionTimestamp="2026-01-01T00:00:00Z"),
        {**claim("gone", "g"), "metadata": {**claim("gone", "g")["metadata"], "name": "claim-of-another"}},
        namespaces={"there": "u-2", "again": "u-4"}, deletes=False,
    )  # fmt: skip
    assert await names(found) == ["gone/a", "gone/b", "again/e"]
    await found.round()
    assert len(caplog.messages) == 1
    assert "again (1), gone (2)" in caplog.text
    assert control_plane.deleted == []


@pytest.mark.requirement("connector:reaper-certain")
async def test_only_what_was_seen_to_end_goes_and_only_as_it_was_seen() -> None:
    found, _, control_plane = reaper(
        claim("gone", "seen", "u-1"), claim("gone", "unseen", "u-0"), claim("gone", "unmarked"),
        claim("again", "old", "u-3"), claim("again", "new", "u-4"),
        namespaces={"again": "u-4"}, seen=[("gone", "u-1"), ("again", "u-3"), ("gone", "")],
    )  # fmt: skip
    assert await names(found) == ["gone/unseen", "gone/unmarked"]
    preconditions = {"uid": "u-1", "resourceVersion": "7"}
    assert control_plane.deleted == [
        (Identity(SCOPE.cluster, *place).backend(CLAIM_PREFIX),
         {"preconditions": preconditions, "propagationPolicy": "Background"})
        for place in (("gone", "seen"), ("again", "old"))
    ]  # fmt: skip


@pytest.mark.requirement("connector:reaper-certain")
async def test_reporting_deletes_nothing_that_was_seen_to_end() -> None:
    found, _, control_plane = reaper(claim("gone", "a", "u-1"), seen=[("gone", "u-1")], deletes=False)
    assert await names(found) == ["gone/a"]
    assert control_plane.deleted == []


@pytest.mark.requirement("connector:reaper-certain")
@pytest.mark.parametrize("uid", ["uid-of-another", None])
async def test_another_app_cluster_at_the_same_address_stops_it(uid: str | None) -> None:
    found, app, control_plane = reaper(claim("gone", "a", "u-1"), seen=[("gone", "u-1")])
    app.uids = {"kube-system": uid} if uid else {}
    with pytest.raises(AnotherClusterError):
        await found.round()
    assert control_plane.deleted == []


@pytest.mark.requirement("connector:reaper-certain")
async def test_namespaces_that_cannot_be_listed_stop_it() -> None:
    found, app, control_plane = reaper(claim("gone", "a", "u-1"), seen=[("gone", "u-1")])
    app.refuses = statuses.Expired("the list broke off")
    with pytest.raises(statuses.Expired):
        await found.round()
    assert control_plane.deleted == []


@pytest.mark.requirement("connector:reaper-certain")
@pytest.mark.parametrize(
    ("refusal", "left"), [(statuses.NotFound("gone"), []), (statuses.Conflict("changed"), ["gone/a"])]
)
async def test_a_claim_that_changed_is_left_for_the_next_round(refusal: FairleadError, left: list[str]) -> None:
    found, _, control_plane = reaper(claim("gone", "a", "u-1"), seen=[("gone", "u-1")])
    control_plane.refuses = refusal
    assert await names(found) == left


# -- between two API servers -------------------------------------------------------------------------------------------


@pytest.fixture
def restless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaping, "ROUND_SECONDS", 0.5)
    monkeypatch.setattr(reaping, "SETTLE_SECONDS", 0.1)


async def named(found: World, name: str) -> str:
    """Makes the namespace in the app cluster, and answers its uid."""
    return str((await found.app.create(NAMESPACES, manifests.namespace(name)))["metadata"]["uid"])


async def absent(client: Client, resource: Resource, name: str, namespace: str | None = None) -> None:
    try:
        await client.get(resource, name, namespace)
    except statuses.NotFound:
        return
    raise AssertionError(f"{name} is still there")


def late(resource: Resource, name: str, namespace: str, claims: str, uid: str) -> dict[str, Any]:
    """A claim whose creation was under way when its namespace ended."""
    identity = Identity(CLUSTER, namespace, name)
    made = {**manifests.claim(name, namespace), "apiVersion": f"{resource.group}/v1alpha1"}
    metadata = {"name": identity.backend(), "namespace": claims, "labels": identity.labels}
    return {**made, "metadata": {**metadata, **({"annotations": {APP_NAMESPACE_UID: uid}} if uid else {})}}


@pytest.mark.whole
@pytest.mark.requirement("connector:reaper-certain", "connector:orphans-reported", "connector:namespace-uid")
async def test_what_arrived_too_late_goes_and_the_claims_of_a_new_namespace_stay(
    pair: Pair, unique: Callable[[str], str], restless: None
) -> None:
    group, shop = f"{unique('reaped')}.example.org", unique("shop")
    async with world(pair, unique) as found:
        await offer(found.control_plane, group)
        resource, claims = found.claims(group), found.settings.claim_namespace
        async with running.serve(replace(found.settings, reap=True)) as replica:
            await eventually(lambda: found.app.list(resource))
            old = await named(found, shop)
            await found.app.delete(NAMESPACES, shop)
            await eventually(lambda: absent(found.app, NAMESPACES, shop))
            new = await named(found, shop)
            body = {**manifests.claim("kept", shop), "apiVersion": f"{group}/v1alpha1"}
            await eventually(lambda: found.app.create(resource, body))
            for name, uid in (("late", old), ("unseen", "another"), ("unmarked", "")):
                # The last two are of a namespace that this process never saw.
                where = shop if name == "late" else unique("nowhere")
                await found.control_plane.create(resource, late(resource, name, where, claims, uid))

            await eventually(
                lambda: absent(found.control_plane, resource, Identity(CLUSTER, shop, "late").backend(), claims)
            )
            left = (await found.control_plane.list(resource, claims)).items
            assert len(left) == 3
            assert new in str(left)
            assert (await found.app.get(resource, "kept", shop))["metadata"].get("annotations") is None
            await eventually(lambda: counted(replica, 2))


async def counted(replica: running.Running, number: int) -> None:
    assert replica.connector.orphans == number


@pytest.mark.whole
@pytest.mark.requirement("connector:reaper-certain", "connector:orphans-reported")
async def test_what_was_left_behind_while_nobody_ran_is_only_told_of(
    pair: Pair, unique: Callable[[str], str], restless: None, caplog: pytest.LogCaptureFixture
) -> None:
    group, shop = f"{unique('left')}.example.org", unique("shop")
    async with world(pair, unique) as found:
        await offer(found.control_plane, group)
        resource = found.claims(group)
        async with running.serve(found.settings):
            await eventually(lambda: found.app.list(resource))
            await named(found, shop)
            body = {**manifests.claim("orders", shop), "apiVersion": f"{group}/v1alpha1"}
            await eventually(lambda: found.app.create(resource, body))
        await found.app.delete(NAMESPACES, shop)
        with suppress(statuses.NotFound):  # the playground does not wait for an API that nobody answers for
            going = await found.app.get(NAMESPACES, shop)
            await found.app.replace(NAMESPACES, {**going, "spec": {}}, subresource="finalize")
        await eventually(lambda: absent(found.app, NAMESPACES, shop))
        async with running.serve(replace(found.settings, reap=True)) as replica:
            await eventually(lambda: counted(replica, 1))
        assert f"{shop} (1)" in caplog.text
        assert len((await found.control_plane.list(resource, found.settings.claim_namespace)).items) == 1
