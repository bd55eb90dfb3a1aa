"""Lists as text that costs a reader little: the server's own columns, aligned, nothing repeated.

A model pays for every character, so columns that say the same in every row are said once above the table, trailing
space goes, and a column that is empty throughout is left out. What the server prints is what kubectl prints, which is
what people know; making up columns of our own would be a second truth.

Source: reference/mcp-and-gateways.md §7.2, §7.3 rule 4.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fairlead.machinery import redacting

Object = dict[str, Any]
_NAME_LABEL = "kubernetes.io/metadata.name"
"""Of every namespace; it says its name."""
_EMPTY = ("", "<none>", "<unset>")


@dataclass(frozen=True)
class Rows:
    columns: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return len(self.cells)


def of_table(table: Mapping[str, Any], *, namespaces: bool = False, wide: bool = False) -> Rows:
    """Of a server's Table; `namespaces` puts the namespace of each row's object first, `wide` its labels last."""
    definitions = table.get("columnDefinitions") or []
    kept = [index for index, each in enumerate(definitions) if wide or not each.get("priority")]
    columns = tuple(str(definitions[index]["name"]).upper() for index in kept)
    rows = table.get("rows") or []
    cells = [tuple(_cell(row["cells"][index]) for index in kept) for row in rows]
    if namespaces:
        columns = ("NAMESPACE", *columns)
        cells = [(str(_metadata(row).get("namespace") or ""), *each) for row, each in zip(rows, cells, strict=True)]
    if wide:
        columns = (*columns, "LABELS", "SHARED LABELS")
        cells = [(*each, *more) for each, more in zip(cells, _labels(rows), strict=True)]
    return Rows(columns, tuple(cells))


def _metadata(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return (row.get("object") or {}).get("metadata") or {}


def _labels(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Of each row: its own, and those that all rows have, which `render` says once."""
    found = [{each for each in (_metadata(row).get("labels") or {}).items() if each[0] != _NAME_LABEL} for row in rows]
    shared = set.intersection(*found) if len(found) > 2 else set()
    return [(_pairs(each - shared), _pairs(shared)) for each in found]


def _pairs(labels: Iterable[tuple[str, str]]) -> str:
    return _cell(",".join(f"{key}={value}" for key, value in sorted(labels)))


def _cell(value: Any) -> str:
    """One line of text: what stands in a cell is anybody's to write."""
    if value is None:
        return ""
    return redacting.text(" ".join(str(value).split()))


def joined(parts: Mapping[str, Rows], column: str = "CLUSTER") -> Rows:
    """The rows of all, each behind the name of its part; a part that lacks a column leaves it empty."""
    columns = tuple(dict.fromkeys(each for rows in parts.values() for each in rows.columns))
    cells = [
        (name, *(told.get(each, "") for each in columns))
        for name, rows in parts.items()
        for told in (dict(zip(rows.columns, row, strict=True)) for row in rows.cells)
    ]
    return Rows((column, *columns), tuple(cells))


def of_fields(items: Sequence[Mapping[str, Any]], paths: Sequence[str]) -> Rows:
    """One column for each dotted path; a path through a list gives all that it finds, comma-separated."""
    columns = tuple(path.removeprefix(".") for path in paths)
    return Rows(columns, tuple(tuple(_cell(_text(_at(each, path))) for path in columns) for each in items))


def _at(value: Any, path: str) -> Any:
    if not path:
        return value
    if isinstance(value, list):
        return [_at(each, path) for each in value]
    if not isinstance(value, Mapping):
        return None
    key = _longest(value, path)
    return _at(value.get(key), path[len(key) + 1 :])


def _longest(value: Mapping[str, Any], path: str) -> str:
    """Keys may hold dots themselves, as labels and annotations do."""
    if path in value:
        return path
    parts = path.split(".")
    for length in range(len(parts) - 1, 0, -1):
        key = ".".join(parts[:length])
        if key in value:
            return key
    return parts[0]


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(_text(each) for each in value if each is not None)
    if isinstance(value, Mapping):
        return ",".join(f"{key}={_text(each)}" for key, each in value.items())
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def render(rows: Rows) -> str:
    """Aligned; a column that is empty throughout is left out, and what more than two rows all share is said once."""
    shared = {
        index: rows.cells[0][index]
        for index in range(len(rows.columns))
        if len(rows) > 2 and rows.columns[index] != "NAME" and len({each[index] for each in rows.cells}) == 1
    }
    kept = [
        index
        for index in range(len(rows.columns))
        if index not in shared and (not rows.cells or any(each[index] not in _EMPTY for each in rows.cells))
    ]
    said = [f"{rows.columns[index]}={value}" for index, value in shared.items() if value not in _EMPTY]
    head = [f"all: {', '.join(said)}"] if said else []
    return "\n".join(
        head + _aligned([rows.columns[each] for each in kept], [[row[each] for each in kept] for row in rows.cells])
    )


def _aligned(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(line[index]) for line in (columns, *cells)) for index in range(len(columns))]
    return [
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in (columns, *cells)
    ]
