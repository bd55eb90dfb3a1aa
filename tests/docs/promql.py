"""As much of PromQL as it takes to know what an expression asks for: its metrics, and the labels of each.

No parser of PromQL comes as a Python package, and the expressions here are few and plain; what this cannot read it
refuses, so that nothing slips by.
"""

import re
from dataclasses import dataclass

FUNCTIONS = frozenset({"absent", "count", "histogram_quantile", "max", "min", "rate", "sum", "time"})
GROUPING = frozenset({"by"})
_TOKEN = re.compile(
    r"""\s+
    | (?P<metric>[a-zA-Z_:][\w:]*)\s*(?P<call>\()?
    | (?P<matchers>\{(?:[^{}"]|"[^"]*")*\})
    | (?P<range>\[[^\]]*\])
    | (?P<number>\d+(?:\.\d+)?)
    | (?P<operator>[-+*/(),]|[<>=!]=|[<>])""",
    re.VERBOSE,
)
_MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')


@dataclass(frozen=True)
class Selector:
    """`labels` are those that are matched or grouped by."""

    metric: str
    labels: frozenset[str]


def selectors(expression: str) -> list[Selector]:
    """Raises `ValueError` for what is not understood."""
    _balanced(expression)
    grouped, rest = _without_grouping(expression)
    found, at = list[tuple[str, set[str]]](), 0
    while at < len(rest):
        token = _TOKEN.match(rest, at)
        if token is None:
            raise ValueError(f"not understood: {rest[at:]}")
        at = token.end()
        if token["metric"] and token["call"]:
            if token["metric"] not in FUNCTIONS:
                raise ValueError(f"unknown function {token['metric']}")
        elif token["metric"]:
            found.append((token["metric"], set()))
        elif token["matchers"]:
            found[-1][1].update(name for name, _ in _MATCHER.findall(token["matchers"]))
    return [Selector(metric, frozenset(labels | grouped)) for metric, labels in found]


def _without_grouping(expression: str) -> tuple[set[str], str]:
    """The labels of every `by (…)`: in these expressions they hold for each metric."""
    grouped = {name.strip() for listed in re.findall(r"\bby\s*\(([^)]*)\)", expression) for name in listed.split(",")}
    return grouped, re.sub(r"\bby\s*\([^)]*\)", "", expression)


def _balanced(expression: str) -> None:
    pairs, opened = {")": "(", "}": "{", "]": "["}, list[str]()
    for each in re.sub(r'"[^"]*"', "", expression):
        if each in pairs.values():
            opened.append(each)
        elif each in pairs and (not opened or opened.pop() != pairs[each]):
            raise ValueError(f"unbalanced: {expression}")
    if opened:
        raise ValueError(f"unbalanced: {expression}")
