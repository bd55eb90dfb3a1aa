"""Table: the rows that the server prints, so that kubectl needs to know no kind.

A printer is its columns and a function from an object to cells. CRDs get theirs from `additionalPrinterColumns`; how a
value becomes a cell there follows `apiextensions-apiserver/pkg/registry/customresource/tableconvertor`, odd cases
included (a string column prints numbers as Go's `%v` does, an integer column cuts floats off).
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from fairlead.machinery import durations
from fairlead.machinery.jsonpath import compile_path

Object = dict[str, Any]

METADATA = "Metadata"
OBJECT = "Object"
NONE = "None"
INCLUDE = (METADATA, OBJECT, NONE)

NAME_DESCRIPTION = (
    "Name must be unique within a namespace. Is required when creating resources, although some resources may allow a "
    "client to request the generation of an appropriate name automatically. Name is primarily intended for creation "
    "idempotence and configuration definition. Cannot be updated. More info: "
    "https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names"
)
CREATION_DESCRIPTION = (
    "CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed "
    "to be set in happens-before order across separate operations. Clients may not set this value. It is represented "
    "in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: "
    "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata"
)


@dataclass(frozen=True)
class Column:
    name: str
    type: str = "string"
    format: str = ""
    description: str = ""
    priority: int = 0
    """Above 0: shown with `-o wide` alone."""

    def definition(self) -> Object:
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": self.description,
            "priority": self.priority,
        }


Cells = Callable[[Mapping[str, Any], datetime], list[Any]]


@dataclass(frozen=True)
class Printer:
    columns: tuple[Column, ...]
    cells: Cells


NAME = Column("Name", format="name", description=NAME_DESCRIPTION)
AGE = Column("Age", description=CREATION_DESCRIPTION)
CREATED_AT = Column("Created At", "date", description=CREATION_DESCRIPTION)


def name(obj: Mapping[str, Any]) -> str:
    return str((obj.get("metadata") or {}).get("name", ""))


def created(obj: Mapping[str, Any]) -> str:
    return str((obj.get("metadata") or {}).get("creationTimestamp") or "")


def age(obj: Mapping[str, Any], now: datetime) -> str:
    return durations.since(created(obj), now)


DEFAULT = Printer((NAME, CREATED_AT), lambda obj, now: [name(obj), created(obj)])
"""For a kind of which nothing is known but its metadata."""


def document(
    objects: Iterable[Object],
    printer: Printer,
    now: datetime,
    *,
    metadata: Mapping[str, Any],
    include: str = METADATA,
    with_columns: bool = True,
    version: str = "v1",
) -> Object:
    """`include` is one of `INCLUDE`; without columns for the second and later events of a watch."""
    return {
        "kind": "Table",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": dict(metadata),
        "columnDefinitions": [each.definition() for each in printer.columns] if with_columns else None,
        "rows": [{"cells": printer.cells(each, now), "object": _included(each, include, version)} for each in objects],
    }


def _included(obj: Object, include: str, version: str) -> Object | None:
    if include == NONE:
        return None
    return obj if include == OBJECT else partial(obj, version)


def partial(obj: Mapping[str, Any], version: str = "v1") -> Object:
    """PartialObjectMetadata."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": obj.get("metadata") or {},
    }


def for_custom_resource(additional: Sequence[Mapping[str, Any]]) -> Printer:
    """From `additionalPrinterColumns`; none of them gives Name and Age. Raises `jsonpath.PathError`."""
    wanted = additional or [{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}]
    readers = [_reader(each) for each in wanted]
    columns = (NAME, *(_column(each) for each in wanted))
    return Printer(columns, lambda obj, now: [name(obj), *(read(obj, now) for read in readers)])


def _column(wanted: Mapping[str, Any]) -> Column:
    path = wanted["jsonPath"]
    description = wanted.get("description") or (
        CREATION_DESCRIPTION
        if path == ".metadata.creationTimestamp"
        else f"Custom resource definition column (in JSONPath format): {path}"
    )
    return Column(wanted["name"], wanted["type"], wanted.get("format", ""), description, wanted.get("priority", 0))


def _reader(wanted: Mapping[str, Any]) -> Callable[[Mapping[str, Any], datetime], Any]:
    path, kind = compile_path(wanted["jsonPath"]), wanted["type"]

    def read(obj: Mapping[str, Any], now: datetime) -> Any:
        results = path.find(obj)
        return cell(kind, results[0], now) if results else None

    return read


def cell(kind: str, value: Any, now: datetime) -> Any:
    """What a column of type `kind` shows for a value: text, number, truth, or None where the types disagree."""
    if kind == "string":
        return text(value)
    if kind == "date":
        return durations.since(value, now) if isinstance(value, str) else None
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if kind == "integer" else value


def text(value: Any) -> str:
    """As Go's JSONPath printer: JSON for what has parts, `%v` for the rest."""
    if value is None:
        return "<no value>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return _go_json(value)
    return _go_float(value) if isinstance(value, float) else str(value)


def _go_json(value: Any) -> str:
    """encoding/json: sorted keys, no spaces, and `<`, `>`, `&` escaped for HTML."""
    written = json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    for sign in "<>&\u2028\u2029":
        written = written.replace(sign, f"\\u{ord(sign):04x}")
    return written


def _go_float(value: float) -> str:
    """Go's `%v`: the shortest digits that read back, with an exponent from a million and below 1e-4."""
    sign, digits, point = Decimal(repr(value)).as_tuple()
    if not isinstance(point, int):
        return repr(value)  # JSON has neither infinity nor NaN
    shown = "".join(map(str, digits)).rstrip("0") or "0"
    power = len(digits) - 1 + point if shown != "0" else 0
    minus = "-" if sign else ""
    if -4 <= power < 6:
        return f"{minus}{abs(value):.{max(len(shown) - 1 - power, 0)}f}"
    tail = f".{shown[1:]}" if len(shown) > 1 else ""
    return f"{minus}{shown[0]}{tail}e{'-' if power < 0 else '+'}{abs(power):02d}"
