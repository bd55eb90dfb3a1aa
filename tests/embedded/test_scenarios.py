"""The worlds of the playground, each played on the simulator and on real Crossplane: both have to be told the same.

A world is played once for each target; everything about it is asked of the same plane.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from fairlead.client.api import Client
from fairlead.client.targets import Cluster
from fairlead.crossplane import deleting
from fairlead.crossplane.causes import Cause
from fairlead.crossplane.diagnosing import diagnose
from fairlead.crossplane.surveying import survey
from fairlead.embedded import packaging, scenarios
from fairlead.embedded.playground import Playground
from fairlead.embedded.scenarios import Finding, Scenario
from fairlead.resources.reading import Reader
from testenv.registry import Registry
from tests.clusters import EMBEDDED_DATA, TARGETS, running
from tests.e2e.platforms import by_kubectl

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("playground-scenarios:same-diagnosis")]

DEADLINE = 60


@pytest.fixture(scope="session")
def packaged_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Real Crossplane that installs the playground's packages, and whose providers' Pods nobody runs."""
    from testenv.crossplane import RealCrossplane

    directory = tmp_path_factory.mktemp("packaged")
    with (
        running("packaged", directory / "plane") as server,
        RealCrossplane(server, directory / "crossplane", runtime="Provider=Deployment;Function=External"),
        Registry() as registry,
    ):
        fill(registry)
        by_kubectl(server).apply(rewriting(registry.address))
        yield server.cluster


def fill(registry: Registry) -> None:
    """With the packages of the playground, as they are."""
    for path in sorted((EMBEDDED_DATA / "packages").glob("*.yaml")):
        content = packaging.contents(f"{packaging.REGISTRY}/{path.stem}:{packaging.TAG}")
        assert content is not None
        registry.put(path.stem, packaging.TAG, content)


def rewriting(address: str) -> dict[str, Any]:
    """By which worlds can name their registry, wherever it listens."""
    images = [{"type": "Prefix", "prefix": packaging.REGISTRY}]
    spec = {"matchImages": images, "rewriteImage": {"prefix": address}}
    return {
        "apiVersion": "pkg.crossplane.io/v1beta1",
        "kind": "ImageConfig",
        "metadata": {"name": "playground"},
        "spec": spec,
    }


@asynccontextmanager
async def playing(request: pytest.FixtureRequest, directory: Path, plane: str) -> AsyncIterator[Cluster]:
    if request.param == "embedded":
        async with Playground(directory, whole=True) as playground:
            yield playground.control_plane
    else:
        found = request.getfixturevalue(plane)
        yield found if isinstance(found, Cluster) else found.cluster


@pytest.fixture(params=TARGETS)
async def plane_alone(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Cluster]:
    """Without packages."""
    async with playing(request, tmp_path, "plane_server") as cluster:
        yield cluster


@pytest.fixture(params=["embedded", pytest.param("real", marks=[pytest.mark.real, pytest.mark.whole])])
async def plane_with_packages(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Cluster]:
    async with playing(request, tmp_path, "packaged_plane") as cluster:
        yield cluster


async def first(reader: Reader, finding: Finding) -> Cause | None:
    """The first cause, as soon as it is the one that the world promises; it may take a moment to settle."""
    seen: list[str] = []
    kind = await reader.kind(finding.kind)
    with anyio.move_on_after(DEADLINE):
        while True:
            causes = (await diagnose(reader, kind, finding.name, finding.namespace)).causes
            if [each.name for each in causes[:1]] == [finding.cause] * bool(finding.cause):
                return causes[0] if causes else None
            seen += [now] if (now := ", ".join(each.what for each in causes)) not in seen else []
            await asyncio.sleep(0.1)
    raise AssertionError(f"{finding.cause or 'nothing'} never came first for {finding.name}: {seen}")


async def has_all_findings(client: Client, scenario: Scenario) -> None:
    for each in scenario.findings:
        cause = await first(Reader(client), each)
        assert (cause.about.kind if cause else "") == each.about


async def played(cluster: Cluster, name: str) -> None:
    scenario = scenarios.find(name)
    async with cluster.open() as client:
        await scenarios.play(client, scenario)
        await has_all_findings(client, scenario)


async def test_a_wrong_composition(plane_alone: Cluster) -> None:
    await played(plane_alone, "wrong-composition")


async def test_a_healthy_platform(plane_with_packages: Cluster) -> None:
    await played(plane_with_packages, "healthy-platform")
    async with plane_with_packages.open() as client:
        kinds = {each.reference.kind for each in (await survey(Reader(client))).findings if each.health.is_trouble}
    assert kinds.isdisjoint({"Configuration", "ConfigurationRevision", "XDatabase", "Database", "Site"})


async def test_a_broken_provider(plane_with_packages: Cluster) -> None:
    await played(plane_with_packages, "broken-provider")


async def test_a_stuck_deletion(plane_with_packages: Cluster) -> None:
    await played(plane_with_packages, "stuck-deletion")
    async with plane_with_packages.open() as client:
        reader = Reader(client)
        kind = await reader.kind("vault")
        found = await eventually(partial(deleting.explain, reader, kind, "contracts", "billing"), "Bucket")
        assert found.since
        assert [each.name for each in found.obstacles] == ["provider-unwell", "held", "held", "held"]
        assert [each.about.kind for each in found.obstacles] == ["Bucket", "Bucket", "XVault", "Vault"]


async def eventually(asked: Callable[[], Awaitable[deleting.Deletion]], held: str) -> deleting.Deletion:
    """As soon as something of that kind holds the deletion up: a garbage collector takes a while to know new kinds."""
    with anyio.fail_after(DEADLINE):
        while True:
            found = await asked()
            if held in [each.about.kind for each in found.obstacles if each.name == "held"]:
                return found
            await asyncio.sleep(0.2)
