"""The server that is evaluated: all of Crossplane's toolsets at once, on the plane that all tests share."""

from collections.abc import AsyncIterator, Iterator

import pytest

from fairlead.mcp.deciding.gate import Gate
from fairlead.mcp.named import catalog, offering
from fairlead.mcp.named.servers import Limits, NamedServer, Target
from fairlead.mcp.reaching.targets import Targets
from testenv.registry import Registry
from testenv.servers import RealCluster
from tests.e2e.hands import Kubectl
from tests.evaluation.agents import Agent
from tests.evaluation.calls import TOOLSETS

LIMITS = Limits(read=100_000, write=100_000, delete=100_000)


@pytest.fixture
async def agent(plane: Kubectl, plane_server: RealCluster) -> AsyncIterator[Agent]:
    server = NamedServer("evaluated", catalog=TOOLSETS, limits=LIMITS, timeout_seconds=120)
    offer = offering.combined(catalog.chosen(server.catalog, catalog.toolsets()))
    target = Target("here", kubeconfig=str(plane_server.cluster.kubeconfig))
    async with Targets((target,), reads_only=False) as targets:
        yield Agent(Gate(server, offer, targets))


@pytest.fixture(scope="session")
def registry() -> Iterator[Registry]:
    with Registry() as running:
        yield running
