"""Which tests a command runs: a test that none of them ran would never fail."""

from pathlib import Path

import pytest
from _pytest.mark.expression import Expression

from tests import __main__ as parts_of_tests
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


@pytest.mark.parametrize(
    ("fails", "lenient", "code"),
    [("the first time", True, 0), ("the first time", False, 1), ("always", True, 1)],
)
def test_what_fails_is_tried_once_more_unless_unsteady_tests_are_looked_for(
    fails: str,
    lenient: bool,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    once = tmp_path / "once"
    (tmp_path / "test_unsteady.py").write_text(
        "import pathlib\n"
        "def test_it():\n"
        f"    once = pathlib.Path({str(once)!r})\n"
        f"    tried = once.exists() and {fails != 'always'}\n"
        "    once.touch()\n"
        "    assert tried\n"
    )
    monkeypatch.setitem(PARTS, "fast", [str(tmp_path), "--rootdir", str(tmp_path)])
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setattr(parts_of_tests, "DURATIONS", tmp_path / "durations.json")
    assert parts_of_tests.run("fast", "these", lenient=lenient) == code
    assert ("unsteady, it failed beside others and passed alone" in capfd.readouterr().out) == (lenient and code == 0)
