"""What was found out is told: in time, and so that it can be read."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fairlead.client.api import Client
from fairlead.embedded.cluster import EmbeddedCluster
from fairlead.embedded.simulator import crossplanekinds
from fairlead.mcp.callers import STDIO
from fairlead.mcp.deciding.gate import Gate
from fairlead.mcp.named import catalog, offering
from fairlead.mcp.named.servers import NamedServer, Target
from fairlead.mcp.reaching.targets import Targets
from tests.e2e import manifests

pytestmark = pytest.mark.anyio


@pytest.fixture
async def gate(tmp_path: Path) -> AsyncIterator[Gate]:
    """Of a plane on which nobody looks at packages, and a server whose calls are short."""
    async with EmbeddedCluster("still", tmp_path) as running:
        async with Client.from_kubeconfig(running.kubeconfig) as client:
            for each in crossplanekinds.crds():
                await client.apply(manifests.CRDS, each, manager="tests")
        offer = offering.combined(catalog.chosen(["crossplane"], catalog.toolsets()))
        async with Targets((Target("here", kubeconfig=str(running.kubeconfig)),), reads_only=False) as targets:
            yield Gate(NamedServer("one", timeout_seconds=8), offer, targets)


@pytest.mark.requirement("crossplane-toolset:waiting")
async def test_whoever_asks_to_wait_longer_than_a_call_may_take_hears_how_far_it_came(gate: Gate) -> None:
    wanted = {"package": "registry.example.org/one:v1.0.0", "wait_seconds": 60}
    outcome = await gate.call(STDIO, "install_provider", wanted)
    assert not outcome.failed, outcome.answer.text
    assert "created Provider one" in outcome.answer.text
    assert "next: diagnose_resource" in outcome.answer.text


@pytest.mark.requirement("crossplane-understanding:validation")
async def test_manifests_that_are_all_wrong_are_told_line_by_line(gate: Gate) -> None:
    one = "{apiVersion: pkg.crossplane.io/v1, kind: Provider, metadata: {name: %s}, spec: {package: 3}}"
    outcome = await gate.call(STDIO, "validate_manifest", {"manifest": f"{one % 'one'}\n---\n{one % 'two'}"})
    assert outcome.failed
    lines = outcome.answer.text.splitlines()
    assert [each for each in lines if each.startswith("Provider/")] == [
        "Provider/one: invalid",
        "Provider/two: invalid",
    ]
