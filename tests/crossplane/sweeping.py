"""Taking away what a control plane would work on for as long as it lives.

Crossplane looks at every package again whenever one of them comes or goes, and most packages here never become healthy,
since nothing runs them; some operations run by the clock. What two hundred tests leave behind would keep both cores of
a small machine busy, and the other tests waiting.
"""

from collections.abc import AsyncIterator, Iterator, Set
from contextlib import asynccontextmanager, contextmanager, suppress

from fairlead.client.api import Client
from fairlead.client.targets import Cluster
from fairlead.machinery import statuses
from fairlead.machinery.paths import Resource
from fairlead.serving import loops

PACKAGES = ("providers", "functions", "configurations")
OPERATIONS = ("cronoperations", "watchoperations")
RESTLESS = (
    *(Resource("pkg.crossplane.io", "v1", each, namespaced=False) for each in PACKAGES),
    *(Resource("ops.crossplane.io", "v1alpha1", each, namespaced=False) for each in OPERATIONS),
)
Present = Set[tuple[Resource, str]]


@contextmanager
def swept_after(cluster: Cluster) -> Iterator[None]:
    """As `swept`, around whole tests, where no event loop runs."""

    async def found() -> Present:
        async with cluster.open() as client:
            return await present(client)

    async def clear(but: Present) -> None:
        async with cluster.open() as client:
            await remove(client, but)

    before = loops.run(found())
    yield
    loops.run(clear(before))


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
