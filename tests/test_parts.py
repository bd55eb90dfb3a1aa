"""Which tests a command runs: a test that none of them ran would never fail."""

import pytest
from _pytest.mark.expression import Expression

from tests.__main__ import CHOICES, PARTS

pytestmark = pytest.mark.requirement("mcp-operators:test-all")


def parts(choice: str, *marks: str) -> list[str]:
    """Of a choice, those that run a test with these marks."""

    def carries(name: str, /, **_: str | int | bool | None) -> bool:
        return name in marks

    expressions = {part: PARTS[part][PARTS[part].index("-m") + 1] for part in CHOICES[choice] if part in PARTS}
    return [part for part, each in expressions.items() if Expression.compile(each).evaluate(carries)]


@pytest.mark.parametrize("marks", [(), ("real",), ("whole",), ("real", "whole")])
def test_everything_runs_once(marks: tuple[str, ...]) -> None:
    assert len(parts("all", *marks)) == 1
    assert parts("all", "real", "torture", *marks) == ["torture"]


def test_only_slow_tests_are_left_to_the_whole_run() -> None:
    assert parts("test") == ["fast"]
    assert parts("test", "real") == ["real"]
    assert parts("test", "real", "whole") == []
    assert parts("test", "whole") == ["fast"]  # the same test on the embedded servers
