"""The requirement check itself: it must be able to fail."""

import ast
from pathlib import Path

import pytest

from tests.requirements import reading
from tests.requirements.reading import Proof, Requirement

PROMISE = Requirement("a:b", "It does.", "issue", "a.toml")


@pytest.mark.requirement("project:requirements-are-data")
@pytest.mark.parametrize(
    ("promised", "proved", "fault"),
    [
        ([PROMISE], [], "a:b (a.toml): no test names it"),
        ([], [Proof("t.py::test", frozenset())], "t.py::test: names no requirement"),
        ([], [Proof("t.py::test", frozenset({"a:c"}))], "t.py::test: a:c is not listed"),
        ([PROMISE, PROMISE], [Proof("t.py::test", frozenset({"a:b"}))], "a:b: listed twice"),
    ],
)
def test_each_fault_is_found(promised: list[Requirement], proved: list[Proof], fault: str) -> None:
    assert reading.faults(promised, proved) == [fault]


@pytest.mark.requirement("project:requirements-are-data")
def test_marks_are_read_from_module_class_and_function(tmp_path: Path) -> None:
    source = """
import pytest
ID = "p:constant"
pytestmark = [pytest.mark.anyio, pytest.mark.requirement("p:module")]
@pytest.mark.requirement("p:class")
class TestIt:
    @pytest.mark.requirement(ID)
    async def test_one(self): ...
named = pytest.mark.requirement("p:named")
@named
def test_two(): ...
def helper(): ...
"""
    ast.parse(source)
    (tmp_path / "test_it.py").write_text(source, encoding="utf-8")
    assert reading.proofs(tmp_path) == [
        Proof("test_it.py::TestIt::test_one", frozenset({"p:module", "p:class", "p:constant"})),
        Proof("test_it.py::test_two", frozenset({"p:module", "p:named"})),
    ]


@pytest.mark.requirement("project:requirements-are-data")
def test_a_requirement_without_source_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('[[requirement]]\nid = "a:b"\nsentence = "It does."\n', encoding="utf-8")
    with pytest.raises(ValueError, match="has id, sentence and source"):
        reading.requirements(tmp_path)
