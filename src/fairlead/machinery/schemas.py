"""Structural schemas of custom resources: default, prune, validate.

One value holds a version's schema, compiled once, and answers as the API server does. Its order of work is: `prune`
(which names unknown fields and drops forbidden nulls), then `default`, then `validate`. The parts live beside it:
`structural` (the compiled tree), `defaulting`, `pruning`, `validating`, `listtypes`, `embedding`.

CEL rules (`x-kubernetes-validations`) need an engine that is an optional extra of a later issue. Until then they are
kept, reported by `unchecked`, and never pretended to hold.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fairlead.machinery import defaulting, embedding, fielderrors, listtypes, pruning, validating
from fairlead.machinery.fielderrors import Cause
from fairlead.machinery.patterns import compile_pattern
from fairlead.machinery.structural import Document, Node, compile_node

Object = dict[str, Any]

_BLOCKING = frozenset(
    ("FieldValueNotSupported", "FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany", "FieldValueTypeInvalid")
)
_NOT_CHECKED = (
    "some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation"
)


@dataclass(frozen=True)
class Unchecked:
    """A rule of the schema that this code does not evaluate; `path` uses `[*]` for items and map values."""

    path: str
    rule: str


@dataclass(frozen=True, eq=False)
class Schema:
    node: Node

    @classmethod
    def compile(cls, openapi: Mapping[str, Any], definitions: Document | None = None) -> "Schema":
        """`openapi`: a CRD's `openAPIV3Schema`, or a component of an OpenAPI document with its `definitions` by name.

        Children are compiled when first used; a reference that leads nowhere raises `structural.SchemaError` then.
        """
        return cls(compile_node(openapi, definitions or {}))

    @cached_property
    def unchecked(self) -> tuple[Unchecked, ...]:
        """CEL rules, and patterns that only Go's engine can run."""
        found = []
        for path, node in self.node.walk():
            found += [Unchecked(path, str(each.get("rule", ""))) for each in node.rules]
            pattern = node.source.get("pattern")
            if pattern and compile_pattern(pattern) is None:
                found.append(Unchecked(path, f"pattern {pattern}"))
        return tuple(found)

    def prune(self, obj: Object) -> list[str]:
        """Drops in place what the schema does not know and the nulls it forbids.

        Returns the unknown paths, sorted (`spec.a`, `spec.list[0].b`); dropped nulls are not among them.
        """
        unknown = pruning.prune(obj, self.node)
        defaulting.drop_nulls(obj, self.node)
        return unknown

    def default(self, obj: Object) -> None:
        """Fills defaults in place."""
        defaulting.fill(obj, self.node)

    def validate(self, obj: Object, old: Object | None = None) -> list[Cause]:
        """The causes of a 422, in the server's words; empty for a valid object.

        With `old`, what an update left unchanged is forgiven. Metadata, apiVersion and kind of the object itself are
        the storage's affair.
        """
        causes = validating.validate(obj, self.node, old=validating.ABSENT if old is None else old)
        causes += embedding.validate(obj, self.node)
        if old is None or not listtypes.duplicates(old, self.node):
            causes += listtypes.duplicates(obj, self.node)
        return causes + self._rules_not_reached(causes)

    def validate_status(self, obj: Object, old: Object) -> list[Cause]:
        """As `validate` for an update of the status subresource, where only `status` is looked at."""
        causes: list[Cause] = []
        node = self.node.properties.get("status")
        if "status" in obj and node is not None:
            before = old.get("status", validating.ABSENT)
            causes += validating.validate(obj["status"], node, old=before, under="status")
        if not listtypes.duplicates(old, self.node):
            causes += listtypes.duplicates(obj, self.node)
        return causes + self._rules_not_reached(causes)

    def _rules_not_reached(self, causes: list[Cause]) -> list[Cause]:
        """The server says so when an object is too wrong for its CEL rules to be asked."""
        if not self._has_rules or not any(each["reason"] in _BLOCKING for each in causes):
            return []
        return [fielderrors.invalid("<nil>", None, _NOT_CHECKED)]

    @cached_property
    def _has_rules(self) -> bool:
        return any(node.rules for _, node in self.node.walk())
