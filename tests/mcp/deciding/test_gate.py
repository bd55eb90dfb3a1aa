import asyncio
import io
import json
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.machinery import encoding
from fairlead.mcp import fencing
from fairlead.mcp.callers import Caller
from fairlead.mcp.conversing import CannotAskError, Nobody
from fairlead.mcp.deciding import reassuring
from fairlead.mcp.deciding.auditing import ToolAudit
from fairlead.mcp.deciding.confirming import CONFIRM
from fairlead.mcp.deciding.gate import Gate, UnknownError
from fairlead.mcp.deciding.limiting import HourlyLimiter
from fairlead.mcp.deciding.sharing import Shared
from fairlead.mcp.named.offering import Offer
from fairlead.mcp.named.servers import Limits, NamedServer
from fairlead.mcp.tools import Answer, Parameter, Tool, ToolClass, ToolError, arguments
from tests.mcp.fakes import LIST, NoClusters, broken, echo, never, refused, tool

pytestmark = pytest.mark.anyio

NAMES = ("pods_list", "pods_log", "resources_get", "resources_delete")
TOOLS = {name: tool(name, tool_class=ToolClass.DELETE if name.endswith("delete") else ToolClass.READ) for name in NAMES}
ME, YOU = Caller("me"), Caller("you")
SECRET = "kX9vQ2mLpR7"


def gate(server: NamedServer, *tools: Tool, audit: io.BytesIO | None = None, **more: Any) -> Gate:
    return Gate(server, Offer({each.name: each for each in tools} or TOOLS), NoClusters(), ToolAudit(audit), **more)


GLOBS = ("pods_*", "*", "*_l?st", "PODS_LIST", "resources_[gd]*")
PATTERNS = st.lists(
    st.sampled_from([*NAMES, CONFIRM.name, "pods_*", "*", "*_l?st", "PODS_LIST", "resources_[gd]*"]), max_size=3
)


@pytest.mark.requirement("mcp:list-is-what-can-be-called")
@given(PATTERNS, PATTERNS)
async def test_the_list_is_what_can_be_called(allow: list[str], deny: list[str]) -> None:
    tried = gate(NamedServer("one", allow=tuple(allow), deny=tuple(deny)))
    called = []
    for name in (*NAMES, CONFIRM.name, "PODS_LIST", "pods_list ", "pods\u200b_list", "other"):
        try:
            await tried.call(ME, name, {"text": "x"})
        except UnknownError:
            continue
        except CannotAskError:  # allowed, and no way to say yes
            pass
        called.append(name)
    assert sorted(called) == [each.name for each in tried.tools(ME)]
    assert not any(fnmatchcase(name, each) for name in called for each in deny)


@pytest.mark.requirement("mcp:limits")
async def test_the_allowance_is_exact_and_says_when_to_come_back() -> None:
    now = [0.0]
    tried = gate(NamedServer("one", limits=Limits(read=3)), shared=Shared(limiter=HourlyLimiter(lambda: now[0])))
    for _ in range(3):
        assert not (await tried.call(ME, "pods_list", {"text": "x"})).failed
    refusal = await tried.call(ME, "pods_list", {"text": "x"})
    assert refusal.failed
    assert "in 1201 s" in refusal.answer.text
    assert not (await tried.call(YOU, "pods_list", {"text": "x"})).failed
    now[0] += 1200.5
    assert not (await tried.call(ME, "pods_list", {"text": "x"})).failed
    assert (await tried.call(ME, "pods_list", {"text": "x"})).failed


@pytest.mark.requirement("mcp:deadline")
async def test_a_call_ends_at_the_timeout() -> None:
    outcome = await gate(NamedServer("one", timeout_seconds=1), tool("wait", never)).call(ME, "wait", {"text": "x"})
    assert outcome.failed
    assert outcome.answer.text == "wait was not done within 1 s: nothing was changed; ask for less"


class Listener(Nobody):
    def __init__(self) -> None:
        self.heard: list[tuple[float, str]] = []
        self.twice = asyncio.Event()

    async def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        self.heard.append((done, message))
        if len(self.heard) == 2:
            self.twice.set()


@pytest.mark.requirement("mcp:progress")
async def test_a_call_that_lasts_tells_that_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reassuring, "SECONDS", 0.01)
    listener = Listener()

    async def lasts(call: Any, arguments: Any) -> Answer:
        await listener.twice.wait()
        return Answer("done")

    tools = [tool("look", lasts), tool("write", lasts, ToolClass.WRITE)]
    for each, at in zip(tools, ("looking", "the change was sent"), strict=True):
        listener.heard.clear()
        listener.twice.clear()
        async with asyncio.timeout(30):
            assert not (await gate(NamedServer("one"), each).call(ME, each.name, {"text": "x"}, listener)).failed
        assert [done for done, _ in listener.heard] == sorted({done for done, _ in listener.heard})
        assert all(at in said for _, said in listener.heard)


@pytest.mark.requirement("mcp:progress")
async def test_a_tool_that_tells_how_far_it_is_is_not_talked_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reassuring, "SECONDS", 0.01)
    listener = Listener()

    async def counts(call: Any, arguments: Any) -> Answer:
        await call.talk.progress(1, 3)
        await asyncio.Event().wait()
        return Answer("done")

    assert (
        await gate(NamedServer("one", timeout_seconds=1), tool("t", counts)).call(ME, "t", {"text": "x"}, listener)
    ).failed
    assert listener.heard == [(1, "")]


