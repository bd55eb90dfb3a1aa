"""Starts and stops one server: its log in a file, its death told with the log's last lines, its end in good order.

`supervising` says why there is a process between us and the server.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, cast

from fairlead.machinery.errors import FairleadError

SUPERVISOR = Path(__file__).with_name("supervising.py")
START_SECONDS = 90.0
"""Two cores may be busy with other test runs; an idle machine needs 4."""
STOP_SECONDS = 5.0
POLL_SECONDS = 0.05


class ServerError(FairleadError):
    """A server did not start, or did not become ready."""


class Process:
    """A running server. Raises `ServerError` where it cannot be started at all."""

    def __init__(
        self, name: str, command: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        """`environment` is added to ours."""
        self.name = name
        self.log = log
        self._supervisor = subprocess.Popen(
            # A session of its own: an interrupt at the terminal must reach us alone, for we stop servers in order.
            [sys.executable, "-I", "-S", SUPERVISOR, log, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            env=os.environ | (environment or {}),
        )
        # Popen's types cannot say that what was asked for is there.
        self._tie = cast("IO[bytes]", self._supervisor.stdin)
        with cast("IO[bytes]", self._supervisor.stdout) as told:
            first = told.readline().strip()
        if not first:
            self.kill()
            raise self.failure("did not start")
        self.pid = int(first)

    @property
    def running(self) -> bool:
        return self._supervisor.poll() is None

    @property
    def code(self) -> int | None:
        """The exit status; None while it runs. 128 and more for a signal."""
        return self._supervisor.poll()

    def signal(self, number: signal.Signals) -> None:
        """To the server itself; SIGSTOP and SIGCONT pause it."""
        os.kill(self.pid, number)

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """In good order, but killed after `seconds`. Returns when it has ended."""
        self._supervisor.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._supervisor.wait(seconds)
        self.kill()

    def kill(self) -> None:
        """Without warning. Returns when it has ended."""
        self._tie.close()
        self._supervisor.wait()

    def await_ready(self, ready: Callable[[], bool], seconds: float = START_SECONDS) -> None:
        """Raises `ServerError` at once when the server dies, and when it is not ready in time."""
        deadline = time.monotonic() + seconds
        while not ready():
            try:
                self._supervisor.wait(POLL_SECONDS)
            except subprocess.TimeoutExpired:
                if time.monotonic() < deadline:
                    continue
                raise self.failure(f"was not ready after {seconds:g} s") from None
            self.kill()
            raise self.failure(f"ended with status {self._supervisor.returncode}")

    def failure(self, what: str) -> ServerError:
        return ServerError(f"{self.name} {what}", last_lines(self.log), f"its log is {self.log}")


def last_lines(log: Path, count: int = 3) -> str:
    """Joined to one line."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return " | ".join(line.strip() for line in lines[-count:] if line.strip())[-1000:]
