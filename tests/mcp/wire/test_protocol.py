"""Both eras, over a port and over a pipe, with the SDK's client."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import anyio
import pytest
from mcp import Client, MCPError
from mcp.client.stdio import StdioServerParameters, stdio_client

from fairlead.cli.main import run
from fairlead.mcp.callers import STDIO
from fairlead.mcp.named.servers import NamedServer, Target
from fairlead.mcp.operating import running
from fairlead.mcp.wire import protocol
from fairlead.serving import listening
from tests.clusters import Pair
from tests.mcp.changing import World, gate
from tests.mcp.fakes import NoClusters

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("mcp:both-eras")]

DEADLINE = 60


@asynccontextmanager
async def served(pair: Pair, *servers: NamedServer) -> AsyncIterator[str]:
    target = (Target("here", kubeconfig=str(pair.app.kubeconfig)),)
    named = {each.name: NamedServer(each.name, each.description, deny=each.deny, targets=target) for each in servers}
    async with (
        running.opened(named, STDIO) as opened,
        running.application(opened) as application,
        listening.listen_application(application) as listener,
    ):
        yield listener.url


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_port(embedded_pair: Pair, mode: str) -> None:
    with anyio.fail_after(DEADLINE):
        async with served(embedded_pair, NamedServer("a", "Reads."), NamedServer("b", deny=("pods_*",))) as url:
            async with Client(f"{url}/s/a/mcp", mode=mode) as client:
                tools = (await client.list_tools()).tools
                assert "pods_log" in {each.name for each in tools}
                answer = await client.call_tool("namespaces_list", {})
                assert "kube-system" in answer.content[0].text  # type: ignore[union-attr]  # it is text
                wrong = await client.call_tool("resources_get", {"kind": "ns"})
                assert wrong.is_error
            async with Client(f"{url}/s/b/mcp", mode=mode) as client:
                assert "pods_log" not in {each.name for each in (await client.list_tools()).tools}
                with pytest.raises(MCPError, match="unknown tool: pods_log"):
                    await client.call_tool("pods_log", {"name": "a", "namespace": "b"})


class OneCluster(NoClusters):
    names = ["one"]  # noqa: RUF012 - never changed


async def test_a_parameter_that_is_not_listed_is_not_told_of() -> None:
    """Where there is one cluster, no tool takes `context`."""
    several = gate(World())
    one = replace(several, clusters=OneCluster())
    for tried, told in ((several, True), (one, False)):
        async with Client(protocol.server(tried, STDIO)) as client:
            assert ("`context`" in str(client.instructions)) is told
            listed = (await client.list_tools()).tools
            assert told or not any("context" in each.input_schema["properties"] for each in listed)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_pipe(embedded_pair: Pair, mode: str) -> None:
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "fairlead", "mcp", "serve", "--stdio"],
        env={"KUBECONFIG": str(embedded_pair.app.kubeconfig)},
    )
    with anyio.fail_after(DEADLINE):
        async with Client(stdio_client(command), mode=mode) as client:
            answer = await client.call_tool("namespaces_list", {})
            assert "kube-system" in answer.content[0].text  # type: ignore[union-attr]  # it is text


@pytest.mark.requirement("mcp:loopback-only")
async def test_a_request_for_another_host_or_of_another_origin_is_refused(embedded_pair: Pair) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    accept = {"Accept": "application/json, text/event-stream"}
    with anyio.fail_after(DEADLINE):
        async with served(embedded_pair, NamedServer("a")) as url, aiohttp.ClientSession() as session:
            for headers, status in (({"Host": "evil.example"}, 421), ({"Origin": "https://evil.example"}, 403)):
                async with session.post(f"{url}/s/a/mcp", json=body, headers=accept | headers) as answer:
                    assert answer.status == status
            async with session.get(f"{url}/healthz") as answer:
                assert (answer.status, await answer.text()) == (200, "ok")


@pytest.mark.requirement("mcp:terminal")
def test_tools_at_a_terminal(
    embedded_pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(embedded_pair.app.kubeconfig))
    (tmp_path / "a.yaml").write_text("name: few\ntools: {allow: ['*_list']}\n", encoding="utf-8")
    assert run(["mcp", "tools", "--servers", str(tmp_path)]) == 0
    listed = capsys.readouterr().out
    assert "resources_list" in listed
    assert "pods_log" not in listed
    log = tmp_path / "audit.log"
    assert run(["mcp", "call", "resources_list", "kind=ns", "limit=2", "--audit-log", str(log)]) == 0
    assert "2 of " in capsys.readouterr().out
    assert json.loads(log.read_text(encoding="utf-8"))["principal"] == "terminal"
    for arguments, says in (
        (["call", "resources_get", "kind=ns", "name=absent"], 'namespaces "absent" not found'),
        (["call", "nothing"], "fairlead: unknown tool: nothing"),
        (["call", "namespaces_list", "oops"], "arguments are written KEY=VALUE"),
        (["serve"], "nothing to serve on"),
        (["serve", "--port", "1", "--bind-address", "0.0.0.0"], "tokens would travel in the clear"),
        (["tools", "--servers", str(tmp_path), "--server", "fwe"], "there is no server 'fwe'"),
    ):
        assert run(["mcp", *arguments]) == 1
        refused = capsys.readouterr().err
        assert says in refused
        assert len(refused.splitlines()) == 1


@pytest.mark.requirement("mcp:late-initialize")
def test_a_client_that_discovers_and_then_initializes(embedded_pair: Pair) -> None:
    envelope = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "a", "version": "1"}}
    asked: list[dict[str, object]] = [
        {"id": 1, "method": "server/discover", "params": {"_meta": envelope}},
        {"id": 2, "method": "tools/list", "params": {"_meta": envelope}},
        {"id": 3, "method": "initialize", "params": hello},
        {"method": "notifications/initialized"},
        {"id": 4, "method": "tools/list", "params": {}},
    ]
    lines = "".join(json.dumps({"jsonrpc": "2.0", **each}) + "\n" for each in asked)
    done = subprocess.run(
        [sys.executable, "-m", "fairlead", "mcp", "serve", "--stdio"],
        input=lines,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
        env=os.environ | {"KUBECONFIG": str(embedded_pair.app.kubeconfig)},
    )
    answers = {each["id"]: each for each in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 0
    assert answers.keys() == {1, 2, 3, 4}
    assert not any("error" in each for each in answers.values()), done.stdout
    assert answers[3]["result"]["protocolVersion"] == "2025-11-25"
    assert len(answers[4]["result"]["tools"]) == len(answers[2]["result"]["tools"])
