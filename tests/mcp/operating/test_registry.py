"""Changes of the named servers while they are used."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp import Client, MCPError

from fairlead.mcp.callers import STDIO
from fairlead.mcp.named.catalog import CatalogError
from fairlead.mcp.named.identities import OIDC
from fairlead.mcp.named.servers import NamedServer, Target
from fairlead.mcp.operating import running
from fairlead.mcp.operating.registry import Registry, Shared
from fairlead.mcp.tools import Answer, ToolClass, Toolset
from fairlead.serving import listening
from tests.mcp.fakes import tool

pytestmark = pytest.mark.anyio

DEADLINE = 60
NAMES = ("pods_list", "pods_log", "events_list")
ALL = (*NAMES, "pods_delete", "changes_confirm")
BOTH = pytest.mark.parametrize("mode", ["auto", "legacy"])


class Waiting:
    """A tool that has begun and does not end before it may."""

    def __init__(self) -> None:
        self.begun = anyio.Event()
        self.may_end = anyio.Event()

    async def run(self, call: Any, arguments: Mapping[str, Any]) -> Answer:
        self.begun.set()
        await self.may_end.wait()
        return Answer("done under the old settings")


def toolset(waiting: Waiting | None = None) -> Mapping[str, Toolset]:
    tools = [tool(each) for each in NAMES]
    if waiting:
        tools.append(tool("waits", waiting.run))
    return {"some": Toolset("some", "Some tools.", (*tools, tool("pods_delete", tool_class=ToolClass.DELETE)))}


def named(name: str = "a", **values: Any) -> NamedServer:
    return NamedServer(name, catalog=("some",), **values)


@asynccontextmanager
async def registry(*servers: NamedServer, waiting: Waiting | None = None) -> AsyncIterator[Registry]:
    with anyio.fail_after(DEADLINE):
        async with Registry(STDIO, Shared(), toolset(waiting)) as found:
            found.take({each.name: each for each in servers})
            yield found


@asynccontextmanager
async def port(found: Registry) -> AsyncIterator[str]:
    async with running.application(found) as application, listening.listen_application(application) as listener:
        yield listener.url


async def listed(client: Client) -> set[str]:
    """What the server says now; a client may believe for a minute what it was told before."""
    return {each.name for each in (await client.list_tools(cache_mode="bypass")).tools}


async def callable_ones(client: Client) -> set[str]:
    return {name for name in ALL if not await unknown(client, name)}


async def unknown(client: Client, name: str) -> bool:
    try:
        await client.call_tool(name, {"text": "x"})
    except MCPError as error:
        return f"unknown tool: {name}" in str(error)
    return False


@pytest.mark.requirement("mcp-servers:listed-is-callable")
@BOTH
async def test_a_client_that_was_there_before_sees_the_new_settings(mode: str) -> None:
    async with registry(named(description="Before.")) as found, port(found) as url:
        async with Client(f"{url}/s/a/mcp", mode=mode) as client:
            assert "pods_log" in await listed(client)
            found.take({"a": named(description="After.", deny=("pods_*",))})
            assert await listed(client) == await callable_ones(client) == {"events_list"}
        async with Client(f"{url}/s/a/mcp", mode=mode) as client:
            assert (client.instructions or "").startswith("After.")


PATTERNS = st.lists(st.sampled_from([*NAMES, "pods_*", "*_list", "*", "pods_delete"]), max_size=3).map(tuple)
CHANGES = st.lists(st.tuples(PATTERNS, PATTERNS), min_size=1, max_size=4)


@pytest.mark.requirement("mcp-servers:listed-is-callable")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=CHANGES)
@BOTH
async def test_what_is_listed_is_what_can_be_called_after_every_change(
    mode: str, changes: list[tuple[tuple[str, ...], tuple[str, ...]]]
) -> None:
    async with registry(named()) as found, Client(found["a"].sdk, mode=mode) as client:
        for allow, deny in changes:
            found.take({"a": named(allow=allow, deny=deny)})
            assert await listed(client) == await callable_ones(client)


@pytest.mark.requirement("mcp-servers:listed-is-callable")
async def test_clients_of_2025_are_told_that_lists_have_changed() -> None:
    told: set[str] = set()
    heard = anyio.Event()

    async def hear(message: Any) -> None:
        told.add(str(getattr(message, "method", "")))
        if "notifications/tools/list_changed" in told:
            heard.set()

    async with registry(named()) as found, port(found) as url:
        callbacks: dict[str, Any] = {"message_handler": hear}
        async with Client(f"{url}/s/a/mcp", mode="legacy", **callbacks) as client:
            tools = client.server_capabilities.tools
            assert tools is not None
            assert tools.list_changed
            while not heard.is_set():  # its stream may not be open yet
                found.take({"a": named(description="Only words.")})
                found.take({"a": named(deny=("*",) if not found.servers["a"].deny else ())})
                with anyio.move_on_after(0.2):
                    await heard.wait()


@pytest.mark.requirement("mcp-servers:listed-is-callable")
async def test_clients_of_2026_that_listen_forget_their_old_list() -> None:
    async with registry(named()) as found, port(found) as url, Client(f"{url}/s/a/mcp") as client:
        assert len((await client.list_tools()).tools) > 1
        async with client.listen(tools_list_changed=True) as events:
            found.take({"a": named(description="Only words.")})
            found.take({"a": named(allow=("pods_list",))})
            await anext(aiter(events))
            assert [each.name for each in (await client.list_tools()).tools] == ["pods_list"]


@pytest.mark.requirement("mcp-servers:taken-up-whole")
async def test_who_was_let_in_before_callers_were_told_apart_is_refused_since() -> None:
    """A request that the guard has passed on under the old settings, and that is handled under the new ones."""
    identity = OIDC("https://idp.example.org", ("a",), "impersonate")
    async with registry(named()) as found, Client(found["a"].sdk) as client:
        assert await listed(client)
        found.take({"a": named(identity=identity)})
        with pytest.raises(MCPError, match="this server tells its callers apart now"):
            await listed(client)


@pytest.mark.requirement("mcp-servers:calls-end-as-begun")
@BOTH
async def test_a_call_in_flight_ends_as_it_began_and_the_removed_server_is_gone(mode: str) -> None:
    waiting = Waiting()
    async with registry(named(), named("b"), waiting=waiting) as found, port(found) as url:
        answers: list[Any] = []

        async def call(client: Client) -> None:
            answers.append(await client.call_tool("waits", {"text": "x"}))

        async with (
            Client(f"{url}/s/b/mcp", mode=mode) as other,
            Client(f"{url}/s/a/mcp", mode=mode) as client,
            anyio.create_task_group() as tasks,
        ):
            await client.list_tools()
            tasks.start_soon(call, client)
            await waiting.begun.wait()
            found.take({"a": named(deny=("waits",)), "b": named("b")})
            async with Client(f"{url}/s/a/mcp", mode=mode) as fresh:
                assert "waits" not in await listed(fresh)
            found.take({"b": named("b", description="Another.")})
            async with aiohttp.ClientSession() as session, session.post(f"{url}/s/a/mcp", json={}) as answer:
                assert answer.status == 404
            assert "waits" in await listed(other)
            waiting.may_end.set()
        assert answers[0].content[0].text == "done under the old settings"


@pytest.mark.requirement("mcp-servers:taken-up-whole")
async def test_what_cannot_be_taken_up_leaves_everything_as_it_was() -> None:
    async with registry(named()) as found:
        before = found["a"].gate
        bad = {"a": named(deny=("*",)), "b": NamedServer("b", catalog=("none",))}
        with pytest.raises(CatalogError):
            found.take(bad)
        assert not found.take_or_keep(lambda: bad)
        assert "there is no toolset 'none'" in found.fault
        assert list(found) == ["a"]
        assert found["a"].gate is before
        assert found.take_or_keep(lambda: {"a": named(deny=("*",))})
        assert (found.fault, found["a"].gate.tools(STDIO)) == ("", [])


@pytest.mark.requirement("mcp-servers:taken-up-whole")
async def test_connections_are_kept_where_nothing_about_them_changed() -> None:
    async with registry(named(deny=("pods_delete",))) as found:
        before = found["a"].gate
        found.take({"a": replace(before.server, description="Other words.", timeout_seconds=5)})
        assert found["a"].gate.clusters is before.clusters
        assert found["a"].gate.server.timeout_seconds == 5
        found.take({"a": replace(before.server, targets=(Target("other"),))})
        assert found["a"].gate.clusters.names == ["other"]
        found.take({"a": replace(before.server, deny=())})
        assert not found["a"].gate.clusters.reads_only


@pytest.mark.requirement("mcp-servers:calls-end-as-begun")
async def test_a_process_that_ends_closes_streams_that_would_have_no_end() -> None:
    accept = {"Accept": "application/json, text/event-stream"}
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "a", "version": "1"}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
    async with registry(named()) as found, port(found) as base, aiohttp.ClientSession(headers=accept) as session:
        url = f"{base}/s/a/mcp"
        async with session.post(url, json=body) as answer:
            kept = {"Mcp-Session-Id": answer.headers["Mcp-Session-Id"], "Mcp-Protocol-Version": "2025-11-25"}
            await answer.read()
        async with session.get(url, headers=kept) as stream:
            assert stream.status == 200
            found.retire()
            await stream.content.read()
        async with session.post(url, json=body) as answer:
            assert answer.status == 503
