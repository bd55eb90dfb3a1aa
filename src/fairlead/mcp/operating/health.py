"""Whether a process is alive, and whether it can serve; what is wrong, in words that anyone may read.

Alive is whoever answers. Ready is whoever can also decide: without the Redis that limits and handles are kept in, calls
are refused, so callers should go elsewhere. A change of server files that was not taken up is told to whoever asks
verbosely and in the metrics, but makes nobody unready: the last good ones are served, and one typing mistake in a
mounted ConfigMap must not take all replicas away at once.
"""

from collections.abc import Iterable
from typing import Protocol

from fairlead.mcp.deciding.keeping import Store
from fairlead.serving.health import Health

STALE = "the latest change of the server files was not taken up, the last good ones are served; the log says why"
PATHS = ("/healthz", "/livez", "/readyz")


class Served(Protocol):
    @property
    def fault(self) -> str:
        """Why the latest change of server files was not taken up; empty where it was."""

    @property
    def store(self) -> Store: ...


def checks(served: Served) -> Health:
    async def shared() -> None:
        await served.store.get("ready")  # nothing is kept there: the `StoreError` is what matters

    def warnings() -> Iterable[str]:
        return (STALE,) if served.fault else ()

    return Health({"healthz": {}, "livez": {}, "readyz": {"shared": shared}}, warnings)
