"""A value read through its shape: which fields it has, how two differ, what merging or removing leaves.

Each function walks a value and its shape side by side. Absent and null are different things: an applied null is owned
and kept, an absent field is not spoken of.

Source: `sigs.k8s.io/structured-merge-diff` v6, package typed; the API server runs that code on every write.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from fairlead.machinery import fieldsets
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.fieldsets import Element, FieldSet, Path
from fairlead.machinery.shapes import ListShape, MapShape, Shape
from fairlead.machinery.values import same


class ShapeError(FairleadError):
    """A value does not have the shape that its schema gives it; `what` is the API server's sentence."""


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()


def kinds(shape: Shape, value: Any) -> tuple[str, ...]:
    """Of `map`, `scalar`, `list`: the one that fits the value, or all that the shape allows when none does."""
    fitting = ""
    if isinstance(value, dict):
        fitting = "map" if shape.map else ""
    elif isinstance(value, list):
        fitting = "list" if shape.list else ""
    elif value is not None and value is not ABSENT:
        fitting = "scalar" if shape.scalar else ""
    if fitting:
        return (fitting,)
    allowed = (("map", shape.map), ("scalar", shape.scalar), ("list", shape.list))
    return tuple(name for name, present in allowed if present)


def element_of(item: Any, shape: ListShape) -> Element:
    """What names an entry of a list map or set. Raises `ShapeError` for one that cannot be named."""
    if not shape.keys:
        return _set_element(item)
    if item is None:
        raise ShapeError("associative list with keys may not have a null element")
    if not isinstance(item, dict):
        raise ShapeError("associative list with keys may not have non-map elements")
    defaults = {name: each for name, each in shape.key_defaults.items() if each is not None}
    keys = {name: item.get(name, defaults.get(name)) for name in shape.keys if name in item or name in defaults}
    if not keys:
        names = " ".join(f'"{name}"' for name in shape.keys)
        raise ShapeError(
            f"associative list with keys has an element that omits all key fields [{names}] "
            "(and doesn't have default values for any key fields)"
        )
    return fieldsets.key(keys)


def _set_element(item: Any) -> Element:
    if isinstance(item, dict):
        raise ShapeError("associative list without keys has an element that's a map type")
    if isinstance(item, list):
        raise ShapeError("not supported: associative list with lists as elements")
    if item is None:
        raise ShapeError("associative list without keys has an element that's an explicit null")
    return fieldsets.value(item)


def _member(shape: MapShape, name: str) -> Shape:
    found = shape.member(name)
    if found is None:
        raise ShapeError(f".{name}: field not declared in schema")
    return found


# --- which fields a value has ---


def field_set(value: Any, shape: Shape) -> FieldSet:
    return frozenset(each for each in _fields(value, shape, ()) if each)


def _fields(value: Any, shape: Shape, path: Path) -> Iterator[Path]:
    kind = kinds(shape, value)[0]
    if kind == "map" and shape.map:
        if shape.map.atomic:
            yield path
        elif isinstance(value, dict):
            yield from _map_fields(value, shape.map, path)
    elif kind == "list" and shape.list:
        if shape.list.atomic:
            yield path
        elif isinstance(value, list):
            yield from _list_fields(value, shape.list, path)
    else:
        yield path


def _map_fields(value: dict[str, Any], shape: MapShape, path: Path) -> Iterator[Path]:
    for name, each in value.items():
        here = (*path, fieldsets.field(name))
        yield from _fields(each, _member(shape, name), here)
        if each is None or each == {} or name not in shape.fields:
            yield here


def _list_fields(value: list[Any], shape: ListShape, path: Path) -> Iterator[Path]:
    """Of entries that occur twice only the entry itself is a field, as if it were atomic."""
    for element, group in _grouped(value, shape).items():
        here = (*path, element)
        if len(group) == 1:
            yield from _fields(group[0], shape.items, here)
        yield here


# --- how two values differ ---


@dataclass
class Comparison:
    added: set[Path] = field(default_factory=set)
    modified: set[Path] = field(default_factory=set)
    removed: set[Path] = field(default_factory=set)

    def without(self, roots: Sequence[Path]) -> "Comparison":
        if not roots:
            return self
        parts = (self.added, self.modified, self.removed)
        return Comparison(*(set(fieldsets.without(frozenset(each), roots)) for each in parts))


