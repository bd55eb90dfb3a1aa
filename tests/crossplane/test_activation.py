"""Activation patterns against the verdicts of the Go library by which Crossplane matches them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from fairlead.crossplane.managed import activation
from tests.crossplane.pattern_cases import NAMES, RECORDED, patterns

pytestmark = pytest.mark.requirement("crossplane-managed:patterns")
VERDICTS = json.loads(RECORDED.read_text())
PLAIN = some.text("abc.-", min_size=1)


def test_each_pattern_takes_what_crossplane_takes() -> None:
    assert set(VERDICTS) == set(patterns())
    wrong = [
        (pattern, name)
        for pattern, letters in VERDICTS.items()
        for name, letter in zip(NAMES, letters, strict=True)
        if activation.matches(pattern, name) is not (letter == "y")
    ]
    assert not wrong


@given(PLAIN)
def test_a_name_matches_itself_and_everything_matches_a_star(name: str) -> None:
    assert activation.matches(name, name)
    assert activation.matches("*", name)
    assert activation.covered([name], [name, f"{name}x"]) == [name]


@pytest.mark.parametrize("pattern", ["[", "[]", "[a", "a\\", "[a-]", "[]a]", "[-a]"])
def test_a_malformed_one_takes_nothing_and_is_told_apart(pattern: str) -> None:
    assert not activation.is_wellformed(pattern)
    assert not activation.covered([pattern], NAMES)
