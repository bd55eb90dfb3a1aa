"""`python supervising.py LOG PROGRAM ARGUMENT…`: runs a server that never outlives whoever started it.

A test run can be killed at any moment, and then nobody is left to stop what it started. So each server gets this small
parent, which is told of the death by the end of its standard input: the kernel closes that pipe however the test run
ended, SIGKILL included. Should the supervisor itself be killed, the kernel kills the server (Linux). The road not taken
is the kernel's signal alone: it comes when the starting *thread* ends, and fixtures start servers in threads.

SIGTERM is passed on, so that the server may end in good order; the end of standard input is SIGKILL. The first line on
standard output is the server's process id, the exit status is the server's. Only the standard library: this start-up
time is paid for each server.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(arguments: Sequence[str]) -> int:
    log, *command = arguments
    with Path(log).open("ab") as output:
        try:
            server = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509 - this process has one thread yet
            )
        except (OSError, subprocess.SubprocessError) as error:
            output.write(f"{command[0]} cannot be started: {error}\n".encode())
            return 127
    signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    print(server.pid, flush=True)
    threading.Thread(target=_await_orphanhood, args=(server,), daemon=True).start()
    code = server.wait()
    return 128 - code if code < 0 else code


def _await_orphanhood(server: "subprocess.Popen[bytes]") -> None:
    while os.read(0, 1024):
        pass
    server.kill()


def _die_with(parent: int) -> Callable[[], None]:
    # Looked up before the fork: between fork and exec as little as possible should happen.
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    def tie() -> None:
        if prctl is not None:
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)

    return tie


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
