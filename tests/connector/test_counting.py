"""When a new claim is charged to a quota: after everything that may refuse it, and before it is there."""

from typing import Any

import pytest

from fairlead.connector.naming import Identity
from fairlead.machinery import statuses
from fairlead.machinery.messages import Response
from tests.connector.fakes import Room, World, no, ok, world
from tests.connector.objects import SCOPE, decode, stored
from tests.connector.test_handling import ALL, APPLY, DATABASES, MISSING, ONE, mine

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("connector:quota-order")]

MADE = ok(stored(Identity(SCOPE.cluster, "team-a", "orders")), 201)
THERE = no(statuses.already_exists(DATABASES, Identity(SCOPE.cluster, "team-a", "orders").backend()))
WRONG = no(statuses.Invalid("it is wrong"))
UNREHEARSED = no(statuses.BadRequest('admission webhook "w" does not support dry run'))


def sent(found: World) -> list[tuple[str, bool]]:
    return [(each.method, "dryRun" in each.query) for each in found.control_plane.sent]


async def make(found: World, query: str = "", body: Any = None) -> Response:
    return await found.ask("POST", ALL, body or mine(size=1), query, "application/json")


async def test_a_claim_is_rehearsed_charged_and_made() -> None:
    room = Room(1)
    found = world(MADE, MADE, quotas=room)
    assert (await make(found)).status == 201
    assert sent(found) == [("POST", True), ("POST", False)]
    assert room.charges == ["orders"]


async def test_where_no_quota_counts_it_is_one_request() -> None:
    room = Room(0)
    found = world(MADE, quotas=room)
    found.namespaces.phases["team-b"] = "Active"
    await found.ask(
        "POST", ALL.replace("team-a", "team-b"), {**mine(), "metadata": {"name": "x"}}, "", "application/json"
    )
    assert sent(found) == [("POST", False)]
    assert (room.charges, room.checks) == ([], [])


async def test_without_room_nothing_is_made() -> None:
    found = world(MADE, quotas=Room(0))
    answer = await make(found)
    assert answer.status == 403
    assert decode(answer.body)["message"].endswith('"orders" is forbidden: exceeded quota')  # type: ignore[arg-type]
    assert sent(found) == [("POST", True)]


@pytest.mark.parametrize(("refusal", "code"), [(WRONG, 422), (no(statuses.ServiceUnavailable("not now")), 503)])
async def test_what_is_refused_anyway_is_charged_nothing(refusal: Response, code: int) -> None:
    room = Room(1)
    found = world(refusal, quotas=room)
    assert (await make(found)).status == code
    assert (room.left, room.checks) == (1, [])


@pytest.mark.parametrize(("left", "code"), [(1, 409), (0, 403)])
async def test_one_that_is_there_is_told_after_the_quota_and_charged_nothing(left: int, code: int) -> None:
    room = Room(left)
    found = world(THERE, quotas=room)
    assert (await make(found)).status == code
    assert (room.left, room.checks) == (left, ["orders"])


@pytest.mark.parametrize(("left", "code"), [(1, 201), (0, 403)])
async def test_a_dry_run_is_checked_and_charged_nothing(left: int, code: int) -> None:
    room = Room(left)
    found = world(MADE, MADE, quotas=room)
    assert (await make(found, "dryRun=All")).status == code
    assert (room.left, room.checks) == (left, ["orders"])
    assert all(rehearsed for _, rehearsed in sent(found))


async def test_an_apply_that_creates_is_charged_and_one_that_changes_is_not() -> None:
    room = Room(1)
    found = world(MISSING, MADE, MADE, quotas=room)
    assert (await found.ask("PATCH", ONE, mine(size=1), "fieldManager=m", APPLY)).status == 201
    assert room.charges == ["orders"]
    found.control_plane.answers.append(MADE)
    assert (await found.ask("PATCH", ONE, mine(size=2), "fieldManager=m", APPLY)).status == 201
    assert room.charges == ["orders"]


async def test_a_control_plane_that_cannot_rehearse_is_charged_for_first() -> None:
    room = Room(1)
    found = world(UNREHEARSED, MADE, quotas=room)
    assert (await make(found)).status == 201
    assert room.charges == ["orders"]
