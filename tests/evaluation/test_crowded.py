"""On a plane with thousands of objects no reply grows beyond what a model can take, and nothing is passed over."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fairlead.client.api import Client
from fairlead.mcp.deciding.gate import Gate
from fairlead.mcp.named import catalog, offering
from fairlead.mcp.named.servers import NamedServer, Target
from fairlead.mcp.reaching.targets import Targets
from fairlead.mcp.tools import Tool
from testenv.servers import RealCluster
from tests.clusters import running
from tests.e2e.hands import Kubectl
from tests.e2e.platforms import by_kubectl
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


def ill() -> int:
    """Managed resources that are not well, by what was written."""
    things = [each for each in crowd.objects() if each["kind"].startswith("Thing")]
    return sum(each["status"]["conditions"][0]["status"] == "False" for each in things)


@pytest.mark.requirement("crossplane-evaluation:many-kinds")
async def test_what_is_not_well_is_found_over_hundreds_of_kinds(agent: Agent, record_property: Record) -> None:
    began = time.monotonic()
    said = await agent("list_unhealthy", scopes=["managed"])
    record_property("figure", (f"list_unhealthy, {crowd.KINDS} kinds", seconds(began), "at most 30 s"))
    assert f"{ill()} of " in said
    assert f"objects of {crowd.KINDS} kinds" in said
    began = time.monotonic()
    await agent("list_unhealthy")
    record_property("figure", ("list_unhealthy, all kinds of Crossplane", seconds(began), "at most 30 s"))


def seconds(began: float) -> str:
    return f"{time.monotonic() - began:.1f} s"


@pytest.mark.requirement("crossplane-evaluation:many-kinds")
async def test_kinds_that_could_not_be_read_are_named(crowded: RealCluster) -> None:
    rules = [
        {"apiGroups": [crowd.managed_group(number)], "resources": [f"things{number}"], "verbs": ["get", "list"]}
        for number in range(crowd.KINDS)
        if number not in (5, 77)
    ]
    bound(by_kubectl(crowded), "narrow", rules)
    async for each in at(crowded.kubeconfig_for("narrow", [])):
        said = await each("list_unhealthy", scopes=["managed"])
    unread = [line for line in said.splitlines() if line.startswith("not read: ")]
    assert set(re.findall(r"things(\d+)\.area", "\n".join(unread))) == {"5", "77"}


def bound(hands: Kubectl, user: str, rules: list[dict[str, Any]]) -> None:
    api = "rbac.authorization.k8s.io"
    hands.apply({"apiVersion": f"{api}/v1", "kind": "ClusterRole", "metadata": {"name": user}, "rules": rules})
    binding = {"apiVersion": f"{api}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": user}}
    role = {"apiGroup": api, "kind": "ClusterRole", "name": user}
    hands.apply(binding | {"roleRef": role, "subjects": [{"apiGroup": api, "kind": "User", "name": user}]})