@pytest.mark.requirement("mcp:audit")
async def test_each_call_leaves_one_line_without_what_it_was_given() -> None:
    log = io.BytesIO()
    tried = gate(NamedServer("one", deny=("*_delete",)), *TOOLS.values(), tool("fails", refused), audit=log)
    await tried.call(ME, "pods_list", {"text": SECRET})
    await tried.call(ME, "fails", {"text": SECRET})
    await tried.call(ME, "pods_list", {"token": SECRET})
    with pytest.raises(UnknownError):
        await tried.call(ME, "resources_delete", {"text": SECRET, "namespace": "shop"})
    lines = [json.loads(each) for each in log.getvalue().splitlines()]
    said = [(each["tool"], each["decision"], each["result"]) for each in lines]
    assert said == [
        ("pods_list", "allow", "ok"),
        ("fails", "allow", "error"),
        ("pods_list", "allow", "error"),
        ("resources_delete", "deny", "denied"),
    ]
    assert lines[3]["arguments"] == {"text": "…", "namespace": "shop"}
    assert lines[3]["rule"] == "tools.deny"
    assert {each["principal"] for each in lines} == {"me"}
    assert SECRET.encode() not in log.getvalue()


@pytest.mark.requirement("mcp:audit")
async def test_a_log_that_cannot_be_written_stops_no_read() -> None:
    log = io.BytesIO()
    log.close()
    assert not (await gate(NamedServer("one"), audit=log).call(ME, "pods_list", {"text": "x"})).failed


@pytest.mark.requirement("mcp:audit")
async def test_a_fault_inside_shows_nothing_of_itself() -> None:
    tried = gate(NamedServer("one"), tool("breaks", broken), tool("fails", refused))
    for name in ("breaks", "fails"):
        outcome = await tried.call(ME, name, {"text": "x"})
        assert outcome.failed
        assert SECRET not in outcome.answer.text


@pytest.mark.requirement("mcp:arguments")
async def test_yaml_may_come_as_the_value_that_it_stands_for_and_a_list_as_its_text() -> None:
    document = Parameter("data", "YAML mapping.", required=True)
    tried = Tool("t", "T", "Does t.", echo, (document, LIST))
    given = arguments(tried, {"data": {"region": "é"}, "words": '["a", "b"]'})
    assert encoding.from_yaml(given["data"]) == {"region": "é"}
    assert given["words"] == ["a", "b"]
    for wrong in ({"data": 5}, {"data": "x", "words": "a, b"}, {"data": "x", "words": "[1]"}):
        with pytest.raises(ToolError, match="got"):
            arguments(tried, wrong)


@pytest.mark.requirement("mcp:arguments")
@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "t needs text; What to say."),
        ({"text": ""}, "t needs text; What to say."),
        ({"text": "x", "txet": SECRET}, "t has no argument 'txet'; it takes: text, count, how, words"),
        ({"text": 5}, "text of t is a string: got int"),
        ({"text": "x", "count": True}, "count of t is an integer: got bool"),
        ({"text": "x", "count": 4}, "count of t is out of bounds; it is from 1 to 3"),
        ({"text": "x", "how": SECRET}, "how of t is none of its values; there are: loud, quiet"),
        ({"text": "x", "words": [1]}, "words of t is an array of strings: got list"),
    ],
)
def test_wrong_arguments_say_what_there_is(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ToolError) as caught:
        arguments(tool("t"), given)
    assert str(caught.value) == says
    assert SECRET not in str(caught.value)


@pytest.mark.requirement("mcp:arguments")
def test_defaults_are_filled_in_and_null_is_not_given() -> None:
    assert arguments(tool("t"), {"text": "x", "how": None}) == {"text": "x", "count": 1}


@pytest.mark.requirement("mcp:fenced")
@given(st.text(max_size=60))
def test_the_fence_cannot_be_guessed_and_nothing_is_hidden(text: str) -> None:
    first, second = fencing.fenced(f"{text}</data>\u202e\u200b", "logs"), fencing.fenced(text, "logs")
    assert first.splitlines()[0] != second.splitlines()[0]
    assert "\u202e" not in first
    assert "\u200b" not in first
    assert fencing.plain(first) == first


@pytest.mark.requirement("mcp:fenced")
def test_a_long_answer_is_cut_at_a_line() -> None:
    assert fencing.capped("short", 10, "ask for less") == "short"
    assert fencing.capped("one\ntwo\nthree", 9, "ask for less") == (
        "one\ntwo\n… cut: 6 of 13 characters left out; ask for less"
    )


@pytest.mark.requirement("mcp-policy:output")
async def test_an_answer_has_an_end() -> None:
    async def much(call: Any, arguments: Any) -> Answer:
        rows = [f"row {index}" for index in range(arguments["count"] * 20_000)]
        return Answer("\n".join(rows), rows)

    whole = await gate(NamedServer("one"), tool("much", much)).call(ME, "much", {"text": "x", "count": 1})
    assert (whole.failed, len(whole.answer.structured)) == (False, 20_000)
    assert len(whole.answer.text) < 41_000
    assert whole.answer.text.endswith("characters left out; narrow the request")
    over = await gate(NamedServer("one"), tool("much", much)).call(ME, "much", {"text": "x", "count": 3})
    assert (over.failed, over.answer.structured) == (True, None)
    assert over.answer.text.startswith("this is too much for a program: narrow the request")
