"""Nothing that removes something is done before somebody has agreed to exactly that, and never twice."""

import asyncio
import io
from dataclasses import replace
from typing import Any

import pytest

from fairlead.machinery import redacting
from fairlead.mcp.callers import Caller
from fairlead.mcp.conversing import CannotAskError
from fairlead.mcp.deciding.gate import UnknownError
from fairlead.mcp.deciding.handles import SECONDS, Handles
from fairlead.mcp.deciding.keeping import MemoryStore
from fairlead.mcp.deciding.sealing import Seals
from fairlead.mcp.deciding.sharing import Shared
from fairlead.mcp.named.servers import Limits, NamedServer
from tests.mcp.changing import ME, YOU, Person, World, gate, handle, lines

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("mcp-policy:confirmation")]
NO: list[dict[str, Any]] = [
    {"action": "decline"},
    {"action": "cancel"},
    {"action": "accept"},
    {"action": "accept", "content": {"confirm": False}},
    {"action": "accept", "content": {"confirm": "yes"}},
    {"content": {"confirm": True}},
]


async def test_a_person_is_shown_the_plan_and_says_yes() -> None:
    world, person = World(), Person()
    outcome = await gate(world).call(ME, "things_delete", {"name": "a"}, person)
    assert (outcome.failed, world.done) == (False, ["things_delete a"])
    assert person.asked == ["things_delete a in namespace shop\n- image: a\n+ image: b"]


