"""Workers, in a program of their own: a test runner has threads, and what has threads must not fork."""

import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.requirement("mcp-operators:workers")

DEADLINE = 20.0
PROGRAM = [sys.executable, "-m", "tests.serving.supervised"]


@contextmanager
def program(go: Path) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    with subprocess.Popen([*PROGRAM, str(go)], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, int(process.stdout.readline())
        finally:
            process.terminate()
            process.wait(DEADLINE)


def ask(port: int, path: str = "/") -> int:
    """Over a connection of its own; who answered."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    try:
        connection.request("GET", path)
        return int(connection.getresponse().read())
    finally:
        connection.close()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def workers(process: "subprocess.Popen[str]") -> set[int]:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii")
    return {int(each) for each in children.split()}


def is_gone(pid: int) -> bool:
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except FileNotFoundError:
        return True


def test_all_serve_one_port_and_one_that_dies_is_replaced(tmp_path: Path) -> None:
    with program(tmp_path / "go") as (process, port):
        first = workers(process)
        assert len(first) == 2
        victim = ask(port)
        assert victim in first
        os.kill(victim, signal.SIGKILL)
        until(lambda: len(workers(process)) == 2 and victim not in workers(process))
        until(lambda: ask(port) in first - {victim} or ask(port) in workers(process))
        for _ in range(50):
            assert ask(port) in workers(process)


def test_no_connection_is_lost_while_one_dies(tmp_path: Path) -> None:
    """Those in the queue are another worker's; only what the dead one had begun can fail."""
    with program(tmp_path / "go") as (process, port):
        failed = 0
        for round_ in range(100):
            if round_ == 30:
                os.kill(min(workers(process)), signal.SIGKILL)
            try:
                ask(port)
            except (OSError, http.client.HTTPException):
                failed += 1
        assert failed <= 1


def test_what_was_begun_is_finished(tmp_path: Path) -> None:
    go = tmp_path / "go"
    with program(go) as (process, port):
        pids = workers(process)
        answered: list[int] = []
        waiting = threading.Thread(target=lambda: answered.append(ask(port, "/slow")))
        waiting.start()
        until(lambda: connected(port))
        process.terminate()
        until(lambda: any(is_gone(each) for each in pids))
        go.touch()
        waiting.join(DEADLINE)
        assert set(answered) < pids
        assert process.wait(DEADLINE) == 0


def connected(port: int) -> bool:
    established = f":{port:04X} "
    lines = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()
    return any(established in line.split(" st ")[0] and " 01 " in line for line in lines[1:])


def test_they_end_with_the_program_that_started_them(tmp_path: Path) -> None:
    with program(tmp_path / "go") as (process, _):
        pids = workers(process)
        process.kill()
        process.wait(DEADLINE)
        until(lambda: all(is_gone(each) for each in pids))


def test_what_cannot_serve_is_said_once(tmp_path: Path) -> None:
    done = subprocess.run(
        [*PROGRAM, str(tmp_path / "go"), "failing"], capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert done.returncode == 1
    assert "nothing can be served" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("the workers cannot serve: one ended with 1")
    assert "Traceback" not in done.stderr
