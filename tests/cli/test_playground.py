"""`fairlead playground` as a person starts and ends it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.requirement("embedded:playground")


@contextmanager
def playground(directory: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "fairlead", "playground", "--dir", str(directory)]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield started
    finally:
        if started.poll() is None:
            started.kill()
        started.communicate()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_one_line_when_ready_and_a_clean_end(tmp_path: Path, ending: signal.Signals) -> None:
    with playground(tmp_path) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        app, control_plane = tmp_path / "app.kubeconfig", tmp_path / "control-plane.kubeconfig"
        assert line == (
            f"playground ready: app cluster {app}, control plane {control_plane} (Crossplane is simulated)\n"
        )
        assert app.exists()
        assert control_plane.exists()
        process.send_signal(ending)
        rest, complaints = process.communicate(timeout=20)
        assert (process.returncode, rest, complaints) == (0, "", "")


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with playground(tmp_path / "file") as process:
        said, complaints = process.communicate(timeout=20)
    assert (process.returncode, said) == (1, "")
    assert complaints.startswith(f"fairlead: cannot write {tmp_path}{os.sep}file{os.sep}app.kubeconfig: ")
    assert complaints.count("\n") == 1
