"""The README is run, word for word: its commands must work and its shown output must be what they print.

Numbers, times and folders differ from machine to machine, so each run of digits stands for any, and the demo's folder
for any of its kind; a line `…` stands for lines left out.
"""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```console\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
DEADLINE = 120.0


def steps(block: str) -> list[tuple[str, str]]:
    """Each `$ command` with the output shown below it."""
    found = re.split(r"^\$ (.+)\n", block, flags=re.MULTILINE)
    return list(zip(found[1::2], found[2::2], strict=True))


def normal(text: str) -> str:
    text = re.sub(r"\S*/bin/fairlead", "fairlead", text)
    text = re.sub(r"\S*fairlead-demo-\w+", "DEMO", text)
    text = re.sub(r"\S*/fairlead-playground", "PLAYGROUND", text)
    text = re.sub(r"\d+(\.\d+)?", "0", text)
    return re.sub(r" +", " ", text).rstrip()


def pattern(shown: str) -> "re.Pattern[str]":
    lines = normal(shown).split("\n")
    parts = [r"(?:\n.*)*" if line.strip() == "…" else rf"\n{re.escape(line)}" for line in lines]
    return re.compile("".join(parts))


def matches(shown: str, printed: str) -> bool:
    return pattern(shown).fullmatch("\n" + normal(printed)) is not None


RUN = [(command, shown) for block in BLOCKS for command, shown in steps(block) if shown.strip()]
NAMED = [command for block in BLOCKS for command, _ in steps(block)]


@pytest.mark.requirement("project:readme-is-run")
@pytest.mark.parametrize(("command", "shown"), RUN, ids=[command for command, _ in RUN])
def test_a_command_prints_what_is_shown(command: str, shown: str, tmp_path: Path) -> None:
    # A make that runs these tests is not the make that a newcomer types.
    around = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    environment = around | {"DEMO_ONCE": "1", "TMPDIR": str(tmp_path), "COLUMNS": "200"}
    kubectl = tmp_path / "kubectl"  # the demo only looks whether there is one
    kubectl.touch(mode=0o755)
    environment["PATH"] = f"{environment['PATH']}{os.pathsep}{tmp_path}"
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert matches(shown, done.stdout), f"{command} printed:\n{done.stdout}"


@pytest.mark.requirement("project:readme-is-run")
@pytest.mark.parametrize("command", sorted({each for each in NAMED if each.startswith("make ")}))
def test_a_make_target_that_is_named_exists(command: str) -> None:
    done = subprocess.run(["make", "-n", *shlex.split(command)[1:]], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.requirement("project:readme-is-run")
def test_the_readme_shows_something() -> None:
    assert RUN
    assert "make test" in NAMED


@pytest.mark.requirement("project:readme-is-run")
def test_other_output_is_not_taken_for_what_is_shown() -> None:
    shown = "ready in 0.9 s\n…\nthe end\n"
    assert matches(shown, "ready in 12 s\nmore\nlines\nthe end")
    assert matches(shown, "ready in 12 s\nthe end")
    assert not matches(shown, "ready in 12 s\nmore")
    assert not matches("one\n", "two")
    assert not matches("one\n", "one\ntwo")
