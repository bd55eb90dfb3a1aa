"""The worlds of the playground, each played on the simulator and on real Crossplane: both have to be told the same.

A world is played once for each target; everything about it is asked of the same plane.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from fairlead.client.api import Client
from fairlead.client.targets import Cluster
from fairlead.crossplane.causes import Cause
from fairlead.crossplane.diagnosing import diagnose
from fairlead.embedded import scenarios
from fairlead.embedded.playground import Playground
from fairlead.embedded.scenarios import Finding, Scenario
from fairlead.resources.reading import Reader
from tests.clusters import TARGETS

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("playground-scenarios:same-diagnosis")]

DEADLINE = 60


@asynccontextmanager
async def control_plane(target: str, request: pytest.FixtureRequest, directory: Path) -> AsyncIterator[Cluster]:
    if target == "real":
        yield request.getfixturevalue("plane_server").cluster
        return
    async with Playground(directory, whole=True) as playground:
        yield playground.control_plane


@pytest.fixture(params=TARGETS)
async def played(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Cluster]:
    async with control_plane(request.param, request, tmp_path) as cluster:
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


async def test_a_wrong_composition(played: Cluster) -> None:
    scenario = scenarios.find("wrong-composition")
    async with played.open() as client:
        await scenarios.play(client, scenario)
        await has_all_findings(client, scenario)
