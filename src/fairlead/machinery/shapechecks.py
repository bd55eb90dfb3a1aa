"""Whether a value has the shape that its schema gives it, in the words of the API server.

Apply refuses an unknown field even where validation would only prune it: nobody can own what will not be there.
Source: `sigs.k8s.io/structured-merge-diff` v6, package typed, validate.go. Its sentences show Go's own notation.
"""

import json
from collections.abc import Iterator
from typing import Any

from fairlead.machinery import fieldsets
from fairlead.machinery.shapes import ListShape, MapShape, Shape
from fairlead.machinery.typedvalues import ShapeError, element_of, kinds

_SCALARS: dict[str, tuple[type, ...]] = {
    "numeric": (int, float),
    "string": (str,),
    "boolean": (bool,),
    "untyped": (int, float, str, bool),
}
_TYPES = {bool: "bool", str: "string", int: "int64", float: "float64", dict: "map[string]interface {}"}


def check(value: Any, shape: Shape, *, duplicates: bool = False) -> None:
    """Raises `ShapeError`, one sentence or a list of them; `duplicates` allows an entry twice in a set or list map."""
    faults = list(_faults(value, shape, "", duplicates))
    if faults:
        raise ShapeError(faults[0] if len(faults) == 1 else "\n  ".join(["errors:", *faults]))


def _faults(value: Any, shape: Shape, path: str, duplicates: bool) -> Iterator[str]:
    kind = kinds(shape, value)[0]
    if value is None:
        return
    if kind == "map" and shape.map:
        if not isinstance(value, dict):
            yield _fault(path, f"expected map, got &{{{_plain(value)}}}")
        else:
            yield from _map_faults(value, shape.map, path, duplicates)
    elif kind == "list" and shape.list:
        if not isinstance(value, list):
            yield _fault(path, f"expected list, got &{{{_plain(value)}}}")
        else:
            yield from _list_faults(value, shape.list, path, duplicates)
    elif not isinstance(value, _SCALARS[shape.scalar]) or (shape.scalar == "numeric" and isinstance(value, bool)):
        yield _fault(path, _expected(shape.scalar, value))


def _map_faults(value: dict[str, Any], shape: MapShape, path: str, duplicates: bool) -> Iterator[str]:
    for name, each in value.items():
        member = shape.member(name)
        if member is None:
            yield _fault(f"{path}.{name}", "field not declared in schema")
            return
        yield from _faults(each, member, f"{path}.{name}", duplicates)


def _list_faults(value: list[Any], shape: ListShape, path: str, duplicates: bool) -> Iterator[str]:
    seen = set()
    for index, each in enumerate(value):
        element = f"i:{index}"
        if not shape.atomic:
            try:
                element = element_of(each, shape)
            except ShapeError as fault:
                yield _fault(path, f"element {index}: {fault.what}")
                return
            if element in seen and not duplicates:
                yield _fault(path, f"duplicate entries for key {fieldsets.show((element,))}")
            seen.add(element)
        yield from _faults(each, shape.items, path + fieldsets.show((element,)), duplicates)


def _fault(path: str, text: str) -> str:
    return f"{path}: {text}" if path else text


def _expected(scalar: str, value: Any) -> str:
    if scalar == "numeric":
        return f"expected numeric (int or float), got {_TYPES.get(type(value), '[]interface {}')}"
    if scalar == "string":
        return f"expected string, got &value.valueUnstructured{{Value:{_syntax(value)}}}"
    return f"expected {'any scalar' if scalar == 'untyped' else scalar}, got &{{{_plain(value)}}}"


def _plain(value: Any) -> str:
    """Go's `%v`."""
    if isinstance(value, dict):
        return "map[" + " ".join(f"{name}:{_plain(value[name])}" for name in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(map(_plain, value)) + "]"
    if value is None:
        return "<nil>"
    return value if isinstance(value, str) else json.dumps(value)


def _syntax(value: Any) -> str:
    """Go's `%#v`."""
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(name)}:{_syntax(value[name])}" for name in sorted(value))
        return f"map[string]interface {{}}{{{inner}}}"
    if isinstance(value, list):
        return "[]interface {}{" + ", ".join(map(_syntax, value)) + "}"
    return "interface {}(nil)" if value is None else json.dumps(value, ensure_ascii=False)
