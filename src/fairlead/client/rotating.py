"""A kubeconfig in a mounted Secret: its credentials are exchanged while we run.

The kubelet swaps a symbolic link, so a reader sees the old file or the new one, never half of one. A file that cannot
be used all the same (somebody wrote nonsense into the Secret) must not end what works: the last good one holds, and the
log says so. The same goes for a file that names another server: nothing of it is sent to the one we are connected to.

Source: reference/connector-and-migration.md §2.3, (b) 24.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from fairlead.client import kubeconfig
from fairlead.client.credentials import Bearer, Source
from fairlead.client.errors import KubeconfigError
from fairlead.client.kubeconfig import ConnectionSettings

LOOK_SECONDS = 1.0

_log = logging.getLogger(__name__)


def only_file(path: Path) -> Path:
    """The file itself, or the only one in a folder: a Secret of a single key serves whatever its key is called.

    A file that is not there counts as its folder. Raises `KubeconfigError`.
    """
    folder = path if path.is_dir() else path.parent
    if path.is_file() or not folder.is_dir():
        return path
    # The kubelet keeps versions of a mounted Secret in entries that begin with two dots.
    found = sorted(each for each in folder.iterdir() if not each.name.startswith("..") and each.is_file())
    if len(found) == 1:
        return found[0]
    names = ", ".join(each.name for each in found) or "nothing"
    raise KubeconfigError(f"{path} is no kubeconfig", f"{folder} holds {names}", "name the file to use")


def load(path: Path) -> ConnectionSettings:
    """As `kubeconfig.load`, of a file or a mounted folder, with credentials that follow it.

    Raises `KubeconfigError`.
    """
    settings = kubeconfig.load(only_file(path))
    return replace(settings, source=Followed(path, settings))


@dataclass
class Followed:
    """A `Source`; the file is looked at once a second at most, and at once after a 401."""

    path: Path
    settings: ConnectionSettings
    """Of the file as it was last good."""
    clock: Callable[[], float] = time.monotonic
    _seen: object = field(default=None, init=False)
    _looked: float | None = field(default=None, init=False)
    _told: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self._seen = _state(self.path)

    @property
    def _source(self) -> Source:
        return self.settings.source

    async def current(self) -> Bearer:
        now = self.clock()
        if self._looked is None or now - self._looked >= LOOK_SECONDS:
            self._look()
            self._looked = now
        return replace(await self._source.current(), authority=self.settings.authority)

    def forget(self, refused: Bearer) -> bool:
        before = self._source
        self._look()
        return self._source is not before or self._source.forget(replace(refused, authority=None))

    def _look(self) -> None:
        state = _state(self.path)
        if state == self._seen or state is None:
            return
        self._seen = state
        try:
            found = kubeconfig.load(only_file(self.path))
        except KubeconfigError as error:
            self._tell(f"the kubeconfig cannot be used any more, the last good one holds: {error}")
            return
        if found.server != self.settings.server:
            self._tell("the kubeconfig names another server now; restart to use it")
            return
        self.settings = found
        self._tell("")

    def _tell(self, problem: str) -> None:
        if problem and problem != self._told:
            _log.warning("%s", problem)
        elif not problem:
            _log.info("the kubeconfig was read again")
        self._told = problem


def _state(path: Path) -> object:
    """What tells one content from the next; None while there is no file, as in the middle of an exchange."""
    try:
        found = only_file(path).stat()
    except (OSError, KubeconfigError):
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
