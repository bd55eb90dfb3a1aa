"""Lists declared as sets or as maps: what occurs twice.

Of each value that repeats, the server names the second occurrence only, however many follow.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from fairlead.machinery import fielderrors
from fairlead.machinery.fielderrors import Cause
from fairlead.machinery.structural import Node


def duplicates(value: Any, node: Node | None, path: str = "") -> list[Cause]:
    if node is None:
        return []
    if isinstance(value, list):
        found = _in_list(value, node, path)
        inner = [duplicates(each, node.items, f"{path}[{index}]") for index, each in enumerate(value)]
        return found + [cause for each in inner for cause in each]
    if isinstance(value, dict):
        return [cause for name, each in value.items() for cause in _in_member(name, each, node, path)]
    return []


def _in_member(name: str, value: Any, node: Node, path: str) -> list[Cause]:
    if name in node.properties:
        return duplicates(value, node.properties[name], f"{path}.{name}" if path else name)
    return duplicates(value, node.additional, f"{path}[{name}]")


def _in_list(value: list[Any], node: Node, path: str) -> list[Cause]:
    if node.list_type == "set":
        return [fielderrors.duplicate(f"{path}[{index}]", value[index]) for index in _second_occurrences(value)]
    if node.list_type != "map":
        return []
    for index, each in enumerate(value):
        if each is not None and not isinstance(each, dict):
            return [fielderrors.invalid(f"{path}[{index}]", each, "must be an object for an array of list-type map")]
    keys = [{name: each[name] for name in node.list_map_keys if name in each} if each else {} for each in value]
    return [fielderrors.duplicate(f"{path}[{index}]", keys[index]) for index in _second_occurrences(keys)]


def _second_occurrences(values: Sequence[Any]) -> list[int]:
    seen: Counter[str] = Counter()
    found = []
    for index, each in enumerate(values):
        text = f"{type(each).__name__} {fielderrors.compact(each)}"
        seen[text] += 1
        if seen[text] == 2:
            found.append(index)
    return found