def compare(old: Any, new: Any, shape: Shape) -> Comparison:
    """Which fields `new` adds, changes and removes."""
    found = Comparison()
    _compare(old, new, shape, (), found)
    for each in (found.added, found.modified, found.removed):
        each.discard(())
    return found


def _compare(old: Any, new: Any, shape: Shape, path: Path, found: Comparison) -> None:
    before, after = kinds(shape, old), kinds(shape, new)
    chosen = before if new is ABSENT else after
    if old is not ABSENT and new is not ABSENT and before != after:
        _compare_as(before[0], old, new, shape, path, found)
    leaf = _compare_as(chosen[0], old, new, shape, path, found)
    if not leaf and old is ABSENT:
        found.added.add(path)
    elif not leaf and new is ABSENT:
        found.removed.add(path)


def _compare_as(kind: str, old: Any, new: Any, shape: Shape, path: Path, found: Comparison) -> bool:
    """Whether the place was compared as a leaf. A value of another kind than the one looked for counts as none."""
    if kind == "map" and shape.map and not shape.map.atomic:
        ours, theirs = (each if isinstance(each, dict) else {} for each in (old, new))
        for name in ours | theirs:
            here = (*path, fieldsets.field(name))
            _compare(ours.get(name, ABSENT), theirs.get(name, ABSENT), _member(shape.map, name), here, found)
        if ours or theirs:
            return False
    elif kind == "list" and shape.list and not shape.list.atomic:
        mine, yours = (each if isinstance(each, list) else [] for each in (old, new))
        if mine or yours:
            _compare_entries(mine, yours, shape.list, path, found)
            return False
    _compare_leaf(old, new, path, found)
    return True


def _compare_leaf(old: Any, new: Any, path: Path, found: Comparison) -> None:
    if old is ABSENT:
        found.added.add(path)
    elif new is ABSENT:
        found.removed.add(path)
    elif not same(old, new):
        found.modified.add(path)


def _compare_entries(old: list[Any], new: list[Any], shape: ListShape, path: Path, found: Comparison) -> None:
    """Entries that occur twice are compared together, as one leaf."""
    before, after = _grouped(old, shape), _grouped(new, shape)
    for element in before | after:
        here = (*path, element)
        mine, yours = before.get(element, []), after.get(element, [])
        if len(mine) > 1 and len(yours) > 1:
            if not same(mine, yours):
                found.modified.add(here)
            continue
        if len(mine) > 1:
            found.removed.add(here)
        elif len(yours) > 1:
            found.added.add(here)
        one = mine[0] if len(mine) == 1 else ABSENT
        other = yours[0] if len(yours) == 1 else ABSENT
        if one is not ABSENT or other is not ABSENT:
            _compare(one, other, shape.items, here, found)


def _grouped(values: list[Any], shape: ListShape) -> dict[Element, list[Any]]:
    found: dict[Element, list[Any]] = {}
    for each in values:
        found.setdefault(element_of(each, shape), []).append(each)
    return found


# --- merging ---


def merge(live: Any, applied: Any, shape: Shape) -> Any:
    """`live` with everything that `applied` says; neither is changed, parts of both are shared."""
    if applied is ABSENT:
        return live
    if live is ABSENT:
        return applied
    kind = kinds(shape, applied)[0]
    if kind == "map" and shape.map and not shape.map.atomic:
        ours, theirs = (each if isinstance(each, dict) else {} for each in (live, applied))
        if ours or theirs:
            return _merge_maps(ours, theirs, shape.map)
    elif kind == "list" and shape.list and not shape.list.atomic:
        mine, yours = (each if isinstance(each, list) else [] for each in (live, applied))
        if mine or yours:
            return _merge_lists(mine, yours, shape.list)
    return applied


def _merge_maps(live: dict[str, Any], applied: dict[str, Any], shape: MapShape) -> dict[str, Any]:
    merged = dict(live)
    for name, each in applied.items():
        merged[name] = merge(live.get(name, ABSENT), each, _member(shape, name))
    return merged


