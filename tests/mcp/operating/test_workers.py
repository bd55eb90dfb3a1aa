"""Two workers of `fairlead mcp serve` on one port, with a real Redis between them."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from bench import mcp_client
from fairlead.mcp.operating import workers
from fairlead.mcp.operating.workers import WorkersError
from tests.e2e.world import await_line, free_port
from tests.mcp import workshop
from tests.mcp.redisserver import redis_url

__all__ = ["redis_url"]

pytestmark = [pytest.mark.requirement("mcp-operators:workers-share"), pytest.mark.anyio]

DEADLINE = 60.0
ROOT = Path(__file__).parents[3]
READS, DELETES = 1_000_000, 5


@dataclass(frozen=True)
class Serving:
    url: str
    process: "subprocess.Popen[str]"

    @property
    def base(self) -> str:
        return self.url.partition("/s/")[0]


@contextmanager
def serving(folder: Path, redis: str) -> Iterator[Serving]:
    site = workshop.install(folder)
    (folder / "servers").mkdir()
    limits = f"{{read: {READS}, delete: {DELETES}}}"
    text = f"name: shared\ncatalog: [workshop]\nlimits: {limits}\n"
    (folder / "servers" / "shared.yaml").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "fairlead", "mcp", "serve", "--port", str(free_port()), "--workers", "2"]
    command += ["--redis-url", redis, "--servers", str(folder / "servers"), "--log-format", "json"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(site), str(ROOT)))}
    log = folder / "log"
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment)
    try:
        yield Serving(await_line(process, "ready", log).split()[1], process)
    finally:
        process.terminate()
        code = process.wait(DEADLINE)
        if process.stdout is not None:
            process.stdout.close()
    assert code == 0, log.read_text(encoding="utf-8")[-2000:]
    assert "Traceback" not in log.read_text(encoding="utf-8")


@pytest.fixture
def served(tmp_path: Path, redis_url: str) -> Iterator[Serving]:
    """With allowances of its own: they are kept by the names of principal and server."""
    subprocess.run(["redis-cli", "-s", urlsplit(redis_url).path, "flushall"], check=True, capture_output=True)
    with serving(tmp_path, redis_url) as found:
        yield found


class Line:
    """A kept connection, so that one worker answers all that is asked on it."""

    def __init__(self, served: Serving, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._served = served
        self._streams = reader, writer
        self.worker = 0

    async def call(self, tool: str, **arguments: str) -> tuple[bool, str]:
        """Whether it failed, and what was said."""
        asked = mcp_client.request(self._served.url, tool, arguments)
        said = await asyncio.wait_for(mcp_client.exchange(*self._streams, asked), DEADLINE)
        result = mcp_client.parsed(said)["result"]
        return bool(result.get("isError")), str(result["content"][0]["text"])

    def close(self) -> None:
        self._streams[1].close()


@asynccontextmanager
async def line(served: Serving) -> AsyncIterator[Line]:
    parts = urlsplit(served.url)
    found = Line(served, *await asyncio.open_connection(parts.hostname, parts.port))
    try:
        yield found
    finally:
        found.close()


@asynccontextmanager
async def both(served: Serving) -> AsyncIterator[tuple[Line, Line, int]]:
    """A connection to each worker, and how many reads it took to find them."""
    async with AsyncExitStack() as stack:
        found: dict[int, Line] = {}
        spent = 0
        while len(found) < 2:
            one = await stack.enter_async_context(line(served))  # kept open, so that its worker is the busier one
            one.worker = int((await one.call("who"))[1])
            found.setdefault(one.worker, one)
            spent += 1
        first, second = found.values()
        yield first, second, spent


async def test_an_allowance_is_one_for_all_workers(served: Serving) -> None:
    async with both(served) as (one, other, _):
        found = [await (one, other)[each % 2].call("forget") for each in range(DELETES + 3)]
    assert ["handle=" in text for _, text in found] == [True] * DELETES + [False] * 3
    assert all(re.search(r"the next is possible in \d+ s", text) for _, text in found[DELETES:])


async def test_a_handle_is_good_once_on_any_worker(served: Serving) -> None:
    async with both(served) as (one, other, _):
        failed, text = await one.call("forget")
        assert failed
        found = re.search(r"handle=(\S+) plan=(.*)", text)
        assert found is not None
        handle, plan = found.groups()
        assert await other.call("changes_confirm", handle=handle, plan=plan) == (
            False,
            f"forgotten by {other.worker}",
        )
        for each in (one, other):
            failed, text = await each.call("changes_confirm", handle=handle, plan=plan)
            assert failed
            assert "there is no such plan" in text


async def test_one_that_is_killed_takes_only_what_it_had_begun(served: Serving) -> None:
    async with both(served) as (one, other, _):
        os.kill(one.worker, signal.SIGKILL)
        assert await other.call("who") == (False, str(other.worker))
        with pytest.raises((OSError, asyncio.IncompleteReadError)):
            await one.call("who")
    async with both(served):  # there are two again
        pass


async def test_the_older_era_has_no_sessions(served: Serving) -> None:
    """Else the next request of a session would have to find the worker that has it."""
    message: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "initialize"}
    message["params"] = {
        "protocolVersion": "2025-11-25",
        "capabilities": {"elicitation": {}},
        "clientInfo": {"name": "test", "version": "0"},
    }
    headers = {"accept": "application/json, text/event-stream"}
    async with httpx2.AsyncClient(headers=headers, timeout=DEADLINE) as client:
        answer = await client.post(served.url, json=message)
        assert answer.status_code == 200
        assert "mcp-session-id" not in answer.headers
        call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "forget", "arguments": {}}}
        answer = await client.post(served.url, json=call, headers={"mcp-protocol-version": "2025-11-25"})
        assert "handle=" in answer.text  # nobody can be asked, so the confirmation goes by handle


async def test_any_of_them_tells_the_counts_of_all(served: Serving) -> None:
    async with both(served) as (one, other, spent), httpx2.AsyncClient(timeout=DEADLINE) as client:
        for each in (one, other, other):
            await each.call("who")
        for _ in range(6):
            page = (await client.get(f"{served.base}/metrics")).text
            assert f'fairlead_mcp_calls_total{{result="ok",server="shared",tool="who"}} {spent + 3}.0' in page


@contextmanager
def ending(process: "subprocess.Popen[str]") -> Iterator[None]:
    """Or whoever waits for it waits for ever, once something has gone wrong in between."""
    try:
        yield
    finally:
        process.terminate()


async def test_without_redis_nobody_is_ready(tmp_path: Path) -> None:
    """A Redis of its own, which is stopped under them."""
    path = tmp_path / "redis.sock"
    command = ["redis-server", "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as redis:  # noqa: ASYNC220 - before all else
        assert redis.stdout is not None
        assert any("eady to accept connections" in each for each in redis.stdout)
        with ending(redis), serving(tmp_path, f"unix://{path}") as served:
            async with httpx2.AsyncClient(timeout=DEADLINE) as client:
                assert (await client.get(f"{served.base}/readyz")).status_code == 200
                redis.terminate()
                redis.stdout.read()
                answer = await client.get(f"{served.base}/readyz")
                assert answer.status_code == 500
                assert "[-]shared failed" in answer.text
                assert (await client.get(f"{served.base}/livez")).status_code == 200
                async with line(served) as one:
                    failed, text = await one.call("who")
                assert failed
                assert str(path) not in text


@pytest.mark.parametrize(
    ("count", "redis", "stdio", "why"),
    [(0, "", False, "1 or more"), (2, "redis://x", True, "a pipe"), (2, "", False, "--redis-url")],
)
def test_what_cannot_act_as_one_is_refused(count: int, redis: str, *, stdio: bool, why: str) -> None:
    with pytest.raises(WorkersError, match=re.escape(why)):
        workers.check(count, redis, stdio=stdio)
    workers.check(1, "", stdio=stdio)
