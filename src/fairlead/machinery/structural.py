"""A structural schema, compiled once into a tree that every walker shares.

Defaulting, pruning, validation, strategic merge and apply all descend an object and its schema side by side. Reading
the raw OpenAPI dictionary at each step would repeat the same look-ups for every object, so it is read once into nodes.
Children are compiled when first reached: built-in schemas refer to each other in circles (JSONSchemaProps to itself),
and a CRD of 20,000 lines costs nothing until an object goes there.

Source of the rules: KEP 1693 (structural schemas) and `k8s.io/apiextensions-apiserver/pkg/apiserver/schema`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from fairlead.machinery.errors import FairleadError

Document = Mapping[str, Any]
_REFERENCE = "#/components/schemas/"


class SchemaError(FairleadError):
    """The schema itself cannot be used; for a CRD the API answers 422 before it comes to this."""


@dataclass(frozen=True, eq=False)
class Node:
    """One schema with its `$ref` followed; absent keywords are None or empty."""

    source: Document
    definitions: Document = field(default_factory=dict, repr=False)

    @cached_property
    def types(self) -> tuple[str, ...]:
        """More than one only for int-or-string, as the API server rewrites it."""
        if self.int_or_string:
            return ("integer", "string")
        return (self.source["type"],) if self.source.get("type") else ()

    @cached_property
    def int_or_string(self) -> bool:
        return bool(self.source.get("x-kubernetes-int-or-string"))

    @cached_property
    def nullable(self) -> bool:
        return bool(self.source.get("nullable"))

    @cached_property
    def preserves_unknown(self) -> bool:
        return bool(self.source.get("x-kubernetes-preserve-unknown-fields"))

    @cached_property
    def embedded_resource(self) -> bool:
        return bool(self.source.get("x-kubernetes-embedded-resource"))

    @cached_property
    def default(self) -> Any:
        """None where there is none: JSON's null is no default either."""
        return self.source.get("default")

    @cached_property
    def properties(self) -> dict[str, "Node"]:
        return {name: self._child(each) for name, each in (self.source.get("properties") or {}).items()}

    @cached_property
    def allows_additional(self) -> bool:
        """Whether `additionalProperties` is there at all and not `false`."""
        return self.source.get("additionalProperties", False) is not False

    @cached_property
    def additional(self) -> "Node | None":
        """The schema of map values; None also for a bare `true`."""
        found = self.source.get("additionalProperties")
        return self._child(found) if isinstance(found, Mapping) else None

    @cached_property
    def items(self) -> "Node | None":
        found = self.source.get("items")
        return self._child(found) if isinstance(found, Mapping) else None

    @cached_property
    def all_of(self) -> tuple["Node", ...]:
        return tuple(self._child(each) for each in self.source.get("allOf") or ())

    @cached_property
    def any_of(self) -> tuple["Node", ...]:
        return tuple(self._child(each) for each in self.source.get("anyOf") or ())

    @cached_property
    def one_of(self) -> tuple["Node", ...]:
        return tuple(self._child(each) for each in self.source.get("oneOf") or ())

    @cached_property
    def negated(self) -> "Node | None":
        found = self.source.get("not")
        return self._child(found) if isinstance(found, Mapping) else None

    @cached_property
    def list_type(self) -> str:
        """`atomic`, `set` or `map`; empty where the schema leaves it open."""
        return str(self.source.get("x-kubernetes-list-type") or "")

    @cached_property
    def list_map_keys(self) -> tuple[str, ...]:
        return tuple(self.source.get("x-kubernetes-list-map-keys") or ())

    @cached_property
    def patch_merge_key(self) -> str:
        return str(self.source.get("x-kubernetes-patch-merge-key") or "")

    @cached_property
    def patch_strategies(self) -> frozenset[str]:
        """Of `merge`, `replace`, `retainKeys`; the schema writes several with a comma."""
        return frozenset(str(self.source.get("x-kubernetes-patch-strategy") or "").split(",")) - {""}

    @cached_property
    def rules(self) -> tuple[Document, ...]:
        """CEL rules (`x-kubernetes-validations`) of this very node."""
        return tuple(self.source.get("x-kubernetes-validations") or ())

    def field(self, name: str) -> "Node | None":
        """What a member of that name must be: its property, else the schema of map values."""
        return self.properties.get(name) or self.additional

    def walk(self, path: str = "") -> Iterator[tuple[str, "Node"]]:
        """Every node of the structural spine with its path; a reference that leads back to itself is not entered."""
        yield from self._walk(path, frozenset())

    def _walk(self, path: str, above: frozenset[int]) -> Iterator[tuple[str, "Node"]]:
        if id(self.source) in above:
            return
        yield path, self
        above = above | {id(self.source)}
        for name, each in self.properties.items():
            yield from each._walk(f"{path}.{name}" if path else name, above)
        if self.additional is not None:
            yield from self.additional._walk(f"{path}[*]", above)
        if self.items is not None:
            yield from self.items._walk(f"{path}[*]", above)

    def _child(self, source: Document) -> "Node":
        return compile_node(source, self.definitions)


def compile_node(source: Document, definitions: Document) -> Node:
    """Follows `$ref` and the `allOf` of one reference that OpenAPI v3 wraps around it to add a description or default.

    Raises `SchemaError` for a reference that leads nowhere.
    """
    if not isinstance(source, Mapping):
        raise SchemaError("the schema is not usable", f"a schema must be an object, found {type(source).__name__}")
    inner: list[Any] = source.get("allOf") or []
    if len(inner) == 1 and isinstance(inner[0], Mapping) and "$ref" in inner[0]:
        kept = {key: value for key, value in source.items() if key != "allOf"}
        return Node({**_resolve(inner[0]["$ref"], definitions), **kept}, definitions)
    if "$ref" in source:
        return Node(_resolve(source["$ref"], definitions), definitions)
    return Node(source, definitions)


def _resolve(reference: str, definitions: Document) -> Document:
    name = str(reference).removeprefix(_REFERENCE).removeprefix("#/definitions/")
    found = definitions.get(name)
    if not isinstance(found, Mapping):
        raise SchemaError("the schema is not usable", f"{reference} names no schema")
    return found
