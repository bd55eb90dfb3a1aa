"""Confirmation through the SDK's client: both eras, several workers, and answers that nobody asked for."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import mcp.types as types
import pytest
from mcp import Client, MCPError

from fairlead.mcp.callers import STDIO, Caller
from fairlead.mcp.deciding.gate import Gate
from fairlead.mcp.deciding.sealing import Seals
from fairlead.mcp.deciding.sharing import Shared
from fairlead.mcp.named.offering import Offer
from fairlead.mcp.named.servers import NamedServer
from fairlead.mcp.operating import mounting
from fairlead.mcp.operating.holding import Held
from fairlead.mcp.tools import Answer, Tool
from fairlead.mcp.wire import protocol
from fairlead.serving import listening
from tests.mcp.changing import World, gate, handle
from tests.mcp.fakes import NoClusters

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("mcp-policy:asked-once")]
YES = {"action": "accept", "content": {"confirm": True}}


async def _says_yes(context: Any, params: Any) -> types.ElicitResult:
    return types.ElicitResult(action="accept", content={"confirm": True})


@asynccontextmanager
async def client(
    tried: Gate, mode: str = "auto", *, able: bool = True, caller: Caller = STDIO
) -> AsyncIterator[Client]:
    callbacks: dict[str, Any] = {"elicitation_callback": _says_yes} if able else {}
    with anyio.fail_after(60):
        async with Client(protocol.server(tried, caller), mode=mode, **callbacks) as connected:
            yield connected


def text(result: Any) -> str:
    return str(result.content[0].text)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_that_can_ask_does(mode: str) -> None:
    world = World()
    async with client(gate(world), mode) as connected:
        assert text(await connected.call_tool("things_delete", {"name": "a"})) == "done"
    assert world.done == ["things_delete a"]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_that_cannot_ask_redeems_a_handle(mode: str) -> None:
    world = World()
    async with client(gate(world), mode, able=False) as connected:
        planned = await connected.call_tool("things_delete", {"name": "a"})
        assert planned.is_error
        confirmed = await connected.call_tool("changes_confirm", handle(text(planned)))
        assert (confirmed.is_error, text(confirmed)) == (False, "done")
        assert (await connected.call_tool("changes_confirm", handle(text(planned)))).is_error
    assert world.done == ["things_delete a"]


async def _has_no_window(context: Any, params: Any) -> types.ErrorData:
    return types.ErrorData(code=types.INTERNAL_ERROR, message="there is nobody to show it to")


@pytest.mark.requirement("mcp-policy:handles")
async def test_a_client_that_says_it_can_ask_and_fails_to_redeems_a_handle() -> None:
    world = World()
    with anyio.fail_after(60):
        async with Client(
            protocol.server(gate(world), STDIO), mode="legacy", elicitation_callback=_has_no_window
        ) as connected:
            planned = await connected.call_tool("things_delete", {"name": "a"})
            assert planned.is_error
            assert not world.done
            assert text(await connected.call_tool("changes_confirm", handle(text(planned)))) == "done"
    assert world.done == ["things_delete a"]


async def _asked(connected: Client, **given: Any) -> Any:
    return await connected.session.call_tool("things_delete", allow_input_required=True, **given)


async def _answer(connected: Client, state: str | None, keys: Any, name: str = "a") -> Any:
    replies = {key: types.ElicitResult.model_validate(YES) for key in keys}
    return await _asked(connected, arguments={"name": name}, input_responses=replies, request_state=state)


def _unsealed(state: str) -> bytes:
    """All that a client can make of it."""
    sealed = state.rpartition(".")[2]
    return base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))


async def test_a_yes_goes_to_any_worker_once_and_for_its_call_alone() -> None:
    world, seals, store = World(), Seals(b"k" * 32), Shared()
    shared = Shared(seals, store.store, store.limiter)
    async with (
        client(gate(world, shared=shared)) as one,
        client(gate(world, shared=Shared(Seals(b"k" * 32), store.store))) as two,
        client(gate(world, shared=Shared(Seals(b"x" * 32), store.store))) as stranger,
        client(gate(world, shared=shared), caller=Caller("somebody else")) as other,
    ):
        asked = await _asked(one, arguments={"name": "a"})
        assert "a in namespace" not in str(_unsealed(asked.request_state))
        keys = list(asked.input_requests)
        for where, name, state in (
            (stranger, "a", asked.request_state),
            (other, "a", asked.request_state),
            (two, "b", asked.request_state),
            (two, "a", asked.request_state[:-4] + "AAAA"),
        ):
            with pytest.raises(MCPError, match="Invalid or expired requestState"):
                await _answer(where, state, keys, name)
        assert not world.done
        assert text(await _answer(two, asked.request_state, keys)) == "done"
        for each in (one, two):
            assert text(await _answer(each, asked.request_state, keys)).startswith("this was confirmed once")
    assert world.done == ["things_delete a"]


async def test_a_yes_to_what_was_not_asked_is_none() -> None:
    world = World()
    async with client(gate(world)) as connected:
        asked = await _asked(connected, arguments={"name": "a"})
        keys = list(asked.input_requests)
        assert (await _answer(connected, None, keys)).result_type == "input_required"
        world.version += 1  # the same question about another state of things
        again = await _answer(connected, asked.request_state, keys)
        assert again.result_type == "input_required"
        assert list(again.input_requests) != keys
    assert not world.done


@pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")
@pytest.mark.requirement("mcp-policy:log-level")
async def test_a_legacy_client_hears_what_it_asked_to_hear() -> None:
    async def says(call: Any, arguments: Any) -> Answer:
        for level in ("debug", "warning", "emergency"):
            await call.talk.log(level, level)
        return Answer("said")

    heard: list[str] = []

    async def hears(params: types.LoggingMessageNotificationParams) -> None:
        heard.append(str(params.data))

    tried = Gate(NamedServer("one"), Offer({"says": Tool("says", "says", "Says.", says)}), NoClusters())
    async with Client(protocol.server(tried, STDIO), mode="legacy", logging_callback=hears) as connected:
        await connected.call_tool("says", {})
        await connected.set_logging_level("warning")
        await connected.call_tool("says", {})
        await connected.set_logging_level("emergency")
        await connected.call_tool("says", {})
    assert heard == ["debug", "warning", "emergency", "warning", "emergency", "emergency"]


@pytest.mark.requirement("mcp-policy:handles")
async def test_a_legacy_client_without_a_session_redeems_a_handle() -> None:
    """Several workers keep no sessions, so that there is no way back in the middle of a call, whoever is there."""
    world = World()
    held = Held(gate(world), STDIO)
    with anyio.fail_after(60):
        async with (
            mounting.mounted({"one": held}, mounting.Manner(stateless=True)) as mounts,
            listening.listen_application(mounts) as listener,
            Client(f"{listener.url}/s/one/mcp", mode="legacy", elicitation_callback=_says_yes) as connected,
        ):
            planned = await connected.call_tool("things_delete", {"name": "a"})
            assert planned.is_error
            assert not world.done
            assert text(await connected.call_tool("changes_confirm", handle(text(planned)))) == "done"
    assert world.done == ["things_delete a"]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_person_is_asked_over_a_port(mode: str) -> None:
    world = World()
    held = Held(gate(world), STDIO)
    with anyio.fail_after(60):
        async with (
            mounting.mounted({"one": held}) as mounts,
            listening.listen_application(mounts) as listener,
            Client(f"{listener.url}/s/one/mcp", mode=mode, elicitation_callback=_says_yes) as connected,
        ):
            assert text(await connected.call_tool("things_delete", {"name": "a"})) == "done"
    assert world.done == ["things_delete a"]
