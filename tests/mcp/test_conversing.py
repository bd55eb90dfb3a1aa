"""Asking in the middle of a call, in both eras, with the SDK's client on the other side."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import mcp.types as types
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp import Client, MCPError

from fairlead.mcp import addresses, conversing
from fairlead.mcp.callers import STDIO
from fairlead.mcp.conversing import CannotAskError, Elicit, Nobody, Roots, Sample
from fairlead.mcp.deciding.gate import Gate
from fairlead.mcp.named import offering
from fairlead.mcp.named.servers import NamedServer
from fairlead.mcp.operating.holding import Held
from tests.mcp.conformance.fixtures import TOOLSET
from tests.mcp.fakes import NoClusters

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("mcp:asks")]


@asynccontextmanager
async def client(mode: str, *, able: bool = True) -> AsyncIterator[Client]:
    async def elicited(context: Any, parameters: Any) -> types.ElicitResult:
        name = next(iter(parameters.requested_schema["properties"]))
        return types.ElicitResult(action="accept", content={name: f"my {name}"})

    gate = Gate(NamedServer("one"), offering.combined([TOOLSET]), NoClusters())
    callbacks: dict[str, Any] = {"elicitation_callback": elicited} if able else {}
    with anyio.fail_after(60):
        async with Client(Held(gate, STDIO).sdk, mode=mode, **callbacks) as connected:
            yield connected


def text(result: Any) -> str:
    return str(result.content[0].text)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_tool_asks_twice_and_hears_both_answers(mode: str) -> None:
    async with client(mode) as connected:
        answered = await connected.call_tool("test_input_required_result_multi_round", {})
    found = json.loads(text(answered))
    assert found["step1"]["content"] == {"name": "my name"}
    assert found["step2"]["content"] == {"color": "my color"}


async def test_a_client_that_cannot_be_asked_is_told_so_in_its_era() -> None:
    async with client("auto", able=False) as connected:
        with pytest.raises(MCPError) as caught:
            await connected.call_tool("test_input_required_result_elicitation", {})
        assert caught.value.error.code == types.MISSING_REQUIRED_CLIENT_CAPABILITY
    async with client("legacy", able=False) as connected:
        answered = await connected.call_tool("test_input_required_result_elicitation", {})
        assert answered.is_error
        assert text(answered) == "your client cannot be asked: it does not support elicitation"


async def test_nobody_can_be_asked_at_a_terminal() -> None:
    with pytest.raises(CannotAskError, match="does not support elicitation, roots, sampling"):
        await Nobody().ask({"a": Elicit("?"), "b": Sample("?"), "c": Roots()})
    conversing.check({}, frozenset())


@pytest.mark.requirement("mcp:resources")
async def test_resources_by_address_and_template() -> None:
    async with client("auto") as connected:
        assert "test://static-text" in {str(each.uri) for each in (await connected.list_resources()).resources}
        found = await connected.read_resource("test://template/a%2Fb/data")
        assert json.loads(found.contents[0].text)["id"] == "a/b"  # type: ignore[union-attr]  # it is text
        with pytest.raises(MCPError, match="unknown resource"):
            await connected.read_resource("test://template/a/b/data")


NAMES = st.text(alphabet=st.characters(exclude_characters="/?#%", exclude_categories=["Cs"]), min_size=1, max_size=12)


@pytest.mark.requirement("mcp:resources")
@given(NAMES, NAMES)
def test_an_address_gives_back_what_stands_for_its_names(one: str, two: str) -> None:
    assert addresses.match("a://{x}/b.c/{y}", f"a://{one}/b.c/{two}") == {"x": one, "y": two}
    assert addresses.match("a://{x}/b.c/{y}", f"a://{one}/bxc/{two}") is None
    assert addresses.match("a://{x}", f"a://{one}/{two}") is None
