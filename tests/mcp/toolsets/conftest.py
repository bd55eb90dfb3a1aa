"""The core toolset with hands that may write, on servers embedded and real."""

from collections.abc import AsyncIterator

import pytest

from fairlead.client.api import Client
from fairlead.client.targets import Cluster
from fairlead.mcp.named.servers import Target
from fairlead.mcp.reaching.targets import Targets
from tests.mcp.toolsets.writers import Hands


@pytest.fixture
async def hands(cluster: Cluster) -> AsyncIterator[Hands]:
    async with Targets((Target("here", kubeconfig=str(cluster.kubeconfig)),), reads_only=False) as targets:
        yield Hands(targets)


@pytest.fixture
async def client(cluster: Cluster) -> AsyncIterator[Client]:
    async with cluster.open() as opened:
        yield opened
