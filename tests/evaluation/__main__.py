"""`python -m tests.evaluation [pytest's arguments]`: runs the whole evaluation and prints its figures in one table.

The figures travel as properties of the tests that measure them, so that whoever runs those tests by themselves gets the
same verdict without the table.
"""

import sys
from typing import Any

import pytest

HERE = "tests/evaluation"


class Figures:
    def __init__(self) -> None:
        self.found: dict[str, list[tuple[Any, ...]]] = {"figure": [], "task": [], "reply": []}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            for name, value in report.user_properties:
                if name in self.found and isinstance(value, tuple | list):
                    self.found[name].append(tuple(value))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        write = terminalreporter.write_line
        if tasks := self.found["task"]:
            terminalreporter.section("tasks: calls and bytes of the best path")
            for name, wish, calls, size in sorted(tasks):
                write(f"{name:32} {calls:2} {size:7,}  {wish}")
        if replies := self.found["reply"]:
            terminalreporter.section("the longest replies on the crowded plane, in bytes")
            for name, size in sorted(replies, key=lambda reply: -reply[1])[:12]:
                write(f"{name:48} {size:7,}")
            longest = max((size for name, size in replies if "limit=" not in name), default=0)
            self.found["figure"].append(("worst reply with defaults", f"{longest:,} B", "at most 25,000"))
        terminalreporter.section("figures")
        for what, value, bar in self.found["figure"]:
            write(f"{what:44} {value:>18}   {bar}")


def main(arguments: list[str]) -> int:
    return int(pytest.main(["-q", "-n0", HERE, *arguments], plugins=[Figures()]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
