"""On a plane with thousands of objects no reply grows beyond what a model can take, and nothing is passed over."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from fairlead.client.api import Client
from fairlead.mcp.deciding.gate import Gate
from fairlead.mcp.named import catalog, offering
from fairlead.mcp.named.servers import NamedServer, Target
from fairlead.mcp.reaching.targets import Targets
from fairlead.mcp.tools import Tool
from testenv.servers import RealCluster
from tests.clusters import running
from tests.evaluation import calls, crowd, settling
from tests.evaluation.agents import Agent
from tests.evaluation.conftest import LIMITS

pytestmark = [pytest.mark.anyio, pytest.mark.real, pytest.mark.whole]
Record = Callable[[str, object], None]
BYTES, MOST_CHARACTERS = 25_000, 50_000
OBJECTS = 5_000


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory, crossplane_crds: Path) -> Iterator[RealCluster]:
    async def settle(server: RealCluster) -> int:
        async with Client.from_kubeconfig(server.cluster.kubeconfig) as client:
            return await settling.settle(client, crossplane_crds)

    with running("crowded", tmp_path_factory.mktemp("crowded")) as server:
        assert asyncio.run(settle(server)) >= OBJECTS
        yield server


async def at(kubeconfig: Path) -> AsyncIterator[Agent]:
    server = NamedServer("crowded", catalog=calls.TOOLSETS, limits=LIMITS, timeout_seconds=300)
    offer = offering.combined(catalog.chosen(server.catalog, catalog.toolsets()))
    async with Targets((Target("here", kubeconfig=str(kubeconfig)),)) as targets:
        yield Agent(Gate(server, offer, targets))


@pytest.fixture
async def agent(crowded: RealCluster) -> AsyncIterator[Agent]:
    async for each in at(crowded.cluster.kubeconfig):
        yield each


@pytest.mark.requirement("crossplane-evaluation:worst-reply")
@pytest.mark.parametrize("tool", calls.reading().values(), ids=lambda tool: tool.name)
async def test_no_reply_is_too_long(tool: Tool, agent: Agent, record_property: Record) -> None:
    given = calls.right(crowd.STANDING)[tool.name]
    shown = await agent(tool.name, **given)
    size = len(shown.encode())
    record_property("reply", (tool.name, size))
    assert size <= BYTES
    for limit in (each.maximum for each in tool.parameters if each.name == "limit"):
        longest = await agent(tool.name, **given, limit=limit)
        record_property("reply", (f"{tool.name} limit={limit}", len(longest.encode())))
        assert len(longest) <= MOST_CHARACTERS


@pytest.mark.requirement("crossplane-evaluation:worst-reply")
@pytest.mark.parametrize(
    "tool",
    [each for each in calls.reading().values() if "limit" in each.schema()["properties"]],
    ids=lambda tool: tool.name,
)
async def test_what_was_left_out_is_said_with_how_to_go_on(tool: Tool, agent: Agent) -> None:
    shown = await agent(tool.name, **calls.right(crowd.STANDING)[tool.name], limit=2)
    last = shown.splitlines()[-3:]
    assert any(word in line for line in last for word in ("cursor=", "limit", "narrow")), last


@pytest.mark.requirement("crossplane-evaluation:many-kinds")
async def test_what_is_not_well_is_found_over_hundreds_of_kinds(agent: Agent, record_property: Record) -> None:
    began = time.monotonic()
    said = await agent("list_unhealthy", scopes=["managed"])
    record_property("figure", ("list_unhealthy, 300 kinds", f"{time.monotonic() - began:.1f} s", "at most 30 s"))
    ill = sum(
        each["kind"].startswith("Thing") and each["status"]["conditions"][0]["status"] == "False"
        for each in crowd.objects()
        if "conditions" in each.get("status", {})
    )
    assert f"{ill} of " in said
    assert f"of {crowd.KINDS} kinds" in said
    began = time.monotonic()
    await agent("list_unhealthy")
    record_property("figure", ("list_unhealthy, all scopes", f"{time.monotonic() - began:.1f} s", "at most 30 s"))
