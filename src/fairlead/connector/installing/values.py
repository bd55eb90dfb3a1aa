"""Values as Helm takes them: files merged in order, then `--set`.

Only as much of Helm's `--set` grammar as people use: dots lead inwards, commas separate, a backslash takes either
literally, `{a,b}` is a list, and true, false, null and whole numbers are what they look like. What is meant otherwise
is refused rather than guessed.

Source: Helm, `pkg/strvals`.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fairlead.connector.chart.values import merged
from fairlead.machinery import encoding
from fairlead.machinery.errors import FairleadError

Object = dict[str, Any]
_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,17}")


class ValuesError(FairleadError):
    """Values that cannot be read, or that contradict the command line."""


def read(files: Iterable[Path], settings: Iterable[str]) -> Object:
    """Raises `ValuesError`; no value is in its text."""
    found: Object = {}
    for path in files:
        found = merged(found, _file(path))
    for text in settings:
        for key, value in _assignments(text):
            found = merged(found, _nested(key, value))
    return found


def at(values: Mapping[str, Any], path: str) -> Any:
    """By dots; None where there is nothing."""
    found: Any = values
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def with_value(values: Mapping[str, Any], path: str, value: Any) -> Object:
    return merged(values, _nested(path.split("."), value))


def _file(path: Path) -> Object:
    try:
        found = encoding.from_yaml(path.read_bytes())
    except OSError as error:
        raise ValuesError(f"{path} cannot be read", error.strerror or "") from error
    except encoding.DecodeError as error:
        raise ValuesError(f"{path} holds no values", error.why) from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ValuesError(f"{path} holds no values", "it is no table of names and values")
    return found


def _nested(path: list[str], value: Any) -> Object:
    for part in reversed(path):
        value = {part: value}
    return dict(value)


def _assignments(text: str) -> Iterable[tuple[list[str], Any]]:
    for part in _split(text, ","):
        key, equals, value = part.partition("=")
        path = [_plain(each) for each in _split(key, ".")]
        if not equals or not all(path) or "[" in key:
            raise ValuesError(f"--set cannot read {key!r}", "it takes name.name=value", "use a values file instead")
        yield path, _value(value)


def _split(text: str, at: str) -> list[str]:
    """At each `at` that no backslash stands before and no braces enclose."""
    parts, depth, escaped = [""], 0, False
    for char in text:
        if char == at and not depth and not escaped:
            parts.append("")
            continue
        depth += (char == "{" and not escaped) - (char == "}" and not escaped and depth > 0)
        escaped = char == "\\" and not escaped
        parts[-1] += char
    return parts


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _value(text: str) -> Any:
    if text.startswith("{") and text.endswith("}"):
        return [_value(each) for each in _split(text[1:-1], ",")] if text != "{}" else []
    if text in ("true", "false", "null"):
        return {"true": True, "false": False, "null": None}[text]
    return int(text) if _NUMBER.fullmatch(text) else _plain(text)
