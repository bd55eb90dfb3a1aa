"""Sets of field paths, and fieldsV1, the form in which an object carries them.

A path is a tuple of elements in their written form: `f:name` (member of a map), `k:{"name":"a"}` (entry of a list
map), `v:"a"` (entry of a set), `i:0`. Written forms are canonical, so paths compare as strings and a field set is a
plain `frozenset`: union, difference and intersection are Python's. A tree of nodes, as the API server keeps, would
save memory on very large objects and cost every one of these operations a function of ours.

Source: `sigs.k8s.io/structured-merge-diff` v6, packages fieldpath and value.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cmp_to_key
from typing import Any

from fairlead.machinery.errors import FairleadError

Element = str
Path = tuple[Element, ...]
FieldSet = frozenset[Path]
FieldsV1 = dict[str, Any]

NONE: FieldSet = frozenset()
_SELF = "."
_HTML = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


class FieldsError(FairleadError):
    """A managedFields entry that cannot be read."""


def field(name: str) -> Element:
    return f"f:{name}"


def value(scalar: Any) -> Element:
    return f"v:{_written(scalar)}"


def key(keys: Mapping[str, Any]) -> Element:
    inner = ",".join(f"{_written(name)}:{_written(keys[name])}" for name in sorted(keys))
    return f"k:{{{inner}}}"


def path(*names: str) -> Path:
    """A path of plain members: `path("metadata", "labels")`."""
    return tuple(field(name) for name in names)


def label(name: str) -> Path:
    return path("metadata", "labels", name)


def annotation(name: str) -> Path:
    return path("metadata", "annotations", name)


def owner(uid: str) -> Path:
    return (*path("metadata", "ownerReferences"), key({"uid": uid}))


def read(fields: Mapping[str, Any]) -> FieldSet:
    """Raises `FieldsError`. Elements of an unknown kind are left out, as the API server does."""
    return frozenset(_read(fields, ()))


def _read(fields: Mapping[str, Any], above: Path) -> Iterator[Path]:
    for name, below in fields.items():
        if name == _SELF:
            continue
        element = canonical(name)
        if element is None:
            continue
        here = (*above, element)
        if not isinstance(below, Mapping):
            raise FieldsError("managedFields cannot be read", f"{name} is not followed by an object")
        found = list(_read(below, here))
        if _SELF in below or not found:
            yield here
        yield from found


def canonical(element: str) -> Element | None:
    """None for a kind of element that we do not know. Raises `FieldsError` for one that is malformed."""
    kind, inner = element[:2], element[2:]
    if len(kind) < 2 or kind[1] != ":":
        raise FieldsError("managedFields cannot be read", f"{element!r} is not a path element")
    if kind == "f:":
        return element
    try:
        if kind == "v:":
            return value(json.loads(inner))
        if kind == "k:":
            return key(dict(json.loads(inner).items()))
        return f"i:{int(inner)}" if kind == "i:" else None
    except (ValueError, AttributeError, TypeError) as fault:
        raise FieldsError("managedFields cannot be read", f"{element!r} is not a path element") from fault


def write(fields: FieldSet) -> FieldsV1:
    """fieldsV1 in the order of the API server."""
    root: FieldsV1 = {}
    for each in sorted(fields, key=order):
        node = root
        for element in each:
            node = node.setdefault(element, {})
        node[_SELF] = {}
    return _tidy(root)


def _tidy(node: FieldsV1) -> FieldsV1:
    """A member without children is `{}`; one with children begins with its `.`."""
    if set(node) == {_SELF}:
        return {}
    return {name: _tidy(below) if name != _SELF else {} for name, below in node.items()}


def without(fields: FieldSet, roots: Iterable[Path]) -> FieldSet:
    """Leaves out each root and everything below it."""
    gone = set(roots)
    return frozenset(each for each in fields if not any(each[:length] in gone for length in range(1, len(each) + 1)))


def show(where: Path) -> str:
    """As conflicts and errors name a field: `.spec.ports[port=80,protocol="TCP"].name`."""
    return "".join(map(_show, where))


def _show(element: Element) -> str:
    kind, inner = element[:2], element[2:]
    if kind == "f:":
        return f".{inner}"
    if kind == "v:":
        return f"[={_shown(json.loads(inner))}]"
    if kind == "k:":
        return "[" + ",".join(f"{name}={_shown(each)}" for name, each in json.loads(inner).items()) + "]"
    return f"[{inner}]"


def _shown(scalar: Any) -> str:
    return json.dumps(scalar, ensure_ascii=False)


def _written(scalar: Any) -> str:
    """JSON as Go writes it: a float without fraction as an integer, HTML's characters escaped."""
    if isinstance(scalar, float) and scalar.is_integer() and abs(scalar) < 1e21:
        scalar = int(scalar)
    return json.dumps(scalar, ensure_ascii=False, separators=(",", ":")).translate(_HTML)


def _compare(one: Path, other: Path) -> int:
    for left, right in zip(one, other, strict=False):
        if left != right:
            return -1 if _rank(left) < _rank(right) else 1
    return len(one) - len(other)


_KINDS = {"f:": 0, "k:": 1, "v:": 2, "i:": 3}


def _rank(element: Element) -> tuple[Any, ...]:
    kind, inner = element[:2], element[2:]
    if kind == "f:":
        return (0, inner)
    if kind == "k:":
        return (1, [(name, *_scalar_rank(each)) for name, each in json.loads(inner).items()])
    return (_KINDS[kind], *_scalar_rank(json.loads(inner)))


def _scalar_rank(scalar: Any) -> tuple[int, Any]:
    """Numbers before strings before booleans before the rest."""
    if isinstance(scalar, bool):
        return (2, scalar)
    if isinstance(scalar, int | float):
        return (0, scalar)
    return (1, scalar) if isinstance(scalar, str) else (3, _written(scalar))


order = cmp_to_key(_compare)
"""Sort key for paths: the API server's order, a parent before its children."""
