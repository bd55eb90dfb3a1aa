"""Group 7: what HTTP can be made to say, and clients that go away."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from fairlead.mcp.named.servers import NamedServer, Target
from tests.mcp.security.fakeapi import FakeAPI
from tests.mcp.security.wire import Wire, message, wire

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("mcp-policy:wire")]
TOOL = "api_search"
MISMATCH = -32020


@pytest.fixture
async def api() -> AsyncIterator[FakeAPI]:
    async with FakeAPI().served() as served:
        yield served


@pytest.fixture
async def one(api: FakeAPI, tmp_path: Path) -> AsyncIterator[Wire]:
    target = (Target("here", kubeconfig=api.kubeconfig(tmp_path)),)
    servers = NamedServer("one", deny=("pods_*",), targets=target, timeout_seconds=600)
    with anyio.fail_after(120):
        async with wire(servers) as served:
            yield served


def encoded(name: str) -> str:
    return f"=?base64?{base64.b64encode(name.encode()).decode()}?="


async def test_what_a_header_says_is_what_the_body_says(one: Wire) -> None:
    for header in (TOOL, encoded(TOOL)):
        assert (await one.call(TOOL, header=header)).status == 200
    for header in (
        "resources_list",
        "API_SEARCH",
        f"{TOOL} x",
        "",
        encoded("resources_list"),
        encoded(TOOL)[:-1],
        "=?base64?x?=",
    ):
        said = await one.call(TOOL, header=header)
        assert (said.status, said.code) == (400, MISMATCH), header
    body = message("tools/call", {"name": TOOL, "arguments": {}})
    for wrong in ("tools/list", ""):
        said = await one.send(one.lines(wrong, TOOL, len(body)), body)
        assert (said.status, said.code) == (400, MISMATCH)


@pytest.mark.requirement("mcp:list-is-what-can-be-called")
@pytest.mark.parametrize(
    "name",
    [
        "pods_list",
        "Pods_List",
        "pods_list ",
        "pods_l\u0131st",
        "p\u043eds_list",
        "pods_list\u200b",
        "pods\uff3flist",
        "../pods_list",
        "pods_list\x00",
    ],
)
async def test_no_spelling_of_a_denied_tool_is_called(one: Wire, api: FakeAPI, name: str) -> None:
    for header in (encoded(name), encoded(TOOL), TOOL):
        said = await one.call(name, {"namespace": "shop"}, header=header)
        assert said.status == 400
        assert said.code in (MISMATCH, -32602), said
    assert not [each for each in api.asked if "pods" in each.path]


@pytest.mark.parametrize(
    "extra",
    [
        ("Mcp-Name", "resources_list"),
        ("Mcp-Name", TOOL),
        ("Mcp-Method", "tools/list"),
        ("MCP-Protocol-Version", "2025-06-18"),
        ("Host", "evil.example"),
        ("Content-Length", "3"),
        ("Transfer-Encoding", "chunked"),
    ],
)
async def test_a_header_that_is_there_twice_is_refused(one: Wire, extra: tuple[str, str]) -> None:
    body = message("tools/call", {"name": TOOL, "arguments": {}})
    lines = one.lines("tools/call", TOOL, len(body))
    assert (await one.send(lines, body)).status == 200
    for doubled in ([*lines, extra], [extra, *lines]):
        assert (await one.send(doubled, body)).status == 400


async def test_bodies_that_are_no_request(one: Wire) -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    nested = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001
    batch = b"[" + message("tools/list", {}) + b"]"
    for body in (b"", b"null", b"[]", b"\xff\xfe", b'{"id":1e400}', deep, nested, batch, b"{" * 9):
        said = await one.send(one.lines("tools/list", None, len(body)), body)
        assert said.status == 400, body[:20]
        assert "Traceback" not in said.body
    assert (await one.call(TOOL)).status == 200


async def test_a_body_of_five_megabytes_is_not_read(one: Wire) -> None:
    body = message("tools/call", {"name": TOOL, "arguments": {"words": "x" * (5 << 20)}})
    said = await one.send(one.lines("tools/call", TOOL, len(body)), body)
    assert said.status in (413, 0)  # 0: closed while it was still being sent
    chunked = [each for each in one.lines("tools/call", TOOL, 0) if each[0] != "Content-Length"]
    sent = b"".join(b"10000\r\n" + body[each : each + 0x10000] + b"\r\n" for each in range(0, 5 << 20, 0x10000))
    said = await one.send([*chunked, ("Transfer-Encoding", "chunked")], sent + b"0\r\n\r\n")
    assert said.status in (413, 0)
    assert (await one.call(TOOL)).status == 200


async def test_a_slow_client_keeps_nobody_waiting(one: Wire) -> None:
    body = message("tools/call", {"name": TOOL, "arguments": {}})
    slow = []
    for _ in range(30):
        reader, writer = await asyncio.open_connection(one.host, one.port)
        head = "".join(f"{key}: {value}\r\n" for key, value in one.lines("tools/call", TOOL, len(body)))
        writer.write(f"POST /s/one/mcp HTTP/1.1\r\n{head}\r\n".encode() + body[:10])
        await writer.drain()
        slow.append((reader, writer))
    assert (await one.call(TOOL)).status == 200
    reader, writer = slow[0]
    writer.write(body[10:])
    assert b" 200 " in await reader.readline()
    for _, each in slow:
        each.close()


@pytest.mark.requirement("mcp-policy:cancelled")
@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_whoever_goes_away_stops_what_they_asked_for(one: Wire, api: FakeAPI, era: str) -> None:
    """The call itself may take ten minutes, so that nothing else can end it."""
    api.trouble = "hangs"
    arguments = {"name": "resources_list", "arguments": {"kind": "secrets", "namespace": "shop"}}
    body = message("tools/call", arguments)
    lines = one.lines("tools/call", "resources_list", len(body))
    if era == "legacy":
        session = await _initialized(one)
        body = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": arguments}).encode()
        lines = [
            ("Host", f"{one.host}:{one.port}"),
            *_LEGACY,
            ("Mcp-Session-Id", session),
            ("Content-Length", str(len(body))),
        ]
    _, writer = await asyncio.open_connection(one.host, one.port)
    head = "".join(f"{key}: {value}\r\n" for key, value in lines)
    writer.write(f"POST /s/one/mcp HTTP/1.1\r\n{head}\r\n".encode() + body)
    await writer.drain()
    await api.hanging.wait()
    if era == "modern":
        writer.close()
    else:
        said = await one.send(*_cancel(one, session))
        assert said.status == 202
    async with asyncio.timeout(30):
        await api.left.wait()
    writer.close()


_LEGACY = [
    ("Accept", "application/json, text/event-stream"),
    ("Content-Type", "application/json"),
    ("MCP-Protocol-Version", "2025-11-25"),
]


def _cancel(one: Wire, session: str) -> tuple[list[tuple[str, str]], bytes]:
    body = json.dumps({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}).encode()
    lines = [
        ("Host", f"{one.host}:{one.port}"),
        *_LEGACY,
        ("Mcp-Session-Id", session),
        ("Content-Length", str(len(body))),
    ]
    return lines, body


async def _initialized(one: Wire) -> str:
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "a", "version": "1"}}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}).encode()
    reader, writer = await asyncio.open_connection(one.host, one.port)
    lines = [("Host", f"{one.host}:{one.port}"), *_LEGACY, ("Content-Length", str(len(body)))]
    head = "".join(f"{key}: {value}\r\n" for key, value in lines)
    writer.write(f"POST /s/one/mcp HTTP/1.1\r\n{head}Connection: close\r\n\r\n".encode() + body)
    answer = (await reader.read()).decode()
    writer.close()
    session = next(each for each in answer.splitlines() if each.lower().startswith("mcp-session-id:"))
    return session.partition(":")[2].strip()
