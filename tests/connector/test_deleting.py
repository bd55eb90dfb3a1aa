"""What is sent for a deletion that speaks to a garbage collector."""

from typing import Any

import pytest

from fairlead.connector.naming import RESERVED, Identity
from fairlead.machinery import statuses
from fairlead.machinery.messages import Response
from fairlead.machinery.paths import Resource
from tests.connector.fakes import BASE, World, no, ok, world
from tests.connector.objects import PREFIX, SCOPE, decode, stored

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("connector:cascades")]

A = Identity(SCOPE.cluster, "team-a", "orders")
ONE = f"{BASE}/namespaces/team-a/databases/orders"
ALL = f"{BASE}/namespaces/team-a/databases"
DATABASES = Resource("demo.example.org", "v1", "databases")
CONFLICT = no(statuses.conflict(DATABASES, A.backend(PREFIX), "the object has been modified"))


def held(*names: str, **more: Any) -> Response:
    return ok(stored(A, finalizers=[RESERVED + each if each in ("orphan", "foregroundDeletion") else each
                                    for each in names], **more))  # fmt: skip


def body(answer: Response) -> Any:
    assert isinstance(answer.body, bytes)
    return decode(answer.body)


def sent(found: World) -> list[tuple[str, Any]]:
    return [(each.method, each.object if each.body else None) for each in found.control_plane.sent]


@pytest.mark.parametrize(("policy", "name"), [("Orphan", "orphan"), ("Foreground", "foregroundDeletion")])
async def test_the_finalizer_is_set_before_a_background_deletion(policy: str, name: str) -> None:
    found = world(held("a/b"), held("a/b", name), held("a/b", name, deletionTimestamp="2026-01-01T00:00:00Z"))
    options = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": policy}
    answer = await found.ask("DELETE", ONE, options)
    assert body(answer)["metadata"]["finalizers"] == ["a/b", name]
    patch = {"metadata": {"uid": "u-1", "resourceVersion": "7", "finalizers": ["a/b", RESERVED + name]}}
    deletion = {**options, "propagationPolicy": "Background", "preconditions": {"uid": "u-1"}}
    assert sent(found) == [("GET", None), ("PATCH", patch), ("DELETE", deletion)]


async def test_a_lost_race_is_run_again() -> None:
    found = world(held(), CONFLICT, held("a/b"), held("a/b", "orphan"), held("a/b", "orphan"))
    await found.ask("DELETE", ONE, {"propagationPolicy": "Orphan"})
    assert [method for method, _ in sent(found)] == ["GET", "PATCH", "GET", "PATCH", "DELETE"]
    assert sent(found)[3][1]["metadata"]["finalizers"] == ["a/b", f"{RESERVED}orphan"]


@pytest.mark.parametrize("precondition", [{"uid": "another"}, {"resourceVersion": "6"}])
async def test_a_precondition_is_checked_before_anything_is_written(precondition: dict[str, str]) -> None:
    found = world(held())
    answer = await found.ask("DELETE", ONE, {"propagationPolicy": "Foreground", "preconditions": precondition})
    assert answer.status == 409
    assert [method for method, _ in sent(found)] == ["GET"]
    assert body(answer)["details"] == {"name": "orders", "group": "demo.example.org", "kind": "Database"}


async def test_a_precondition_that_holds_is_not_sent_again() -> None:
    found = world(held(), held("orphan", resourceVersion="8"), held("orphan"))
    options = {"propagationPolicy": "Orphan", "preconditions": {"resourceVersion": "7"}}
    assert (await found.ask("DELETE", ONE, options)).status == 200
    assert sent(found)[-1][1]["preconditions"] == {"uid": "u-1"}


@pytest.mark.parametrize("asked_first", [(), ("orphan",)])
async def test_nothing_is_added_to_an_object_that_is_being_deleted(asked_first: tuple[str, ...]) -> None:
    dying = held("a/b", *asked_first, deletionTimestamp="2026-01-01T00:00:00Z")
    found = world(dying, dying)
    await found.ask("DELETE", ONE, {"propagationPolicy": "Foreground"})
    assert [method for method, _ in sent(found)] == ["GET", "DELETE"]


