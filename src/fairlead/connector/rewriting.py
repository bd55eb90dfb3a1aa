"""Answers of the control plane, rewritten as bytes: objects, lists, Tables, metadata only, watch events.

Only the members that change are decoded; `spec`, `status` and everything unknown keep their bytes, so numbers, escapes
and key order arrive as the control plane wrote them and a list is never decoded whole. Whatever cannot be shown to
belong to this app cluster is left out of a collection and refused as a single object: the selector that every request
carries is the first guard, this is the second.

Source: reference/aggregation-layer.md §5, §6, §7.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from fairlead.connector import mapping, secretnames
from fairlead.connector.answering import Names, rewrite_status
from fairlead.connector.mapping import Fields, Raw, fields, raw, text
from fairlead.connector.naming import Identity, Scope

_items = msgspec.json.Decoder(list[Raw])
_encode = msgspec.json.Encoder().encode
META_GROUP = "meta.k8s.io/"
NULL = Raw(b"null")


class ForeignObjectError(Exception):
    """The object behind a name is not the one that the name stands for."""


@dataclass(frozen=True)
class Stored:
    """An object of the control plane that was verified, and how the app cluster sees it."""

    body: bytes
    identity: Identity
    metadata: Fields
    """As stored."""

    @property
    def uid(self) -> str:
        return text(self.metadata.get("uid"))

    @property
    def resource_version(self) -> str:
        return text(self.metadata.get("resourceVersion"))


@dataclass(frozen=True)
class Rewriter:
    """Rewrites the answers about one kind for one app cluster."""

    scope: Scope
    prefix: str
    with_objects: bool = True
    """False when the client asked for a Table without row objects; the control plane is always asked for them, since
    a hash cannot be turned back into a name."""

    def single(self, body: bytes, expected: Identity) -> Stored:
        """An object, or a Table of one. Raises `ForeignObjectError`."""
        found = fields(body)
        if is_table(found):
            return self._single_row(found, expected)
        stored = fields(_part(found, "metadata"))
        if mapping.identify(stored, self.scope, self.prefix) != expected:
            raise ForeignObjectError
        found = secretnames.outward(found, stored, expected)
        found["metadata"] = raw(mapping.outward(stored, expected))
        return Stored(_encode(found), expected, stored)

    def _single_row(self, table: Fields, expected: Identity) -> Stored:
        rows = _items.decode(_part(table, "rows"))
        shown = list(self._rows(rows, name_column(table)))
        if len(shown) != 1 or shown[0][0] != expected:
            raise ForeignObjectError
        table["rows"] = raw([shown[0][1]])
        stored = fields(_part(fields(_part(fields(rows[0]), "object")), "metadata"))
        return Stored(_encode(table), expected, stored)

    def collection(self, body: bytes) -> bytes:
        """A list, a Table or a list of metadata. Sorted by namespace and name as a local server's answer would be,
        not by hash; with `limit`, each page for itself.
        """
        found = fields(body)
        if is_table(found):
            shown = self._rows(_items.decode(_part(found, "rows")), name_column(found))
            return _encode({**found, "rows": raw(_sorted(shown))})
        items = found.get("items")
        if items is not None and bytes(items) == b"null":
            return body
        objects = _items.decode(items) if items is not None else []
        return _encode({**found, "items": raw(_sorted(self._objects(objects)))})

    def _objects(self, objects: list[Raw]) -> Iterator[tuple[Identity, Raw]]:
        for each in objects:
            shown = self.object(fields(each))
            if shown is not None:
                yield shown

    def object(self, found: Fields) -> tuple[Identity, Raw] | None:
        """None for an object that is not this app cluster's."""
        stored = fields(_part(found, "metadata"))
        identity = mapping.identify(stored, self.scope, self.prefix)
        if identity is None:
            return None
        found = secretnames.outward(found, stored, identity)
        return identity, raw({**found, "metadata": raw(mapping.outward(stored, identity))})

    def _rows(self, rows: list[Raw], column: int | None) -> Iterator[tuple[Identity, Raw]]:
        for each in rows:
            shown = self.row(fields(each), column)
            if shown is not None:
                yield shown

    def row(self, row: Fields, column: int | None) -> tuple[Identity, Raw] | None:
        found = fields(_part(row, "object"))
        shown = self.object(found)
        if shown is None:
            return None
        identity, rewritten = shown
        cells = self._cells(_items.decode(_part(row, "cells")), column, identity)
        cells = secretnames.cells(cells, fields(_part(found, "metadata")), identity)
        return identity, raw({**row, "cells": raw(cells), "object": rewritten if self.with_objects else NULL})

    def _cells(self, cells: list[Raw], column: int | None, identity: Identity) -> list[Raw]:
        """The name's cell, and any other that shows exactly this object's stored name."""
        backend, name = raw(identity.backend(self.prefix)), raw(identity.name)
        return [name if index == column or cell == backend else cell for index, cell in enumerate(cells)]


