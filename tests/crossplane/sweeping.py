"""Taking away what a control plane would work on for as long as it lives.

Crossplane looks at every package again whenever one of them comes or goes, and most packages here never become healthy,
since nothing runs them; some operations run by the clock. What two hundred tests leave behind would keep both cores of
a small machine busy, and the other tests waiting.
"""

from collections.abc import AsyncIterator, Set
from contextlib import asynccontextmanager, suppress

from fairlead.client.api import Client
from fairlead.client.targets import Cluster
from fairlead.machinery import statuses
from fairlead.machinery.paths import Resource

PACKAGES = ("providers", "functions", "configurations")
OPERATIONS = ("cronoperations", "watchoperations")
RESTLESS = (
    *(Resource("pkg.crossplane.io", "v1", each, namespaced=False) for each in PACKAGES),
    *(Resource("ops.crossplane.io", "v1alpha1", each, namespaced=False) for each in OPERATIONS),
)
Present = Set[tuple[Resource, str]]


async def found(cluster: Cluster) -> Present:
    async with cluster.open() as client:
        return await present(client)


async def cleared(cluster: Cluster, but: Present) -> None:
    """As leaving `swept`, between tests, when no event loop runs."""
    async with cluster.open() as client:
        await remove(client, but)


@asynccontextmanager
async def swept(client: Client) -> AsyncIterator[None]:
    """What of these kinds has come meanwhile is deleted at the end, whose going nobody waits for."""
    before = await present(client)
    try:
        yield
    finally:
        await remove(client, before)


async def present(client: Client) -> Present:
    return {(kind, each["metadata"]["name"]) for kind in RESTLESS for each in (await client.list(kind)).items}


async def remove(client: Client, but: Present) -> None:
    for kind, name in await present(client) - but:
        with suppress(statuses.NotFound):
            await client.delete(kind, name)