def _merge_lists(live: list[Any], applied: list[Any], shape: ListShape) -> list[Any]:
    """Applied entries keep their order, and live ones that are not applied their places, as far as both can be had."""
    groups = _grouped(live, shape)
    wanted = {element_of(each, shape): each for each in applied}
    rest = deque((element_of(each, shape), each) for each in live)
    shared = deque(element for element in wanted if element in groups)
    merged: list[Any] = []
    for element, each in wanted.items():
        merged += _passed_over(rest, wanted, shared[0] if shared else None)
        if rest and rest[0][0] == element:
            rest.popleft()
        if shared and shared[0] == element:
            shared.popleft()
        mine = groups.get(element, [])
        merged.append(merge(mine[0], each, shape.items) if len(mine) == 1 else each)
    return merged + [each for element, each in rest if element not in wanted]


def _passed_over(
    rest: deque[tuple[Element, Any]], wanted: Mapping[Element, Any], awaited: Element | None
) -> Iterator[Any]:
    """Live entries that are not applied, up to the one that both lists have next."""
    while rest and rest[0][0] != awaited:
        element, each = rest.popleft()
        if element not in wanted:
            yield each
        elif awaited is None:  # a second occurrence of an entry that was applied
            return


# --- removing ---

Tree = dict[str, Any]


def remove(value: Any, fields: FieldSet, shape: Shape) -> Any:
    """`value` without the fields named; a list or map that loses its last entry becomes null."""
    return _remove(value, _tree(fields), shape) if fields else value


def _tree(fields: FieldSet) -> Tree:
    """Members are marked with `.`."""
    root: Tree = {}
    for each in fields:
        node = root
        for element in each:
            node = node.setdefault(element, {})
        node["."] = {}
    return root


def _remove(value: Any, gone: Tree, shape: Shape) -> Any:
    kind = kinds(shape, value)[0]
    if kind == "map" and shape.map:
        if not isinstance(value, dict) or shape.map.atomic:
            return None
        return _remove_members(value, gone, shape.map) or None
    if kind == "list" and shape.list:
        if not isinstance(value, list) or shape.list.atomic:
            return None
        return _remove_entries(value, gone, shape.list) or None
    return value


def _remove_members(value: dict[str, Any], gone: Tree, shape: MapShape) -> dict[str, Any]:
    kept = {}
    for name, each in value.items():
        under = gone.get(fieldsets.field(name), {})
        if "." not in under:
            kept[name] = _remove(each, under, _member(shape, name)) if under else each
    return kept


def _remove_entries(value: list[Any], gone: Tree, shape: ListShape) -> list[Any]:
    kept = []
    for each in value:
        under = gone.get(element_of(each, shape), {})
        if "." not in under:
            kept.append(_remove(each, under, shape.items) if under else each)
    return kept


# --- field sets read through a shape ---


def with_named_parents(fields: FieldSet, shape: Shape) -> FieldSet:
    """Adds every declared member that is above a field; map keys and list entries above it are not added."""
    found = set(fields)
    for each in fields:
        at: Shape | None = shape
        for length, element in enumerate(each[:-1], start=1):
            if at is not None and at.map and element[:2] == "f:" and element[2:] in at.map.fields:
                found.add(each[:length])
            at = child(at, element)
    return frozenset(found)


def child(shape: Shape | None, element: Element) -> Shape | None:
    if shape is None:
        return None
    if element[:2] == "f:":
        return shape.map.member(element[2:]) if shape.map else None
    return shape.list.items if shape.list else None


def reconciled(fields: FieldSet, shape: Shape) -> FieldSet:
    """Fields recorded below what has since become atomic are replaced by that whole."""
    return frozenset(_whole(each, shape) for each in fields)


def _whole(path: Path, shape: Shape) -> Path:
    at: Shape | None = shape
    for length, element in enumerate(path):
        if at is None or (at.map and at.map.is_deduced):
            return path
        if (at.map and at.map.atomic) or (not at.map and not at.scalar and at.list and at.list.atomic):
            return path[:length]
        at = child(at, element)
    return path
