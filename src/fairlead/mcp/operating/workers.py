"""Several workers for one port: what they must share is checked before they start, and made where it can be.

Each would count its own limits and know its own handles, so that a caller had as many allowances as there are workers
and a handle that one gave out would be unknown to the next; hence Redis. What is sealed has to open everywhere; hence
one key, which is made for them where the operator gives none (replicas on other machines need the same: give it). No
session can be kept, because nothing leads a caller back to the worker that has it: the legacy era is served without.
"""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from fairlead.machinery.errors import FairleadError
from fairlead.mcp.operating import metrics
from fairlead.serving import supervising

Started = Callable[[], None]


class WorkersError(FairleadError):
    """Several workers were asked for in a way in which they cannot act as one."""


def check(count: int, redis_url: str, *, stdio: bool) -> None:
    """Raises `WorkersError`."""
    if count < 1:
        raise WorkersError(f"cannot serve with {count} workers", "", "--workers takes 1 or more")
    if count > 1 and stdio:
        raise WorkersError("a pipe has one worker", "it is one client's", "leave out --workers")
    if count > 1 and not redis_url:
        raise WorkersError(
            f"will not serve with {count} workers",
            "each would count limits and know handles for itself",
            "give --redis-url, or one worker",
        )


def serve(
    count: int, seal_key_file: Path | None, work: Callable[[Path, Started], None], ready: Callable[[], None]
) -> None:
    """Until it is asked to end; `work` runs in each, given the seal key's file and what to call once it serves.

    `ready` is called when all do. Raises `supervising.SupervisingError`.
    """
    with _key(seal_key_file) as key, metrics.shared_by_workers():
        supervising.supervise(count, lambda started: work(key, started), ready)


@contextmanager
def _key(given: Path | None) -> Iterator[Path]:
    if given is not None:
        yield given
        return
    with TemporaryDirectory(prefix="fairlead-seal-") as folder:
        path = Path(folder) / "key"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32))
        yield path
