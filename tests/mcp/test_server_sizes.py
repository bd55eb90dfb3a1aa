"""What the lists of the Crossplane servers cost each conversation, counted in the bytes that are sent."""

from typing import Any

import aiohttp
import pytest

from fairlead.machinery import encoding
from fairlead.mcp.callers import STDIO
from fairlead.mcp.named.servers import NamedServer, Target
from fairlead.mcp.operating import running
from fairlead.serving import listening
from tests.clusters import Pair

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("crossplane-toolset:list-sizes")]
VERSION = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": VERSION,
    "io.modelcontextprotocol/clientCapabilities": {},
}
HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json, text/event-stream",
    "MCP-Protocol-Version": VERSION,
    "Mcp-Method": "tools/list",
}


@pytest.mark.parametrize(
    ("entry", "most", "size"),
    [("crossplane", 40, 28_000), ("crossplane-readonly", 46, 26_000), ("crossplane-diagnose", 13, 9_000)],
)
async def test_the_list_is_as_short_as_promised(embedded_pair: Pair, entry: str, most: int, size: int) -> None:
    target = (Target("here", kubeconfig=str(embedded_pair.app.kubeconfig)),)
    async with (
        running.opened({entry: NamedServer(entry, catalog=(entry,), targets=target)}, STDIO) as opened,
        running.application(opened) as application,
        listening.listen_application(application) as listener,
    ):
        sent = await listed(f"{listener.url}/s/{entry}/mcp")
    tools = encoding.from_json(sent)["result"]["tools"]
    assert 10 <= len(tools) <= most
    assert len(sent) <= size
    if entry != "crossplane":
        assert all(each["annotations"]["readOnlyHint"] for each in tools)


async def listed(url: str) -> bytes:
    asked: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": META}}
    async with aiohttp.ClientSession() as session, session.post(url, json=asked, headers=HEADERS) as answer:
        text = await answer.text()
    return next(line.removeprefix("data: ") for line in text.splitlines() if "{" in line).encode()
