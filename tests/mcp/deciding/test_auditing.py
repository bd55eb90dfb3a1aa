"""What is written down of each call, and that nothing is changed that is not."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.client.errors import Unreachable
from fairlead.machinery.errors import FairleadError
from fairlead.mcp import calling
from fairlead.mcp.callers import Caller
from fairlead.mcp.calling import Use
from fairlead.mcp.conversing import Nobody
from fairlead.mcp.deciding import auditfiles
from fairlead.mcp.deciding.auditfiles import RotatedFile, ToolAuditError
from fairlead.mcp.deciding.auditing import ToolAudit, line
from fairlead.mcp.named.servers import NamedServer
from fairlead.mcp.tools import Answer, Tool, ToolClass
from tests.mcp.changing import ME, Person, World, gate, lines
from tests.mcp.fakes import NoClusters

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("mcp-policy:audit")]
ANN = Caller(
    "https://idp.example#ann",
    "ann",
    ("staff", "ops"),
    claims={"iss": "https://idp.example", "sub": "ann", "azp": "desk", "email": "ann@example.org"},
    token="kX9vQ2mLpR7",
)


def test_a_line_says_which_package_and_which_object_and_never_what_is_written_into_it() -> None:
    told = {"package": "r.example.org/one:v1", "version": "v2", "of_kind": "Database", "of_name": "a", "to_revision": 2}
    held = {"data": "kX9vQ2mLpR7", "reason": "kX9vQ2mLpR7", "set": ["spec.a=kX9vQ2mLpR7"]}
    use = Use(ME, "create_usage", told | held, ToolClass.WRITE, "default", ToolClass.WRITE)
    shown = line(use, "one", "intent", "allow", "")["arguments"]
    assert shown == told | dict.fromkeys(held, "…")


async def test_who_did_what_stands_in_two_lines_around_the_change() -> None:
    log, world = io.BytesIO(), World()
    tried = gate(world, log=log)
    seen: list[int] = []
    world.trouble = None
    change = world.offer.tools["things_delete"].plan
    assert change is not None

    async def plan(call: Any, arguments: Any) -> Any:
        found = await change(call, arguments)
        calling.answered("4f0c-audit-id")

        async def carry_out() -> Answer:
            seen.append(len(lines(log)))
            return await found.carry_out()

        return type(found)(found.summary, found.digest, carry_out, found.diff, found.removes)

    tool = Tool(
        "things_delete", "t", "t", None, world.offer.tools["things_delete"].parameters, ToolClass.DELETE, plan=plan
    )
    tried.offer = type(tried.offer)({"things_delete": tool})
    await tried.call(ANN, "things_delete", {"name": "a", "removes": True}, Person())
    intent, result = lines(log)
    assert seen == [1]  # when it was sent, the intent stood there
    assert (intent["stage"], result["stage"], result["result"]) == ("intent", "result", "ok")
    assert intent["requestID"] == result["requestID"]
    assert "result" not in intent
    for each in (intent, result):
        assert (each["issuer"], each["subject"], each["client"]) == ("https://idp.example", "ann", "desk")
        assert (each["principal"], each["server"], each["tool"]) == (ANN.key, "one", "things_delete")
        assert (each["class"], each["decision"], each["rule"]) == ("delete", "allow", "default")
        assert each["arguments"] == {"name": "a", "removes": "…"}
        assert each["upstream"] == ["4f0c-audit-id"]
        assert len(each["groups"]) == len(each["argumentsDigest"]) == 16
        assert each["confirmation"]
    text = log.getvalue().decode()
    assert not any(each in text for each in ("staff", "ann@example.org", ANN.token))


def test_claims_that_are_no_text_do_no_harm() -> None:
    odd = Caller("odd", claims={"iss": ["a"], "sub": {"b": 1}, "azp": 7})
    found = line(Use(odd, "t", {}, ToolClass.READ, "r", ToolClass.READ), "one", "result", "allow", "")
    assert not {"issuer", "subject", "client"} & found.keys()


class Full(io.BytesIO):
    """A disk that is full after so many lines."""

    def __init__(self, lines_left: int) -> None:
        super().__init__()
        self.left = lines_left

    def write(self, data: Any, /) -> int:
        self.left -= 1
        if self.left < 0:
            raise OSError(28, "No space left on device")
        return super().write(data)


async def test_a_change_that_cannot_be_written_down_is_not_done() -> None:
    world = World()
    outcome = await gate(world, log=Full(0)).call(ME, "things_delete", {"name": "a"}, Person())
    assert outcome.failed
    assert outcome.answer.text.startswith("not done: the audit log cannot be written")
    assert not world.done
    done = await gate(world, log=Full(1)).call(ME, "things_delete", {"name": "b"}, Person())
    assert (done.failed, world.done) == (False, ["things_delete b"])  # it is done, and the log has its intent


async def test_a_log_that_works_again_is_used_again(caplog: pytest.LogCaptureFixture) -> None:
    audit = ToolAudit(Full(0))
    assert [audit.write({"a": 1}) for _ in range(3)] == [False] * 3
    assert len(caplog.records) == 1


VALUES = st.text(max_size=40) | st.integers() | st.none() | st.lists(st.text(max_size=5), max_size=2)


@given(st.dictionaries(st.text(max_size=8), VALUES, max_size=5))
def test_only_known_arguments_are_shown_and_each_line_is_one(arguments: dict[str, Any]) -> None:
    use = Use(
        ME, "tool\n\u202e", {**arguments, "manifest": "password: kX9vQ2mLpR7"}, ToolClass.WRITE, "r", ToolClass.WRITE
    )
    log = io.BytesIO()
    ToolAudit(log).write(line(use, "one", "result", "allow", "0" * 16))
    assert log.getvalue().count(b"\n") == 1
    found = json.loads(log.getvalue())
    assert found["arguments"]["manifest"] == "…"
    assert "kX9vQ2mLpR7" not in log.getvalue().decode()


def test_a_file_that_others_rotate_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    with auditfiles.opened(str(path)) as file:
        assert file is not None
        file.write(b"1\n")
        path.rename(tmp_path / "audit.log.1")
        file.write(b"2\n")
        path.unlink()
        file.write(b"3\n")
        with RotatedFile(path)._path.open("ab") as other:  # another worker
            other.write(b"4\n")
        file.write(b"5\n")
    assert (tmp_path / "audit.log.1").read_bytes() == b"1\n"
    assert path.read_bytes() == b"3\n4\n5\n"
    assert path.stat().st_mode & 0o777 == 0o600
    with (
        pytest.raises(ToolAuditError, match="cannot write the audit log"),
        auditfiles.opened(str(tmp_path / "a" / "b")),
    ):
        pass


class Never(World):
    """Its changes are sent and have no answer."""

    def tool(self, name: str, tool_class: ToolClass) -> Tool:
        tool = super().tool(name, tool_class)
        planning = tool.plan
        assert planning is not None

        async def plan(call: Any, arguments: Any) -> Any:
            found = await planning(call, arguments)

            async def carry_out() -> Answer:
                await found.carry_out()
                await asyncio.Event().wait()
                return Answer("")

            return type(found)(found.summary, found.digest, carry_out, found.diff, found.removes)

        return Tool(name, name, name, None, tool.parameters, tool_class, plan=plan)


@pytest.mark.requirement("mcp:deadline")
async def test_a_change_without_an_answer_says_that_it_was_sent() -> None:
    log = io.BytesIO()
    tried = gate(Never(), NamedServer("one", timeout_seconds=1), log=log)
    outcome = await tried.call(ME, "things_delete", {"name": "a"}, Person())
    assert outcome.failed
    assert outcome.answer.text == (
        "things_delete has no result after 1 s: the change was sent and its result is not known: "
        "look at the object before you try again"
    )
    assert [each.get("result") for each in lines(log)] == [None, "timeout"]


@pytest.mark.requirement("mcp:deadline")
@pytest.mark.parametrize("sent", [True, False])
async def test_a_change_whose_answer_was_lost_says_so(sent: bool) -> None:
    world = World(trouble=Unreachable("the API was lost during the DELETE", sent=sent))
    outcome = await gate(world).call(ME, "things_delete", {"name": "a"}, Person())
    assert outcome.failed
    assert ("the change was sent and its result is not known" in outcome.answer.text) is sent


@pytest.mark.requirement("mcp:deadline")
async def test_an_error_that_is_its_own_cause_ends() -> None:
    trouble = FairleadError("no")
    trouble.__cause__ = trouble
    outcome = await gate(World(trouble=trouble)).call(ME, "things_delete", {"name": "a"}, Person())
    assert outcome.answer.text == "no"


class Slow(Person):
    async def ask(self, questions: Any) -> Any:
        await asyncio.sleep(1.5)  # longer than the call may take
        return await super().ask(questions)


@pytest.mark.requirement("mcp:deadline")
async def test_a_person_who_thinks_does_not_cost_the_call_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    tried = gate(world, NamedServer("one", timeout_seconds=1))
    assert not (await tried.call(ME, "things_delete", {"name": "a"}, Slow())).failed
    monkeypatch.setattr("fairlead.mcp.deciding.conducting.SECONDS", 0.2)
    outcome = await tried.call(ME, "things_delete", {"name": "b"}, Slow())
    assert outcome.answer.text == "things_delete was not done: nobody answered, and nothing was changed"
    assert world.done == ["things_delete a"]


async def test_a_call_that_is_cancelled_is_written_down_as_that() -> None:
    log = io.BytesIO()
    tried = gate(Never(), log=log)
    with anyio.move_on_after(0.3):
        await tried.call(ME, "things_delete", {"name": "a"}, Person())
    assert [each.get("result") for each in lines(log)] == [None, "cancelled"]


@pytest.mark.requirement("mcp-policy:at-once")
async def test_so_many_calls_at_once_and_no_more() -> None:
    from fairlead.mcp.deciding.gate import Gate
    from fairlead.mcp.named.offering import Offer
    from tests.mcp.fakes import tool

    hold = anyio.Event()

    async def waits(call: Any, arguments: Any) -> Answer:
        await hold.wait()
        return Answer("done")

    tried = Gate(NamedServer("one"), Offer({"waits": tool("waits", waits)}), NoClusters())
    failed: list[bool] = []

    async def one(caller: Caller) -> None:
        failed.append((await tried.call(caller, "waits", {"text": "x"}, Nobody())).failed)

    async with anyio.create_task_group() as tasks:
        for _ in range(40):
            tasks.start_soon(one, ME)
        tasks.start_soon(one, ANN)
        await anyio.wait_all_tasks_blocked()
        hold.set()
    assert (failed.count(True), failed.count(False)) == (8, 33)


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    logging.getLogger("fairlead").addHandler(handler)
    yield out
    logging.getLogger("fairlead").removeHandler(handler)


async def test_a_fault_inside_is_logged_without_secrets(logged: io.StringIO) -> None:
    world = World()
    for trouble in (ZeroDivisionError("password=kX9vQ2mLpR7"), FairleadError("no", "token: kX9vQ2mLpR7")):
        world.trouble = trouble
        outcome = await gate(world).call(ME, "things_delete", {"name": "a"}, Person())
        assert "kX9vQ2mLpR7" not in outcome.answer.text
    assert "ZeroDivisionError" in logged.getvalue()
    assert "kX9vQ2mLpR7" not in logged.getvalue()
