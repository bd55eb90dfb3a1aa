"""What a directory says, each time that it says something else and has settled.

By reading it once a second, not by the kernel's notices: those do not reach over network file systems, and a mounted
ConfigMap changes by a symbolic link somewhere else. Contents are compared, not times, which are too coarse for two
changes at once. A change counts when two readings agree: an editor that empties a file and writes it again must not
give away a server without its deny list for the moment in between.
"""

from collections.abc import AsyncIterator, Callable
from typing import TypeVar

import anyio

_T = TypeVar("_T")
INTERVAL = 0.5


async def changes(read: Callable[[], _T], known: _T, interval: float = INTERVAL) -> AsyncIterator[_T]:
    """Endless; `known` is what needs no telling."""
    before = known
    while True:
        await anyio.sleep(interval)
        now = read()
        if now == before != known:
            known = now
            yield now
        before = now
