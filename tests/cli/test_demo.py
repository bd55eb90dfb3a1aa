import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

DEADLINE = 60.0
COMMAND = [sys.executable, "-m", "fairlead", "demo"]


def environment(folder: Path, *, kubectl: bool) -> dict[str, str]:
    """A path that holds curl and a kubectl, or curl alone."""
    programs = folder / "programs"
    programs.mkdir()
    for name in ("curl", *(["kubectl"] if kubectl else [])):
        (programs / name).write_text(f'#!/bin/sh\nexec /usr/bin/{name} "$@"\n', encoding="utf-8")
        (programs / name).chmod(0o755)
    temporary = folder / "temporary"
    temporary.mkdir()
    return os.environ | {"PATH": str(programs), "TMPDIR": str(temporary)}


@pytest.mark.requirement("cli:demo")
def test_one_screen_tells_the_whole_way(tmp_path: Path) -> None:
    around = environment(tmp_path, kubectl=True)
    command = [*COMMAND, "--once"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, env=around, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    app, control_plane = re.findall(r"^  (\S+) +(\S+) +True +True +\S+ +\d+s$", done.stdout, re.MULTILINE)
    assert app == ("default", "orders")
    assert control_plane == ("team-shop", "claim-fce2504918f71389")
    assert "Stored in the app cluster of demo.fairlead.dev: 0 objects." in done.stdout
    assert "Simulated: Crossplane" in done.stdout
    assert len(done.stdout.splitlines()) < 24
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.requirement("cli:demo")
def test_its_commands_work_until_it_is_interrupted_and_nothing_stays(tmp_path: Path) -> None:
    around = environment(tmp_path, kubectl=False)
    demo = subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=around)
    try:
        assert demo.stdout is not None
        lines: list[str] = []
        while not (lines and lines[-1].startswith("Ctrl-C")):
            lines.append(demo.stdout.readline())
            assert lines[-1], demo.communicate(timeout=DEADLINE)
        read, delete, playground = [each.strip() for each in lines if each.startswith(("  curl", "  /"))]
        shown = pasted(read, around)
        assert "name: orders" in shown
        gone = pasted(delete, around)
        assert "orders" in gone
        assert Path(shlex.split(playground)[0]).exists()
    finally:
        demo.send_signal(signal.SIGINT)
        output, errors = demo.communicate(timeout=DEADLINE)
    assert (demo.returncode, errors) == (0, ""), output
    assert list((tmp_path / "temporary").iterdir()) == []


def pasted(command: str, around: dict[str, str]) -> str:
    done = subprocess.run(
        ["/bin/sh", "-c", command], capture_output=True, text=True, timeout=DEADLINE, env=around, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
