"""Plain screens: text that reads the same on a terminal, in a pipe and in the README."""

from collections.abc import Sequence
from typing import Any

Object = dict[str, Any]


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Left-aligned, three spaces apart, as kubectl prints."""
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return ["   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def table(document: Object) -> list[str]:
    """A `meta.k8s.io/v1` Table with the namespace of each row, without the columns of lower priority."""
    shown = [index for index, each in enumerate(document["columnDefinitions"]) if not each.get("priority")]
    header = ["NAMESPACE", *(document["columnDefinitions"][index]["name"].upper() for index in shown)]
    rows = [
        [row["object"]["metadata"].get("namespace", ""), *(_cell(row["cells"][index]) for index in shown)]
        for row in document["rows"]
    ]
    return columns([header, *rows])


def _cell(value: Any) -> str:
    return "" if value is None else str(value)