def _part(found: Mapping[str, Raw], key: str) -> Raw:
    """A member that every answer of that form has. Raises `msgspec.DecodeError`."""
    if key not in found:
        raise msgspec.ValidationError(f"the object lacks {key}")
    return found[key]


def _sorted(shown: Iterator[tuple[Identity, Raw]]) -> list[Raw]:
    return [each for _, each in sorted(shown, key=lambda pair: (pair[0].namespace, pair[0].name))]


def is_table(found: Mapping[str, Raw]) -> bool:
    return text(found.get("kind")) == "Table" and text(found.get("apiVersion")).startswith(META_GROUP)


def is_status(found: Mapping[str, Raw]) -> bool:
    return text(found.get("kind")) == "Status" and text(found.get("apiVersion")) == "v1"


def name_column(table: Mapping[str, Raw]) -> int | None:
    """Index of the column whose format is `name`; None when the Table names no columns."""
    try:
        columns = msgspec.json.decode(table["columnDefinitions"], type=list[dict[str, Any]])
    except (KeyError, msgspec.DecodeError):
        return None
    return next((index for index, column in enumerate(columns) if column.get("format") == "name"), None)


def scale(body: bytes, identity: Identity, scope: Scope, prefix: str) -> Stored:
    """A Scale carries no labels: the caller compares its uid with the verified one. Raises `ForeignObjectError`."""
    found = fields(body)
    if is_table(found):
        return _scale_row(found, identity, scope, prefix)
    stored = fields(_part(found, "metadata"))
    if text(stored.get("name")) != identity.backend(prefix) or text(stored.get("namespace")) != scope.namespace:
        raise ForeignObjectError
    found["metadata"] = raw(mapping.named(stored, identity))
    return Stored(_encode(found), identity, stored)


def _scale_row(table: Fields, identity: Identity, scope: Scope, prefix: str) -> Stored:
    row = fields(_items.decode(_part(table, "rows"))[0])
    inner = scale(_part(row, "object"), identity, scope, prefix)
    cells = [raw(identity.name) if cell == raw(identity.backend(prefix)) else cell
             for cell in _items.decode(_part(row, "cells"))]  # fmt: skip
    shown = {**table, "rows": raw([{**row, "cells": raw(cells), "object": Raw(inner.body)}])}
    return Stored(_encode(shown), identity, inner.metadata)


class WatchRewriter:
    """Rewrites one stream of events; remembers the name's column, which only the first Table announces."""

    def __init__(self, rewriter: Rewriter, names: Names) -> None:
        self._rewriter = rewriter
        self._names = names
        self._column: int | None = None

    def event(self, line: bytes) -> bytes | None:
        """One line without its end, and back with it; None for an event that is not this app cluster's."""
        event = fields(line)
        kind = text(event.get("type"))
        if kind == "ERROR":
            event["object"] = raw(rewrite_status(msgspec.json.decode(_part(event, "object")), self._names))
            return _encode(event) + b"\n"
        found = fields(_part(event, "object"))
        shown = self._table(found, kind) if is_table(found) else self._object(found, kind)
        if shown is None:
            return None
        event["object"] = shown
        return _encode(event) + b"\n"

    def _object(self, found: Fields, kind: str) -> Raw | None:
        if kind == "BOOKMARK":
            return raw(found)
        shown = self._rewriter.object(found)
        return shown[1] if shown else None

    def _table(self, table: Fields, kind: str) -> Raw | None:
        column = name_column(table)
        self._column = self._column if column is None else column
        if kind == "BOOKMARK":
            return raw(table)
        shown = [row for _, row in self._rewriter._rows(_items.decode(_part(table, "rows")), self._column)]
        return raw({**table, "rows": raw(shown)}) if shown else None
