"""Whether a value has the types of a built-in kind, in the words of Go's JSON reader.

The real server decodes built-in kinds into structs, so a wrong type is a 400 at decoding and never reaches
validation. Structural validation, made for CRDs, would answer 422 in other words.
"""

from collections.abc import Iterator
from typing import Any

from fairlead.machinery.structural import Node

_PLAIN = {"string": (str,), "boolean": (bool,), "integer": (int,), "number": (int, float)}
_GO = {"string": "string", "boolean": "bool", "number": "float64"}
_NAMES = {list: "array", str: "string", bool: "bool", int: "number", float: "number", dict: "object"}


def faults(struct: str, value: Any, node: Node | None, path: str = "") -> Iterator[str]:
    """Each wrong type below `value`; `struct` is Go's name for it. Null fits everywhere."""
    if node is None or value is None:
        return
    kind = node.types[0] if node.types else ""
    if kind == "object":
        yield from _object_faults(struct, value, node, path)
    elif kind == "array":
        if not isinstance(value, list):
            yield _fault(struct, value, node, path)
            return
        for each in value:
            yield from faults(struct, each, node.items, path)
    elif kind in _PLAIN and not node.int_or_string and not _fits(value, kind):
        yield _fault(struct, value, node, path)


def _fits(value: Any, kind: str) -> bool:
    return isinstance(value, _PLAIN[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _object_faults(struct: str, value: Any, node: Node, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield _fault(struct, value, node, path)
        return
    for key, each in value.items():
        known = node.properties.get(key)
        if known is not None:
            yield from faults(struct, each, known, f"{path}.{key}" if path else key)
        elif node.additional is not None:
            yield from faults(struct, each, node.additional, path)


def _fault(struct: str, value: Any, node: Node, path: str) -> str:
    name = _NAMES.get(type(value), "null")
    return f"json: cannot unmarshal {name} into Go struct field {struct}.{path} of type {_go_type(node)}"


def _go_type(node: Node) -> str:
    kind = node.types[0] if node.types else ""
    if kind == "integer":
        return str(node.source.get("format") or "int64")
    if kind == "array":
        return f"[]{_go_type(node.items)}" if node.items else "[]interface {}"
    if kind == "object" and node.additional is not None:
        return f"map[string]{_go_type(node.additional)}"
    return _GO.get(kind, "struct")
