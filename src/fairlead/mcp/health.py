"""Whether a process is alive, and whether it can serve; what is wrong, in words that anyone may read.

Alive is whoever answers. Ready is whoever can also decide: without the Redis that limits and handles are kept in, calls
are refused, so callers should go elsewhere. A change of server files that was not taken up is told to whoever asks
verbosely and in the metrics, but makes nobody unready: the last good ones are served, and one typing mistake in a
mounted ConfigMap must not take all replicas away at once.
"""

from collections.abc import Awaitable, Callable, Iterable

from fairlead.serving.health import Check, Health

STALE = "the latest change of the server files was not taken up, the last good ones are served; the log says why"
PATHS = ("/healthz", "/livez", "/readyz")


def checks(is_stale: Callable[[], bool], store: Callable[[], Awaitable[None]] | None) -> Health:
    """`store` raises a `FairleadError` while what workers share cannot be reached; None where nothing is shared."""
    ready: dict[str, Check] = {} if store is None else {"redis": store}

    def warnings() -> Iterable[str]:
        return (STALE,) if is_stale() else ()

    return Health({"healthz": {}, "livez": {}, "readyz": ready}, warnings)
