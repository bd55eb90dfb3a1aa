"""One server's life, with small programs in the place of servers."""

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from testenv.processes import Process, ServerError

DEADLINE = 20
# Says that it runs, then waits for a signal for ever.
PATIENT = "import pathlib, signal, sys; pathlib.Path(sys.argv[1]).touch(); signal.pause()"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {PATIENT}"


@contextmanager
def running(program: str, folder: Path) -> Iterator[Process]:
    started = folder / "started"
    process = Process("server", [sys.executable, "-S", "-c", program, started], folder / "log")
    try:
        process.await_ready(started.exists, DEADLINE)
        yield process
    finally:
        process.kill()


def ends(handle: int) -> bool:
    try:
        return bool(select.select([handle], [], [], DEADLINE)[0])
    finally:
        os.close(handle)


@pytest.mark.requirement("testenv:waits-on-readiness")
class TestStarting:
    def test_a_dead_server_is_told_at_once_with_its_last_lines(self, tmp_path: Path) -> None:
        program = "import sys; print('one\\ntwo', file=sys.stderr); sys.exit('the port is taken')"
        process = Process("etcd", [sys.executable, "-S", "-c", program], tmp_path / "log")
        with pytest.raises(ServerError) as told:
            process.await_ready(lambda: False, DEADLINE)
        log = tmp_path / "log"
        assert str(told.value) == f"etcd ended with status 1: one | two | the port is taken; its log is {log}"

    def test_a_server_that_never_answers_is_given_up(self, tmp_path: Path) -> None:
        with running(PATIENT, tmp_path) as process, pytest.raises(ServerError, match=r"not ready after 0\.2 s"):
            process.await_ready(lambda: False, 0.2)

    def test_a_program_that_cannot_be_started_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(ServerError, match=r"did not start: .*no-such-program cannot be started: .*No such file"):
            Process("etcd", [tmp_path / "no-such-program"], tmp_path / "log")

    def test_a_log_is_kept_over_a_restart(self, tmp_path: Path) -> None:
        for word in ("first", "second"):
            process = Process("etcd", [sys.executable, "-S", "-c", f"print('{word}')"], tmp_path / "log")
            with pytest.raises(ServerError):
                process.await_ready(lambda: False, DEADLINE)
        assert (tmp_path / "log").read_text(encoding="utf-8") == "first\nsecond\n"


@pytest.mark.requirement("testenv:orderly-stop")
class TestStopping:
    def test_a_server_may_end_in_good_order(self, tmp_path: Path) -> None:
        program = f"import signal; signal.signal(signal.SIGTERM, lambda *_: print('flushed')); {PATIENT}"
        with running(program, tmp_path) as process:
            process.stop(DEADLINE)
            assert not process.running
        assert (tmp_path / "log").read_text(encoding="utf-8") == "flushed\n"

    def test_one_that_will_not_end_is_killed(self, tmp_path: Path) -> None:
        with running(STUBBORN, tmp_path) as process:
            handle = os.pidfd_open(process.pid)
            process.stop(0.2)
            assert ends(handle)

    def test_stopping_what_has_ended_is_no_error(self, tmp_path: Path) -> None:
        with running(PATIENT, tmp_path) as process:
            process.kill()
            process.stop()

    def test_a_paused_server_goes_on_and_can_be_killed(self, tmp_path: Path) -> None:
        with running(PATIENT, tmp_path) as process:
            process.signal(signal.SIGSTOP)
            assert process.running
            handle = os.pidfd_open(process.pid)
            process.kill()
            assert ends(handle)


@pytest.mark.requirement("testenv:crossplane-core")
def test_a_server_gets_what_is_added_to_our_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "kept")
    script = "import os, sys; print(os.environ['OURS'], os.environ['ADDED'], file=sys.stderr)"
    process = Process("server", [sys.executable, "-S", "-c", script], tmp_path / "log", {"ADDED": "too"})
    with pytest.raises(ServerError, match="ended with status 0: kept too;"):
        process.await_ready(lambda: False, DEADLINE)


@pytest.mark.requirement("testenv:no-process-left")
class TestOrphans:
    def test_a_server_ends_with_the_supervisor(self, tmp_path: Path) -> None:
        with running(STUBBORN, tmp_path) as process:
            handle = os.pidfd_open(process.pid)
            os.kill(supervisor_of(process), signal.SIGKILL)
            assert ends(handle)

    @pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
    def test_a_server_ends_with_the_test_run(self, tmp_path: Path, end: signal.Signals) -> None:
        script = (
            "import sys; from pathlib import Path; from testenv.processes import Process\n"
            "server = Process('server', [sys.executable, '-S', '-c', *sys.argv[1:]], Path(sys.argv[2] + '.log'))\n"
            "print(server.pid, flush=True); sys.stdin.read()"
        )
        command = [sys.executable, "-c", script, STUBBORN, str(tmp_path / "started")]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
            assert parent.stdout is not None
            handle = os.pidfd_open(int(parent.stdout.readline()))
            parent.send_signal(end)
        assert ends(handle)

    def test_a_server_lives_on_when_the_thread_that_started_it_ends(self, tmp_path: Path) -> None:
        started = tmp_path / "started"
        found: list[Process] = []
        command: list[str | Path] = [sys.executable, "-S", "-c", PATIENT, started]
        thread = threading.Thread(target=lambda: found.append(Process("server", command, tmp_path / "log")))
        thread.start()
        thread.join(DEADLINE)
        (process,) = found
        process.await_ready(started.exists, DEADLINE)
        assert process.running
        process.kill()


def supervisor_of(process: Process) -> int:
    status = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8")
    return int(status.rpartition(")")[2].split()[1])
