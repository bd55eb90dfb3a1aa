"""metadata.managedFields: who owns which field of an object.

Values in, values out: nothing here knows a clock, a store or a request. `hidden` is for a proxy that shows an object
without some of its fields; the rest is what the API server does to the list on every write.

Source: `k8s.io/apimachinery/pkg/util/managedfields`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fairlead.machinery.fieldsets import FieldsError, Path, canonical

Object = dict[str, Any]
Tree = dict[str, Any]


def without(managed_fields: Sequence[Mapping[str, Any]], hidden: Iterable[Path]) -> list[Object]:
    """The entries without the hidden fields and all below them; nothing else changes, order and times included.

    A parent that loses its last child goes too, and so does an entry that loses its last field: the object that is
    shown does not have them either. Entries that cannot be read are kept as they are.
    """
    roots = _tree(hidden)
    found = []
    for entry in managed_fields:
        fields = entry.get("fieldsV1")
        kept = _prune(fields, roots) if isinstance(fields, Mapping) else fields
        if kept is not fields and not kept:
            continue
        found.append(dict(entry) if kept is fields else {**entry, "fieldsV1": kept})
    return found


def _tree(paths: Iterable[Path]) -> Tree:
    """Nested dictionaries; an empty one ends a path."""
    root: Tree = {}
    for each in sorted(paths, key=len, reverse=True):
        node = root
        for element in each[:-1]:
            node = node.setdefault(element, {})
        if each:
            node[each[-1]] = {}
    return root


def _prune(fields: Mapping[str, Any], roots: Tree) -> Mapping[str, Any]:
    """`fields` itself when nothing was hidden in it."""
    kept: Object = {}
    changed = False
    for name, below in fields.items():
        under = roots.get(name if name[:2] == "f:" else _or_self(name))
        if under is None or not isinstance(below, Mapping):
            kept[name] = below
            continue
        pruned = _prune(below, under) if under else {}
        if under and pruned is below:
            kept[name] = below
            continue
        changed = True
        if pruned.keys() - {"."}:
            kept[name] = pruned
    return kept if changed else fields


def _or_self(name: str) -> str:
    try:
        return canonical(name) or name
    except FieldsError:
        return name
