"""Several processes that serve one socket: started, replaced when they die, ended together.

They are forked, after everything is imported and before any event loop or thread is there, so that they share the
memory of what never changes. The listening socket is one, opened by the parent and inherited: a connection that waits
in its queue when a worker dies is another worker's, which a socket for each (SO_REUSEPORT) would lose. A parent that is
killed takes its workers with it: each waits for the end of a pipe that only the parent holds open.
"""

import logging
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from fairlead.machinery.errors import FairleadError

GRACE = 20.0
"""Seconds for workers to finish what they have begun."""
_PAUSE = 1.0
_LONGEST_PAUSE = 30.0
_FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_log = logging.getLogger(__name__)

Work = Callable[[Callable[[], None]], None]
"""Serves until SIGTERM, in a process of its own; calls what it is given once it does. A `FairleadError` ends it."""


class SupervisingError(FairleadError):
    """The workers cannot serve."""


def supervise(count: int, work: Work, ready: Callable[[], None]) -> None:
    """Until SIGTERM or SIGINT; `ready` is called once, when all serve. SIGHUP is passed on.

    Raises `SupervisingError` where a worker ends before any has served.
    """
    with _Supervisor(count, work, ready) as supervisor:
        supervisor.run()


class _Supervisor:
    def __init__(self, count: int, work: Work, ready: Callable[[], None]) -> None:
        self._count = count
        self._work = work
        self._ready: Callable[[], None] | None = ready
        self._serving: dict[int, bool] = {}
        self._pause = 0.0
        self._not_before = 0.0
        self._stopping = 0.0
        self._asked: list[int] = []
        self._life = os.pipe()
        self._reports = os.pipe()

    def __enter__(self) -> "_Supervisor":
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self._serving:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        for each in (*self._life, *self._reports):
            os.close(each)

    def run(self) -> None:
        with _waking(self._asked) as wake:
            self._fill()
            while self._serving or not self._stopping:
                readable, _, _ = select.select([wake, self._reports[0]], [], [], self._patience())
                if wake in readable:
                    os.read(wake, 4096)
                if self._reports[0] in readable:
                    self._reported(os.read(self._reports[0], 4096))
                self._obey()
                self._bury()
                self._fill()

    def _patience(self) -> float | None:
        if self._stopping:
            return max(0.05, self._stopping - time.monotonic())
        missing = len(self._serving) < self._count
        return max(0.0, self._not_before - time.monotonic()) if missing else None

    def _obey(self) -> None:
        while self._asked:
            number = self._asked.pop(0)
            if number != signal.SIGHUP:
                self._stopping = self._stopping or time.monotonic() + GRACE
                number = signal.SIGTERM
            self._tell(number)
        if self._stopping and time.monotonic() >= self._stopping:
            self._tell(signal.SIGKILL)

    def _tell(self, number: int) -> None:
        for pid in self._serving:
            os.kill(pid, number)

    def _reported(self, lines: bytes) -> None:
        for each in lines.split():
            if int(each) in self._serving:
                self._serving[int(each)] = True
                self._pause = 0.0
        if self._ready and len(self._serving) == self._count and all(self._serving.values()):
            ready, self._ready = self._ready, None
            ready()

    def _bury(self) -> None:
        for pid in list(self._serving):
            found, status = os.waitpid(pid, os.WNOHANG)
            if not found:
                continue
            served = self._serving.pop(pid)
            if self._stopping:
                continue
            code = os.waitstatus_to_exitcode(status)
            if not served and self._ready:
                raise SupervisingError("the workers cannot serve", f"one ended with {code} before it was ready")
            if not served:
                self._pause = min(_LONGEST_PAUSE, self._pause * 2 or _PAUSE)
            self._not_before = time.monotonic() + self._pause
            _log.warning("worker %d ended with %d; another takes its place in %.0f s", pid, code, self._pause)

    def _fill(self) -> None:
        while len(self._serving) < self._count and not self._stopping and time.monotonic() >= self._not_before:
            pid = os.fork()
            if not pid:
                self._be_worker()
            self._serving[pid] = False

    def _be_worker(self) -> None:
        """Never returns: what the parent has on its stack is not ours."""
        code = 1
        try:
            os.close(self._life[1])
            os.setpgid(0, 0)  # Ctrl-C is the parent's to pass on: a second signal would cut the draining short
            signal.set_wakeup_fd(-1)
            for each in (*_FORWARDED, signal.SIGCHLD):
                signal.signal(each, signal.SIG_IGN if each == signal.SIGHUP else signal.SIG_DFL)
            threading.Thread(target=_end_with, args=(self._life[0],), daemon=True).start()
            self._work(self._report)
            code = 0
        except FairleadError as error:
            sys.stderr.write(f"fairlead: {error}\n")  # in one piece: the others write too
        except BaseException:
            _log.exception("a worker failed")
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _report(self) -> None:
        os.write(self._reports[1], b"%d\n" % os.getpid())


def _end_with(life: int) -> None:
    os.read(life, 1)
    os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _waking(asked: list[int]) -> Iterator[int]:
    """A file that is readable once a signal has come; those to obey are appended to `asked`."""
    reading, writing = os.pipe()
    for each in (reading, writing):
        os.set_blocking(each, False)

    def note(number: int, frame: FrameType | None) -> None:
        if number in _FORWARDED:
            asked.append(number)

    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    handlers = {each: signal.signal(each, note) for each in (*_FORWARDED, signal.SIGCHLD)}
    try:
        yield reading
    finally:
        for each, handler in handlers.items():
            signal.signal(each, handler)
        signal.set_wakeup_fd(before)
        os.close(reading)
        os.close(writing)
