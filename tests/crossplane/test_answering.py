"""What was found out is told: in time, and so that it can be read."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

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
async def plane(tmp_path: Path) -> AsyncIterator[EmbeddedCluster]:
    """On which nobody looks at packages."""
    server = EmbeddedCluster("still", tmp_path)
    async with server as running:
        async with Client.from_kubeconfig(running.kubeconfig) as client:
            for each in crossplanekinds.crds():
                await client.apply(manifests.CRDS, each, manager="tests")
        yield server


@asynccontextmanager
async def served(kubeconfig: Path) -> AsyncIterator[Gate]:
    """By a server whose calls are short."""
    offer = offering.combined(catalog.chosen(["crossplane"], catalog.toolsets()))
    async with Targets((Target("here", kubeconfig=str(kubeconfig)),), reads_only=False) as targets:
        yield Gate(NamedServer("one", timeout_seconds=8), offer, targets)


@pytest.fixture
async def gate(plane: EmbeddedCluster) -> AsyncIterator[Gate]:
    async with served(plane.kubeconfig) as found:
        yield found


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


@pytest.mark.requirement("crossplane-toolset:rights")
async def test_who_lacks_a_right_hears_who_gives_it(plane: EmbeddedCluster, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "stranger.kubeconfig"
    kubeconfig.write_bytes(plane.access("stranger"))
    async with served(kubeconfig) as gate:
        for tool, given in (("list_providers", {}), ("get_provider", {"name": "one"})):
            outcome = await gate.call(STDIO, tool, given)
            assert outcome.failed
            assert 'is forbidden: User "stranger"' in outcome.answer.text
            assert "`fairlead mcp rbac` prints all that the server needs" in outcome.answer.text


def usages_crd() -> dict[str, Any]:
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1beta1", "served": True, "storage": True, "schema": schema}
    names = {"kind": "Usage", "plural": "usages"}
    spec = {"group": "protection.crossplane.io", "scope": "Namespaced", "names": names, "versions": [version]}
    metadata = {"name": "usages.protection.crossplane.io"}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"} | {
        "metadata": metadata,
        "spec": spec,
    }


@pytest.mark.requirement("crossplane-toolset:rights")
async def test_a_list_that_could_not_be_read_is_not_called_empty(plane: EmbeddedCluster, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "stranger.kubeconfig"
    kubeconfig.write_bytes(plane.access("stranger"))
    async with Client.from_kubeconfig(plane.kubeconfig) as client:
        await client.apply(manifests.CRDS, usages_crd(), manager="tests")
    empty = {"list_compositions": "no compositions", "list_usages": "no usages: nothing is protected from deletion"}
    for tool, nothing in empty.items():
        async with served(kubeconfig) as gate:
            lines = (await gate.call(STDIO, tool, {})).answer.text.splitlines()
        assert lines[0] == f"no {tool.removeprefix('list_')} among what could be read"
        assert "is forbidden" in lines[1]
        async with served(plane.kubeconfig) as gate:
            assert (await gate.call(STDIO, tool, {})).answer.text.startswith(nothing)
