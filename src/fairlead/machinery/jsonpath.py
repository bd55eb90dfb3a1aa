"""The JSONPath of printer columns: `.spec.size`, `.status.conditions[?(@.type=='Ready')].status`, `['a.b/c']`, `[-1:]`.

A subset of `k8s.io/client-go/util/jsonpath`, which is a dialect of its own: a step that finds nothing ends the search
without an error, and a filter compares as text what is not a number. Recursive descent (`..`) and unions of keys are
left out, because a CRD's columns are documented to have one result; a path with them is refused, not misread.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fairlead.machinery.errors import FairleadError

Step = Callable[[Any], Iterator[Any]]


class PathError(FairleadError):
    """The text is no path, or uses what is left out."""


@dataclass(frozen=True)
class JSONPath:
    steps: tuple[Step, ...]

    def find(self, value: Any) -> list[Any]:
        """Every result in order; a null in the document is a result."""
        found = [value]
        for step in self.steps:
            found = [result for each in found for result in step(each)]
        return found


_NAME = re.compile(r"\.((?:\\.|[^.\[\]\\\s*'\"?()])+)")
_QUOTED = re.compile(r"""\[\s*'((?:\\.|[^'\\])*)'\s*\]|\[\s*"((?:\\.|[^"\\])*)"\s*\]""")
_WILDCARD = re.compile(r"\.\*|\[\s*\*\s*\]")
_INDEX = re.compile(r"\[\s*(-?\d+)\s*\]")
_SLICE = re.compile(r"\[\s*(-?\d+)?\s*:\s*(-?\d+)?\s*(?::\s*(\d+)\s*)?\]")
_FILTER = re.compile(r"""\[\?\(\s*@((?:'[^']*'|"[^"]*"|[^'"\s=<>!)])*)\s*(?:(==|!=|<=|>=|<|>)\s*([^)]*?))?\s*\)\]""")


@lru_cache(maxsize=1024)
def compile_path(text: str) -> JSONPath:
    """Raises `PathError`; braces around the whole (`{.spec}`) are allowed, `$` for the root too."""
    inner = text.strip()
    if inner.startswith("{") and inner.endswith("}"):
        inner = inner[1:-1]
    inner = inner.removeprefix("$")
    steps: list[Step] = []
    at = 0
    while at < len(inner):
        step, at = _step(inner, at, text)
        steps.append(step)
    return JSONPath(tuple(steps))


def _step(inner: str, at: int, text: str) -> tuple[Step, int]:
    for pattern, make in _STEPS:
        if found := pattern.match(inner, at):
            return make(found), found.end()
    if inner[at:] == ".":
        return _itself, len(inner)
    raise PathError(f"{text!r} is not a JSONPath that Fairlead reads", f"it stops at {inner[at:]!r}")


def _itself(value: Any) -> Iterator[Any]:
    yield value


def _name(found: re.Match[str]) -> Step:
    key = re.sub(r"\\(.)", r"\1", next(each for each in found.groups() if each is not None))

    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, dict) and key in value:
            yield value[key]

    return step


def _wildcard(_: re.Match[str]) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, dict):
            yield from (value[key] for key in sorted(value))
        elif isinstance(value, list):
            yield from value

    return step


def _index(found: re.Match[str]) -> Step:
    position = int(found[1])

    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list) and -len(value) <= position < len(value):
            yield value[position]

    return step


def _slice(found: re.Match[str]) -> Step:
    start, end, stride = (int(each) if each else None for each in found.groups())

    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list):
            yield from value[start : end : stride or 1]

    return step


def _filter(found: re.Match[str]) -> Step:
    left = compile_path(found[1] or ".")
    test = _comparison(found[2], found[3]) if found[2] else None

    def holds(value: Any) -> bool:
        results = left.find(value)
        return bool(results) and (test is None or test(results[0]))

    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list):
            yield from (each for each in value if holds(each))

    return step


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda one, other: one == other,
    "!=": lambda one, other: one != other,
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
}


def _comparison(operator: str, literal: str) -> Callable[[Any], bool]:
    expected = _literal(literal.strip())
    compare = _COMPARE[operator]

    def test(value: Any) -> bool:
        alike = type(value) is type(expected) or (_is_number(value) and _is_number(expected))
        return compare(value, expected) if alike else operator == "!="

    return test


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _literal(text: str) -> Any:
    if len(text) > 1 and text[0] in "'\"" and text[-1] == text[0]:
        return text[1:-1]
    if text in ("true", "false"):
        return text == "true"
    try:
        return float(text) if re.search(r"[.eE]", text) else int(text)
    except ValueError:
        raise PathError(f"{text!r} is not a value that a filter can compare with") from None


_STEPS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Step]], ...] = (
    (_WILDCARD, _wildcard),
    (_NAME, _name),
    (_QUOTED, _name),
    (_INDEX, _index),
    (_SLICE, _slice),
    (_FILTER, _filter),
)
