"""What the connector's loops share, and how one wakes another.

Each loop owns what it writes: the followers `sources`, `heard` and `api_services`, the synchronizer `catalog` and
`described`. Whoever only reads may do so at any time: the values are replaced, never changed in place.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from fairlead.connector.catalog import Catalog
from fairlead.connector.sources import CRD, XRD, Sources

Object = dict[str, Any]

RETRY_SECONDS = 0.5
"""The control plane's OpenAPI documents lag behind its discovery by about a second."""
RESYNC_SECONDS = 60.0


@dataclass
class State:
    """`changed` is set whenever the control plane may offer something else."""

    sources: Sources
    catalog: Catalog | None
    described: Sources
    """Those that the catalog was built from; newer ones must not be published with it."""
    changed: asyncio.Event
    published: asyncio.Event
    """Set whenever APIServices may have to change."""
    api_services: dict[str, Object] | None
    """Of the app cluster and of all owners, by name; None before the first list."""
    heard: dict[str, bool]
    """Which collections have been listed once, or are known not to be there."""
    ready: asyncio.Event
    without_rights: frozenset[str] = frozenset()
    """`plural.group` of what the control plane does not let us have."""
    problem: str = ""
    """Why the catalog is not of this moment; said once."""

    @classmethod
    def new(cls) -> "State":
        heard = {XRD: False, CRD: False}
        return cls(Sources(), None, Sources(), asyncio.Event(), asyncio.Event(), None, heard, asyncio.Event())


async def either(event: asyncio.Event, seconds: float) -> None:
    """Returns when it is set, or after that time."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
