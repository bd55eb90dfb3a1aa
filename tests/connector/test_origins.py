"""The namespace's uid on a stored claim, through every kind of write."""

from typing import Any

import pytest

from fairlead.connector.naming import APP_NAMESPACE_UID, Identity
from tests.connector.fakes import World, ok, world
from tests.connector.objects import PREFIX, SCOPE, decode, stored
from tests.connector.test_handling import ALL, APPLY, JSON, MERGE, MISSING, ONE, mine

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