async def test_an_explicit_background_takes_the_finalizers_off() -> None:
    found = world(ok(stored(A)), held("orphan"), held("orphan"), ok(stored(A)))
    answer = await found.ask("DELETE", ONE, {"propagationPolicy": "Background"})
    assert [method for method, _ in sent(found)] == ["GET", "DELETE", "GET", "PATCH"]
    assert sent(found)[-1][1]["metadata"]["finalizers"] == []
    details = {"name": "orders", "group": "demo.example.org", "kind": "databases", "uid": "u-1"}
    assert (body(answer)["status"], body(answer)["details"]) == ("Success", details)


async def test_a_dry_run_sets_nothing_and_shows_what_would_be() -> None:
    found = world(ok(stored(A)), ok(stored(A, finalizers=["a/b", "orphan"])))
    answer = await found.ask("DELETE", ONE, {"propagationPolicy": "Orphan", "dryRun": ["All"]})
    assert [method for method, _ in sent(found)] == ["GET", "DELETE"]
    assert sent(found)[-1][1]["propagationPolicy"] == "Orphan"
    assert body(answer)["metadata"]["finalizers"] == ["a/b", "orphan"]


async def test_a_contradictory_request_is_the_control_planes_to_refuse() -> None:
    found = world(ok(stored(A)), no(statuses.Invalid("orphanDependents and propagationPolicy")))
    options = {"propagationPolicy": "Orphan", "orphanDependents": True}
    assert (await found.ask("DELETE", ONE, options)).status == 422
    assert sent(found)[-1][1]["propagationPolicy"] == "Orphan"


async def test_of_a_collection_each_is_deleted_by_itself() -> None:
    items = {"kind": "DatabaseList", "apiVersion": "demo.example.org/v1", "metadata": {}, "items": [stored(A)]}
    found = world(ok(items), ok(items), held(), held("orphan"), held("orphan"))
    answer = await found.ask("DELETE", ALL, b"", "propagationPolicy=Orphan")
    assert [method for method, _ in sent(found)] == ["GET", "GET", "GET", "PATCH", "DELETE"]
    assert all("app-namespace=team-a" in each.query["labelSelector"] for each in found.control_plane.sent[:2])
    assert [each["metadata"]["name"] for each in body(answer)["items"]] == ["orders"]


async def test_of_a_collection_deleted_in_the_background_none_waits_for_a_collector() -> None:
    marked = stored(A, finalizers=[f"{RESERVED}orphan"])
    items = {"kind": "DatabaseList", "apiVersion": "demo.example.org/v1", "metadata": {}, "items": [marked]}
    found = world(ok(items), ok(items), held("orphan"), ok(stored(A)))
    answer = await found.ask("DELETE", ALL, {"propagationPolicy": "Background"}, content_type="application/json")
    assert answer.status == 200
    assert [method for method, _ in sent(found)] == ["DELETE", "GET", "GET", "PATCH"]


@pytest.mark.requirement("connector:status-names")
async def test_a_refusal_about_one_of_a_collection_names_it() -> None:
    items = {"kind": "DatabaseList", "apiVersion": "demo.example.org/v1", "metadata": {}, "items": [stored(A)]}
    found = world(CONFLICT, ok(items))
    answer = await found.ask("DELETE", ALL, {"preconditions": {"uid": "u"}}, content_type="application/json")
    assert (answer.status, body(answer)["details"]["name"]) == (409, "orders")
    assert '"orders"' in body(answer)["message"]
    assert "app-namespace=team-a" in found.control_plane.sent[-1].query["labelSelector"]


@pytest.mark.requirement("connector:status-names")
async def test_a_refusal_about_what_is_none_of_it_names_nothing() -> None:
    items = {"kind": "DatabaseList", "apiVersion": "demo.example.org/v1", "metadata": {}, "items": []}
    answer = await world(CONFLICT, ok(items)).ask("DELETE", ALL)
    assert (answer.status, body(answer)["details"]["name"]) == (409, "(unknown)")
