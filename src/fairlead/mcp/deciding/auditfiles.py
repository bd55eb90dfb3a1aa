"""The file that audit lines go to, which others may rotate: moved away or removed, it is made anew.

Found out by looking whether the path still leads to the open file, before each line: one `stat`, and no signal that a
container's log rotation would have to know of. Each line is written by one call of the system to a file opened for
appending, so that the lines of several workers do not mix.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fairlead.machinery.errors import FairleadError
from fairlead.mcp.deciding.auditing import Sink


class ToolAuditError(FairleadError):
    """The audit log cannot be opened."""


class RotatedFile:
    def __init__(self, path: Path) -> None:
        """Raises `ToolAuditError`."""
        self._path = path
        try:
            self._opened = self._open()
        except OSError as error:
            raise ToolAuditError(f"cannot write the audit log {path}", error.strerror or str(error)) from error

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, data: bytes) -> None:
        """Raises `OSError`, also where the line was written in part, as on a full disk."""
        if not self._current():
            renewed = self._open()
            os.close(self._opened)
            self._opened = renewed
        if os.write(self._opened, data) != len(data):
            raise OSError("the line was not written whole")

    def _current(self) -> bool:
        mine = os.fstat(self._opened)
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        os.close(self._opened)


@contextmanager
def opened(where: str) -> Iterator[Sink | None]:
    """None for no path; `-` is standard error, since standard output may be the protocol's. Raises `ToolAuditError`."""
    if where in ("", "-"):
        yield sys.stderr.buffer if where else None
        return
    file = RotatedFile(Path(where))
    try:
        yield file
    finally:
        file.close()
