"""The description of the image, read: no image is built where the tests run."""

import re
from pathlib import Path

import pytest

from fairlead.connector.chart import workload

pytestmark = pytest.mark.requirement("connector:image-described")
REPOSITORY = Path(__file__).parents[2]
INSTRUCTIONS = {"ARG", "FROM", "ENV", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "ENTRYPOINT"}


def instructions() -> list[tuple[str, str]]:
    lines = (REPOSITORY / "Containerfile").read_text(encoding="utf-8").splitlines()
    text = "\n".join(each for each in lines if not each.startswith("#")).replace("\\\n", " ")
    return [(word, rest) for word, _, rest in (each.partition(" ") for each in text.splitlines() if each)]


def stages() -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = []
    for word, rest in instructions():
        if word == "FROM":
            found.append([])
        if found:
            found[-1].append((word, rest))
    return found


def test_only_known_instructions_stand_in_it() -> None:
    assert {word for word, _ in instructions()} <= INSTRUCTIONS


def test_what_builds_stays_behind() -> None:
    build, runtime = stages()
    assert build[0][1].endswith(" AS build")
    assert [word for word, _ in runtime if word == "RUN"] == [], "nothing is run as root in what is shipped"
    assert [rest for word, rest in runtime if word == "COPY"] == ["--from=build /opt/fairlead /opt/fairlead"]


def test_it_runs_as_the_user_of_the_chart_and_as_its_command() -> None:
    runtime = dict(stages()[-1])
    assert runtime["USER"] == f"{workload.USER}:{workload.USER}"
    assert runtime["ENTRYPOINT"] == '["fairlead"]'
    assert runtime["EXPOSE"] == str(workload.PORT)
    assert "PATH=/opt/fairlead/bin:" in runtime["ENV"], "the chart's command is found by its name"


def test_whatever_is_installed_is_locked_by_hash() -> None:
    (fetching,) = [rest for word, rest in instructions() if "requirements.lock" in rest and word == "RUN"]
    assert "--require-hashes" in fetching
    for word, rest in instructions():
        for command in re.findall(r"pip\S* (?:\S+ )*?(?:install|wheel) [^&]*", rest) if word == "RUN" else ():
            assert "--require-hashes" in command or "--no-index" in command


def test_what_is_copied_exists_and_is_not_ignored() -> None:
    ignored = (REPOSITORY / ".containerignore").read_text(encoding="utf-8").splitlines()
    copied = [rest.split()[:-1] for word, rest in stages()[0] if word == "COPY"]
    for name in [name for names in copied for name in names]:
        assert (REPOSITORY / name).exists()
        assert f"!{name}" in ignored
    assert (REPOSITORY / ".dockerignore").resolve() == REPOSITORY / ".containerignore"
