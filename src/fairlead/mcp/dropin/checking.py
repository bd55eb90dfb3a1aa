"""Whether a `config.toml` holds only what is known, of the right form; and what it says that is not done here.

No message repeats a value: any of them may be a secret in the wrong place.
"""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from fairlead.mcp.dropin import keys
from fairlead.mcp.dropin.keys import Fate, Key, Shape

_NUMBERS_TOO = ("port", "metrics_port")
_FORMS: dict[Shape, str] = {
    "text": "it is a text",
    "number": "it is a number",
    "switch": "it is true or false",
    "names": "it is a list of texts",
    "table": "it is a table",
    "tables": "it is a list of tables",
}


class Fail(Protocol):
    """Makes the error that names the file and the key."""

    def __call__(self, key: str, why: str, remedy: str = "") -> Exception: ...


def check_keys(table: Mapping[str, Any], fail: Fail) -> None:
    """Raises what `fail` makes for a key that neither product knows, naming the nearest, and for a wrong form."""
    for path, key, value in _leaves(table):
        if key is None:
            near = _nearest(path)
            raise fail(
                path, "neither kubernetes-mcp-server nor Fairlead knows it", f"did you mean {near}?" if near else ""
            )
        if not _fits(key, value):
            raise fail(path, _FORMS[key.shape])


def check_fates(table: Mapping[str, Any], fail: Fail) -> list[str]:
    """What is passed over, one line each. Raises what `fail` makes for what must not be."""
    warnings = []
    for path, key, value in _leaves(table):
        if key is None or not value or value in key.neutral:
            continue  # at false, 0, "" and [] every key restricts nothing
        if key.fate is Fate.REFUSED:
            raise fail(path, "it would restrict, and nothing here does it", key.note)
        if key.fate is Fate.WARNED:
            warnings.append(f"{path} is passed over: {key.note}")
    return warnings


def _leaves(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Key | None, Any]]:
    for name, value in table.items():
        path = f"{prefix}{name}"
        key = keys.find(path)
        if key is None and isinstance(value, dict) and keys.is_table(path):
            yield from _leaves(value, f"{path}.")
        else:
            yield path, key, value


def _fits(key: Key, value: Any) -> bool:
    match key.shape:
        case "text":
            return isinstance(value, str) or (key.path in _NUMBERS_TOO and _is_number(value))
        case "number":
            return _is_number(value)
        case "switch":
            return isinstance(value, bool)
        case "names":
            return isinstance(value, list) and all(isinstance(each, str) for each in value)
        case "table":
            return isinstance(value, dict)
        case "tables":
            return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _nearest(path: str) -> str:
    """Among all keys and tables, and by the last name alone for one in the wrong table."""
    known = sorted({*(each.path for each in keys.KEYS), *keys.tables()})
    near = difflib.get_close_matches(path.lower(), known, n=1)
    name = path.rpartition(".")[2].lower()
    near = near or [each for each in known if each.rpartition(".")[2] == name]
    return f"did you mean {near[0]}?" if near else ""
