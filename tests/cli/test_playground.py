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
def playground(directory: Path, *more: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "fairlead", "playground", "--dir", str(directory), *more]
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


@pytest.mark.requirement("playground-scenarios:told")
def test_a_world_is_there_when_it_says_so_and_it_says_what_to_try(tmp_path: Path) -> None:
    with playground(tmp_path, "--scenario", "healthy-platform") as process:
        assert process.stdout is not None
        said = [process.stdout.readline().rstrip()]
        while not said[-1].startswith("  $ fairlead mcp"):
            said.append(process.stdout.readline().rstrip())
        assert said[0].startswith("playground ready: ")
        assert said[1] == "A healthy platform:"
        assert f"  $ export KUBECONFIG={tmp_path}/control-plane.kubeconfig" in said
        commands = [each.removeprefix("  $ fairlead ") for each in said if each.startswith("  $ fairlead ")]
        for each in commands[:-1]:
            tried = run(*each.split(), "--kubeconfig", str(tmp_path / "control-plane.kubeconfig"))
            assert tried.returncode == 0, (each, tried.stdout, tried.stderr)
        process.send_signal(signal.SIGINT)
        rest, progress = process.communicate(timeout=20)
    assert rest == ""
    assert "healthy-platform: 20-offer.yaml" in progress


@pytest.mark.requirement("playground-scenarios:told")
def test_worlds_are_listed_and_no_other_is_taken(tmp_path: Path) -> None:
    listed = run("playground", "--list-scenarios")
    assert listed.returncode == 0
    told = [each.partition(": ")[0] for each in listed.stdout.splitlines() if each[:1].strip()]
    names = ["healthy-platform", "wrong-composition", "broken-provider", "stuck-deletion", "large-platform"]
    assert told == names
    assert listed.stdout.count("  $ fairlead ") >= len(names)
    with playground(tmp_path, "--scenario", "list") as process:
        said, complaints = process.communicate(timeout=20)
    assert (process.returncode, said) == (1, "")
    assert complaints == f"fairlead: there is no scenario 'list'; choose one of {', '.join(names)}\n"


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "fairlead", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
