from typing import Any

import anyio
import pytest

from fairlead.mcp.callers import Caller
from fairlead.mcp.deciding.limiting import HourlyLimiter
from fairlead.mcp.entering.flooding import Floods
from fairlead.mcp.named.servers import Limits, NamedServer
from tests.mcp.changing import World, gate

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("mcp-policy:floods")]


class Flood:
    def __init__(self, server: NamedServer | None = None) -> None:
        self.now = 0.0
        self.hold: anyio.Event | None = None
        self.floods = Floods(self._inner, {"one": gate(World(), server)}, HourlyLimiter(lambda: self.now))

    async def _inner(self, scope: Any, receive: Any, send: Any) -> None:
        if self.hold is not None:
            await self.hold.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def get(self, path: str = "/s/one/mcp", who: str = "", address: str = "10.0.0.1") -> tuple[int, str]:
        said: list[Any] = []

        async def send(message: Any) -> None:
            said.append(message)

        async def receive() -> Any:
            return {"type": "http.request"}

        state = {"caller": Caller(who)} if who else {}
        scope = {"type": "http", "path": path, "state": state, "client": (address, 1), "method": "POST", "headers": []}
        await self.floods(scope, receive, send)
        return said[0]["status"], dict(said[0]["headers"]).get(b"retry-after", b"").decode()


async def test_a_flood_is_told_when_to_come_back_and_nobody_else_is() -> None:
    flood = Flood()
    answers = [(await flood.get(who="me"))[0] for _ in range(3000)]
    assert answers.count(200) == 2220  # twice what the hour allows, in a minute
    assert await flood.get(who="me") == (429, "1")
    assert (await flood.get(who="you"))[0] == 200
    assert (await flood.get())[0] == 200
    for path in ("/healthz", "/.well-known/oauth-protected-resource/s/one/mcp", "/s/other/mcp"):
        assert (await flood.get(path, who="me"))[0] == 200
    flood.now += 2
    assert (await flood.get(who="me"))[0] == 200


async def test_raised_limits_raise_it_as_well() -> None:
    flood = Flood(NamedServer("one", limits=Limits(read=1_000_000)))
    assert {(await flood.get(who="me"))[0] for _ in range(5000)} == {200}


async def test_so_many_at_once_and_no_more() -> None:
    flood = Flood()
    flood.hold = anyio.Event()
    answers: list[int] = []

    async def one() -> None:
        answers.append((await flood.get(who="me"))[0])

    async with anyio.create_task_group() as tasks:
        for _ in range(150):
            tasks.start_soon(one)
        await anyio.wait_all_tasks_blocked()
        flood.hold.set()
    assert (answers.count(429), answers.count(200)) == (22, 128)
    assert (await flood.get(who="me"))[0] == 200
