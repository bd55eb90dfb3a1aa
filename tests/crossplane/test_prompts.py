"""Prompts that bring the facts along, and the platform's APIs to read, on real Crossplane."""

from collections.abc import AsyncIterator, Callable

import pytest

from fairlead.mcp.callers import STDIO
from fairlead.mcp.contents import Text
from fairlead.mcp.deciding.gate import Gate
from fairlead.mcp.named import catalog, offering
from fairlead.mcp.named.servers import NamedServer, Target
from fairlead.mcp.reaching.targets import Targets
from fairlead.mcp.tools import ToolError
from testenv.servers import RealCluster
from tests.e2e import manifests
from tests.e2e.hands import Kubectl

pytestmark = [pytest.mark.anyio, pytest.mark.real, pytest.mark.requirement("crossplane-toolset:prompts")]
XRD = f"xdatabases.{manifests.GROUP}"


@pytest.fixture
async def gate(plane: Kubectl, plane_server: RealCluster) -> AsyncIterator[Gate]:
    named = NamedServer("one", catalog=("crossplane-readonly",), timeout_seconds=60)
    offer = offering.combined(catalog.chosen(named.catalog, catalog.toolsets()))
    async with Targets((Target("here", kubeconfig=str(plane_server.cluster.kubeconfig)),)) as targets:
        yield Gate(named, offer, targets)


async def asked(gate: Gate, prompt: str, **given: str) -> str:
    (message,) = await gate.prompt(STDIO, prompt, given)
    assert isinstance(message.content, Text)
    return message.content.text


async def test_each_prompt_has_looked_already(gate: Gate, plane: Kubectl, unique: Callable[[str], str]) -> None:
    name = unique("unfetched")
    spec = {"package": "127.0.0.1:1/acme/provider:v1"}
    plane.apply({"apiVersion": "pkg.crossplane.io/v1", "kind": "Provider", "metadata": {"name": name}, "spec": spec})
    try:
        assert XRD in await asked(gate, "assess_deletion", kind="xrd", name=XRD)
        assert f"provider/{name} does not work" in await asked(gate, "debug_resource", kind="provider", name=name)
        plan = await asked(gate, "plan_package_upgrade", kind="Provider", name=name, version="v2")
        assert f"upgrade the Provider {name} to v2" in plan
        assert spec["package"] in plan
        assert XRD in await asked(gate, "design_platform_api", need="{a queue}")
    finally:
        plane.run("delete", "providers.pkg.crossplane.io", name)


async def test_a_wrong_prompt_says_what_there_is(gate: Gate) -> None:
    with pytest.raises(ToolError, match="provider, configuration, function"):
        await gate.prompt(STDIO, "plan_package_upgrade", {"kind": "chart", "name": "a"})
    with pytest.raises(ToolError, match="needs name"):
        await gate.prompt(STDIO, "debug_resource", {"kind": "xrd"})
    assert await gate.complete("plan_package_upgrade", "kind", "Con") == ["configuration"]


async def test_the_apis_can_be_read(gate: Gate) -> None:
    listed = (await gate.read(STDIO, "crossplane://apis")).content
    assert isinstance(listed, str)
    (row,) = [each for each in listed.splitlines() if XRD in each]
    assert "| Database | XDatabase | LegacyCluster |" in row
    described = (await gate.read(STDIO, f"crossplane://apis/{XRD}")).content
    assert isinstance(described, str)
    assert "kind: Database" in described
