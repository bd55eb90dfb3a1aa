"""The commands that the documentation shows are typed, and must print what is shown."""

import re
import sys
from contextlib import closing
from pathlib import Path

import pytest

from testenv import building
from testenv.ports import Ports
from tests.docs import shell
from tests.docs.shell import Block, Shell

RUN = {page for page in shell.pages() if any(each.mark.startswith("run") for each in shell.blocks(page))}
BEGINNINGS = sorted({shell.continued(page) or page for page in RUN})
CONSOLE = [each for page in shell.pages() for each in shell.blocks(page) if each.language in ("console", "bash")]


@pytest.mark.real
@pytest.mark.requirement("docs:commands-are-run")
@pytest.mark.parametrize("page", BEGINNINGS)
def test_a_page_can_be_typed_from_top_to_bottom(page: str, tmp_path: Path, kubectl: Path) -> None:
    programs = [kubectl.parent, Path(sys.executable).parent]
    if helm := building.binary("helm"):
        programs.append(helm.parent)
    with closing(Ports("connector")) as ports, Shell(tmp_path, programs, ports["connector"]) as typed:
        for block in shell.story(page):
            typed.tell(block)


@pytest.mark.requirement("docs:commands-are-run")
@pytest.mark.parametrize("block", CONSOLE, ids=str)
def test_a_block_of_commands_is_run_or_says_why_not(block: Block) -> None:
    assert block.steps, "each command begins with `$ `"
    assert re.fullmatch(r"run|run, and it is refused|run in the background until: .+|not run: .+", block.mark)


@pytest.mark.requirement("docs:guarantees")
def test_every_row_of_a_table_that_is_run_is_a_command() -> None:
    tables = [each for page in shell.pages() for each in shell.blocks(page) if each.language == "table"]
    assert tables
    for each in tables:
        assert len(each.steps) == each.body.count("\n") - 2, f"{each}: all but the head"


@pytest.mark.requirement("docs:guarantees")
def test_files_of_the_repository_that_pages_name_exist() -> None:
    for page in shell.pages():
        text = (shell.DOCS / page).read_text(encoding="utf-8")
        for path in re.findall(r"`((?:tests|charts|src|docs|bench|testenv)/[\w./-]+)`", text):
            assert (shell.DOCS.parent / path).exists(), f"{page} names {path}"


@pytest.mark.requirement("docs:commands-are-run")
def test_most_pages_that_show_commands_are_run() -> None:
    assert {"first-steps.md", "guarantees.md", "troubleshooting.md"} <= RUN
    assert all(not shell.continued(page) for page in BEGINNINGS)


@pytest.mark.requirement("docs:commands-are-run")
def test_other_output_is_not_taken_for_what_is_shown() -> None:
    assert shell.matches("a  claim-0123456789abcdef 5s\n…", "a claim-fedcba9876543210   71s\nmore\n")
    assert not shell.matches("a\n…\nz\n", "a\nb\n")
    assert not shell.matches("claim-0123456789abcdef", "claim-orders")


@pytest.mark.requirement("docs:commands-are-run")
def test_a_command_that_does_something_else_is_found(tmp_path: Path) -> None:
    def block(mark: str, body: str) -> Block:
        return Block("page.md", 1, mark, "console", body)

    with Shell(tmp_path, [], 1) as typed:
        typed.tell(block("file: a.txt", "port 8443\n"))
        typed.tell(block("run", "$ cat a.txt\nport 1\n$ export A=b\n$ echo $A >&2\nb\n"))
        typed.tell(block("run, and it is refused", "$ false\n"))
        with pytest.raises(shell.StoryError, match=r"page\.md:1"):
            typed.tell(Block("page.md", 1, "run the table", "table", "| p | `echo a` | `b` |\n"))
        for mark, body in (("run", "$ echo a\nb\n"), ("run", "$ false\n"), ("run, and it is refused", "$ true\n")):
            with pytest.raises(shell.StoryError, match=r"page\.md:1"):
                typed.tell(block(mark, body))
        with pytest.raises(shell.StoryError, match="ended"):
            typed.tell(block("run in the background until: ready", "$ echo no\nready\n"))