class Hesitant(Person):
    """While they think, what it is about changes."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    async def ask(self, questions: Any) -> Any:
        self.world.version += 1
        return await super().ask(questions)


async def test_a_yes_is_for_what_was_shown_and_for_nothing_that_has_come_since() -> None:
    world, log = World(), io.BytesIO()
    outcome = await gate(world, log=log).call(ME, "things_delete", {"name": "a"}, Hesitant(world))
    assert outcome.failed
    assert "has changed meanwhile: nothing was done" in outcome.answer.text
    assert not world.done
    assert lines(log)[-1]["result"] == "changed"


@pytest.mark.parametrize("said", NO)
async def test_anything_but_a_yes_is_a_no(said: dict[str, Any]) -> None:
    world = World()
    outcome = await gate(world).call(ME, "things_delete", {"name": "a"}, Person(said))
    assert outcome.failed
    assert "nothing was changed" in outcome.answer.text
    assert not world.done


async def test_a_write_that_removes_nothing_runs_at_once_and_one_that_does_is_asked_for() -> None:
    world = World()
    tried = gate(world, NamedServer("one", allow=("*", "things_exec")))
    for name, given, asked in (
        ("things_apply", {"name": "a", "removes": False}, 0),
        ("things_apply", {"name": "b"}, 1),
        ("things_exec", {"name": "c", "removes": False}, 1),
    ):
        person = Person()
        assert not (await tried.call(ME, name, given, person)).failed
        assert len(person.asked) == asked
    assert world.done == ["things_apply a", "things_apply b", "things_exec c"]


async def test_a_dry_run_shows_the_plan_and_asks_nobody() -> None:
    world, person = World(), Person()
    outcome = await gate(world).call(ME, "things_delete", {"name": "a", "dry_run": True}, person)
    assert outcome.answer.text.startswith("dry run, nothing was changed: things_delete a in namespace shop")
    assert not person.asked
    assert not world.done


@pytest.mark.requirement("mcp-policy:handles")
async def test_who_cannot_be_asked_is_given_a_handle_that_is_good_once() -> None:
    world, log = World(), io.BytesIO()
    tried = gate(world, log=log)
    planned = await tried.call(ME, "things_delete", {"name": "a"})
    assert planned.failed
    assert planned.answer.text.startswith("not done yet: ")
    assert "+ image: b" in planned.answer.text
    assert not world.done
    given = handle(planned.answer.text)
    confirmed = await tried.call(ME, "changes_confirm", given)
    assert (confirmed.failed, confirmed.answer.text, world.done) == (False, "done", ["things_delete a"])
    again = await tried.call(ME, "changes_confirm", given)
    assert again.failed
    assert "no such plan of yours" in again.answer.text
    assert world.done == ["things_delete a"]
    written = [(each["tool"], each["stage"], each.get("result")) for each in lines(log)]
    assert written == [
        ("things_delete", "result", "planned"),
        ("things_delete", "intent", None),
        ("things_delete", "result", "ok"),
        ("changes_confirm", "result", "error"),
    ]
    one, two = lines(log)[1:3]
    assert one["requestID"] == two["requestID"]
    assert one["confirmation"] == two["confirmation"] == lines(log)[0]["confirmation"]
    assert given["handle"].encode() not in log.getvalue()


@pytest.mark.requirement("mcp-policy:handles")
async def test_a_handle_is_good_for_its_principal_server_plan_and_state_alone() -> None:
    world, now, shared = World(), [1e9], Shared()
    tried, other = gate(world, shared=shared), gate(world, NamedServer("two"), shared=shared)
    for each in (tried, other):
        each.confirming.handles._clock = lambda: now[0]  # five minutes without waiting

    async def planned() -> dict[str, str]:
        return handle((await tried.call(ME, "things_delete", {"name": "a"})).answer.text)

    given = await planned()
    for caller, where, wrong in (
        (YOU, tried, given),
        (Caller("me "), tried, given),
        (ME, other, given),
        (ME, tried, given | {"handle": given["handle"][:-1] + "_"}),
        (ME, tried, given | {"handle": "../" + given["handle"]}),
        (ME, tried, given | {"handle": "*"}),
        (ME, tried, given | {"plan": "things_delete b in namespace shop"}),
        (ME, tried, {"handle": given["handle"]}),
    ):
        assert (await where.call(caller, "changes_confirm", wrong)).failed
    assert not world.done
    now[0] += SECONDS + 1
    assert (await tried.call(ME, "changes_confirm", given)).failed
    given = await planned()
    world.version += 1
    changed = await tried.call(ME, "changes_confirm", given)
    assert changed.failed
    assert "has changed since" in changed.answer.text
    assert (await tried.call(ME, "changes_confirm", given)).failed
    assert not world.done
    assert not (await tried.call(ME, "changes_confirm", handle(changed.answer.text))).failed
    assert world.done == ["things_delete a"]


@pytest.mark.requirement("mcp-policy:handles")
async def test_of_many_uses_at_once_one_succeeds() -> None:
    world, shared = World(), Shared()
    workers = [gate(world, shared=shared) for _ in range(4)]
    given = handle((await workers[0].call(ME, "things_delete", {"name": "a"})).answer.text)
    said = await asyncio.gather(*(each.call(ME, "changes_confirm", given) for each in workers for _ in range(5)))
    assert [each.failed for each in said].count(False) == 1
    assert world.done == ["things_delete a"]


@pytest.mark.requirement("mcp-policy:handles")
async def test_what_is_kept_is_sealed_for_its_place() -> None:
    store, seals = MemoryStore(), Seals()
    world = World()
    shared = Shared(seals=seals, store=store)
    given = handle((await gate(world, shared=shared).call(ME, "things_delete", {"name": "hunter2"})).answer.text)
    (key,) = await store.keys("plan:one:")
    sealed = await store.get(key) or b""
    assert b"hunter2" not in sealed
    assert given["handle"] not in key
    other = Handles("one", store, Seals())
    assert await other.find(given["handle"]) is None
    assert await other.waiting() == []
    await store.put("plan:two:" + key.rpartition(":")[2], sealed, 60)
    moved = await gate(world, NamedServer("two"), shared=shared).call(ME, "changes_confirm", given)
    assert moved.failed
    assert not world.done


@pytest.mark.requirement("mcp-policy:handles")
async def test_the_tool_stands_where_it_may_be_needed_and_can_be_denied() -> None:
    world = World()
    assert "changes_confirm" in {each.name for each in gate(world).tools(ME)}
    assert "changes_confirm" in {each.name for each in gate(world, NamedServer("a", allow=("things_apply",))).tools(ME)}
    reads = NamedServer("a", deny=("things_*",))
    assert gate(world, reads).tools(ME) == []
    with pytest.raises(UnknownError):
        await gate(world, reads).call(ME, "changes_confirm", {"handle": "a", "plan": "b"})
    denied = gate(world, NamedServer("a", deny=("changes_confirm",)))
    with pytest.raises(CannotAskError):
        await denied.call(ME, "things_delete", {"name": "a"})
    assert not world.done


@pytest.mark.requirement("mcp-policy:handles")
async def test_what_is_taken_from_a_server_meanwhile_is_not_confirmed_any_more() -> None:
    world, shared = World(), Shared()
    before = gate(world, shared=shared)
    given = handle((await before.call(ME, "things_delete", {"name": "a"})).answer.text)
    after = gate(world, replace(before.server, deny=("things_delete",)), shared=shared)
    assert (await after.call(ME, "changes_confirm", given)).failed
    assert not world.done


@pytest.mark.requirement("machinery:redaction-marked")
async def test_what_was_redacted_is_not_written_back_by_any_tool() -> None:
    world = World()
    shown = redacting.shown({"password": "kX9vQ2mLpR7"})["password"]
    for given in ({"name": f"a {shown}", "removes": False}, {"name": f"a {shown}", "dry_run": True}):
        outcome = await gate(world).call(ME, "things_apply", given, Person())
        assert "in the place of a secret" in outcome.answer.text
    assert not world.done


async def test_a_confirmation_costs_no_second_allowance() -> None:
    world = World()
    tried = gate(world, NamedServer("one", limits=Limits(delete=1)))
    given = handle((await tried.call(ME, "things_delete", {"name": "a"})).answer.text)
    assert not (await tried.call(ME, "changes_confirm", given)).failed
    assert "too many delete calls" in (await tried.call(ME, "things_delete", {"name": "b"})).answer.text
