"""How apply and ownership look at a value: as scalars, lists and maps that are owned whole or piece by piece.

A schema says far more than that, and says it in two dialects (`x-kubernetes-list-type` of custom resources, patch
strategies of built-in kinds). The walkers of `typedvalues` need one answer per place, read once: which kinds of value
may stand here, whether a list or map is owned whole (atomic), and what names an entry of a list map. Where a schema is
silent the shape is deduced from the value: maps by key, lists whole.

Source: `k8s.io/kube-openapi/pkg/schemaconv`.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fairlead.machinery.structural import Node

_SCALARS = {"integer": "numeric", "number": "numeric", "boolean": "boolean"}


class ListShape:
    """Children are made when first reached: schemas refer to themselves."""

    def __init__(self, node: Node, *, keeps_unknown: bool) -> None:
        self._node = node
        self._keeps_unknown = keeps_unknown
        merges = "merge" in node.patch_strategies
        self.atomic = node.list_type not in ("set", "map") if node.list_type else not merges
        self.keys: tuple[str, ...] = ()
        """What names an entry; empty for a set, whose entries name themselves."""
        if node.list_type == "map":
            self.keys = node.list_map_keys
        elif not node.list_type and merges and node.patch_merge_key:
            self.keys = (node.patch_merge_key,)

    @cached_property
    def items(self) -> "Shape":
        items = self._node.items
        return DEDUCED if items is None else shape_of(items, keeps_unknown=self._keeps_unknown)

    @cached_property
    def key_defaults(self) -> dict[str, Any]:
        """For keys that an entry may leave out."""
        members = self._node.items.properties if self._node.items else {}
        return {name: members[name].default for name in self.keys if name in members}


class MapShape:
    """Children are made when first reached: schemas refer to themselves."""

    def __init__(self, node: Node, *, keeps_unknown: bool) -> None:
        self._node = node
        self._keeps_unknown = keeps_unknown
        self.atomic = node.source.get("x-kubernetes-map-type") == "atomic"

    @cached_property
    def fields(self) -> dict[str, "Shape"]:
        """The declared members."""
        found = {
            name: shape_of(each, keeps_unknown=self._keeps_unknown) for name, each in self._node.properties.items()
        }
        if self._node.embedded_resource:
            found |= _type_meta() | {"metadata": OBJECT_META}
        return found

    @cached_property
    def others(self) -> "Shape | None":
        """Of members that are not declared; None where there may be none."""
        if "additionalProperties" not in self._node.source:
            return DEDUCED if self._keeps_unknown or not self.fields else None
        if self._node.additional is not None:
            return shape_of(self._node.additional, keeps_unknown=self._keeps_unknown)
        return DEDUCED if self._node.allows_additional else None

    def member(self, name: str) -> "Shape | None":
        return self.fields.get(name) or self.others

    @property
    def is_deduced(self) -> bool:
        return self.others is DEDUCED and not self.fields


@dataclass(frozen=True, eq=False)
class Shape:
    """Which of scalar, list and map may stand at a place."""

    scalar: str = ""
    """`numeric`, `string`, `boolean`, `untyped`, or empty for none."""
    list: ListShape | None = None
    map: MapShape | None = None


def shape_of(node: Node, *, keeps_unknown: bool = False) -> Shape:
    """`keeps_unknown` is handed down: below `x-kubernetes-preserve-unknown-fields` undeclared members are deduced."""
    keeps_unknown = keeps_unknown or node.preserves_unknown
    kind = node.source.get("type")
    if kind == "object":
        return Shape(map=MapShape(node, keeps_unknown=keeps_unknown))
    if kind == "array":
        return Shape(list=ListShape(node, keeps_unknown=keeps_unknown))
    if kind == "string":
        return Shape("string" if node.source.get("format", "byte") in ("", "byte") else "untyped")
    if kind in _SCALARS:
        return Shape(_SCALARS[kind])
    return Shape("untyped", ListShape(node, keeps_unknown=keeps_unknown), MapShape(node, keeps_unknown=keeps_unknown))


def object_shape(node: Node | None, *, keeps_unknown: bool = False) -> Shape:
    """The shape of a whole object, whose metadata is always ObjectMeta. None: a kind without a schema."""
    if node is None:
        return DEDUCED
    whole = MapShape(node, keeps_unknown=keeps_unknown or node.preserves_unknown)
    whole.fields = whole.fields | _type_meta() | {"metadata": OBJECT_META}
    return Shape(map=whole)


def _type_meta() -> dict[str, Shape]:
    return {"apiVersion": Shape("string"), "kind": Shape("string")}


def _object_meta() -> Shape:
    text, number, time = {"type": "string"}, {"type": "integer"}, {"type": "string", "format": "date-time"}
    flag, texts = {"type": "boolean"}, {"type": "object", "additionalProperties": text}
    owner = {
        "type": "object",
        "x-kubernetes-map-type": "atomic",
        "properties": {
            **dict.fromkeys(("apiVersion", "kind", "name", "uid"), text),
            **dict.fromkeys(("blockOwnerDeletion", "controller"), flag),
        },
    }
    fields = {
        **dict.fromkeys(("annotations", "labels"), texts),
        **dict.fromkeys(("creationTimestamp", "deletionTimestamp"), time),
        **dict.fromkeys(("deletionGracePeriodSeconds", "generation"), number),
        **dict.fromkeys(("generateName", "name", "namespace", "resourceVersion", "selfLink", "uid"), text),
        "finalizers": {"type": "array", "items": text, "x-kubernetes-list-type": "set"},
        "managedFields": {"type": "array", "items": {"type": "object"}},
        "ownerReferences": {
            "type": "array",
            "items": owner,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["uid"],
        },
    }
    return shape_of(Node({"type": "object", "properties": fields}))


DEDUCED = shape_of(Node({}))
"""Where no schema says anything: maps by key, lists whole."""
OBJECT_META = _object_meta()
