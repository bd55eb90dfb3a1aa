"""Reads the requirement files and, without importing them, the tests."""

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
TESTS = HERE.parent


@dataclass(frozen=True)
class Requirement:
    id: str
    sentence: str
    source: str
    file: str


@dataclass(frozen=True)
class Proof:
    """A test function and the requirement ids of its own, its class's and its module's marks."""

    place: str
    ids: frozenset[str]


def requirements(folder: Path = HERE) -> list[Requirement]:
    """Raises `ValueError` for a file that lacks a key or has one too many."""
    found = []
    for path in sorted(folder.glob("*.toml")):
        for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("requirement", []):
            if set(entry) != {"id", "sentence", "source"} or not all(entry.values()):
                raise ValueError(f"{path.name}: each requirement has id, sentence and source: {entry}")
            found.append(Requirement(file=path.name, **entry))
    return found


def proofs(folder: Path = TESTS) -> list[Proof]:
    found = []
    for path in sorted(folder.rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = _Names(dict(_constants(tree)), dict(_marks(tree)))
        found += list(_proofs(tree, str(path.relative_to(folder)), _module_marks(tree), names))
    return found


@dataclass(frozen=True)
class _Names:
    """What a module gives names to, so that an id or a mark may be written once."""

    constants: dict[str, str]
    marks: dict[str, ast.expr]


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Module-level `NAME = "…"`."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield from ((target.id, node.value.value) for target in node.targets if isinstance(target, ast.Name))


def _marks(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Module-level `name = pytest.mark.requirement(…)`."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            yield from ((target.id, node.value) for target in node.targets if isinstance(target, ast.Name))


def _module_marks(tree: ast.Module | ast.ClassDef) -> list[ast.expr]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "pytestmark" for t in node.targets):
            return list(node.value.elts) if isinstance(node.value, ast.List | ast.Tuple) else [node.value]
    return []


def _proofs(node: ast.Module | ast.ClassDef, place: str, inherited: list[ast.expr], names: _Names) -> Iterator[Proof]:
    for child in node.body:
        if isinstance(child, ast.ClassDef):
            marks = [*inherited, *child.decorator_list, *_module_marks(child)]
            yield from _proofs(child, f"{place}::{child.name}", marks, names)
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) and child.name.startswith("test"):
            marks = [*inherited, *child.decorator_list]
            ids = frozenset(each for mark in marks for each in _ids(mark, names))
            yield Proof(f"{place}::{child.name}", ids)


def _ids(mark: ast.expr, names: _Names) -> Iterator[str]:
    if isinstance(mark, ast.Name):
        mark = names.marks.get(mark.id, mark)
    if not (isinstance(mark, ast.Call) and ast.unparse(mark.func).endswith("mark.requirement")):
        return
    for argument in mark.args:
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            yield argument.value
        elif isinstance(argument, ast.Name) and argument.id in names.constants:
            yield names.constants[argument.id]


def faults(promised: list[Requirement], proved: list[Proof]) -> list[str]:
    """One sentence for each promise or test that stands alone."""
    ids = [each.id for each in promised]
    named = {each for test in proved for each in test.ids}
    return [
        *(f"{each}: listed twice" for each in sorted({each for each in ids if ids.count(each) > 1})),
        *(f"{each.id} ({each.file}): no test names it" for each in promised if each.id not in named),
        *(f"{test.place}: names no requirement" for test in proved if not test.ids),
        *(f"{test.place}: {each} is not listed" for test in proved for each in sorted(test.ids - set(ids))),
    ]
