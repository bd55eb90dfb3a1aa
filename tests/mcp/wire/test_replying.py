"""What a server answers by, and that a client that goes takes its call with it; over ASGI, as our HTTP server does."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import anyio
import pytest

from bench import mcp_client
from fairlead.mcp.callers import LOOPBACK
from fairlead.mcp.named.servers import NamedServer
from fairlead.mcp.operating import mounting
from fairlead.mcp.operating.registry import Registry, Shared
from fairlead.mcp.tools import Answer, Tool, Toolset

pytestmark = [pytest.mark.requirement("mcp-operators:replies"), pytest.mark.anyio]

DEADLINE = 10.0
URL = "http://127.0.0.1:8080/s/one/mcp"


class Stage:
    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.given_up = asyncio.Event()
        self.mounts: mounting.Mounts
        tools = tuple(
            Tool(each.__name__, each.__name__, "Does it.", each) for each in (self.quick, self.endless, self.telling)
        )
        self.toolset = Toolset("stage", "For the test.", tools, "None.")

    async def quick(self, call: Any, arguments: Mapping[str, Any]) -> Answer:
        return Answer("done")

    async def endless(self, call: Any, arguments: Mapping[str, Any]) -> Answer:
        self.began.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.given_up.set()
        return Answer("")

    async def telling(self, call: Any, arguments: Mapping[str, Any]) -> Answer:
        await call.talk.progress(1, 2, "half")
        return Answer("done")

    async def ask(self, tool: str, gone: asyncio.Event, meta: Mapping[str, Any] | None = None) -> list[Any]:
        """The messages of the answer; `gone` is when the client goes."""
        head, _, body = mcp_client.request(URL, tool, {}).partition(b"\r\n\r\n")
        message = json.loads(body)
        message["params"]["_meta"] |= meta or {}
        lines = (each.split(": ", 1) for each in head.decode().split("\r\n")[1:])
        headers = [(key.lower().encode(), value.encode()) for key, value in lines if key != "Content-Length"]
        sent: list[Any] = []
        parts = [json.dumps(message).encode()]

        async def receive() -> Any:
            if parts:
                return {"type": "http.request", "body": parts.pop(), "more_body": False}
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(said: Any) -> None:
            sent.append(said)

        scope = {
            "type": "http", "method": "POST", "path": "/s/one/mcp", "raw_path": b"/s/one/mcp", "query_string": b"",
            "root_path": "", "scheme": "http", "headers": headers, "server": ("127.0.0.1", 8080), "state": {},
        }  # fmt: skip
        with anyio.fail_after(DEADLINE):
            await self.mounts(scope, receive, send)
        return sent


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage()
    async with Registry(LOOPBACK, Shared(), {"stage": stage.toolset}) as registry:
        registry.take({"one": NamedServer("one", catalog=("stage",))})
        async with mounting.mounted(registry) as stage.mounts:
            yield stage


def kind(sent: list[Any]) -> bytes:
    return bytes(dict(sent[0]["headers"])[b"content-type"])


async def test_an_answer_in_one_piece_is_json(stage: Stage) -> None:
    sent = await stage.ask("quick", asyncio.Event())
    assert kind(sent) == b"application/json"
    assert json.loads(sent[1]["body"])["result"]["content"][0]["text"] == "done"


async def test_whoever_wants_progress_gets_it_as_events(stage: Stage) -> None:
    sent = await stage.ask("telling", asyncio.Event(), {"progressToken": "a"})
    assert kind(sent) == b"text/event-stream"
    said = b"".join(each["body"] for each in sent[1:])
    assert b"notifications/progress" in said
    assert b"half" in said
    assert b'"done"' in said


async def test_without_asking_for_it_there_is_none(stage: Stage) -> None:
    assert kind(await stage.ask("telling", asyncio.Event())) == b"application/json"


@pytest.mark.parametrize("meta", [{}, {"progressToken": "a"}], ids=["json", "events"])
async def test_a_client_that_goes_takes_its_call_with_it(stage: Stage, meta: Mapping[str, Any]) -> None:
    gone = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(stage.ask("endless", gone, meta))
        await asyncio.wait_for(stage.began.wait(), DEADLINE)
        gone.set()
        await asyncio.wait_for(stage.given_up.wait(), DEADLINE)


async def test_a_call_that_lasts_is_not_given_up_while_its_client_waits(stage: Stage) -> None:
    """Many times as long as quick calls last: until then nobody looks whether the client has gone."""
    asked = asyncio.create_task(stage.ask("endless", asyncio.Event()))
    await asyncio.wait_for(stage.began.wait(), DEADLINE)
    looking = asyncio.create_task(asyncio.wait_for(stage.given_up.wait(), 0.5))
    with pytest.raises(TimeoutError):
        await looking
    asked.cancel()
    await asyncio.wait({asked})
    assert stage.given_up.is_set()
