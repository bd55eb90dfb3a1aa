"""`key=value` at a terminal as the arguments of a tool, each as its parameter's type."""

import sys
from pathlib import Path
from typing import Any

from fairlead.machinery import encoding
from fairlead.machinery.errors import FairleadError
from fairlead.mcp.tools import Tool


class ArgumentError(FairleadError):
    """An argument cannot be read."""


def read(tool: Tool | None, given: list[str]) -> dict[str, Any]:
    """`@FILE` is what the file holds, `@-` standard input, `@@` a sign at the beginning; lists are comma-separated.

    What is not of its parameter's type stays text, so that the tool says what it takes. Raises `ArgumentError`.
    """
    types = {each.name: each.type for each in tool.parameters} if tool else {}
    found: dict[str, Any] = {}
    for each in given:
        key, sign, value = each.partition("=")
        if not sign:
            raise ArgumentError(f"{each!r} is no argument", "arguments are written KEY=VALUE")
        found[key] = _typed(str(types.get(key, "string")), _text(key, value))
    return found


def _text(key: str, value: str) -> str:
    if not value.startswith("@") or value.startswith("@@"):
        return value[1:] if value.startswith("@@") else value
    try:
        return sys.stdin.read() if value == "@-" else Path(value[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ArgumentError(
            f"{key}: {value[1:]} cannot be read", why or "", "a value that begins with @ is @@"
        ) from error


def _typed(kind: str, value: str) -> Any:
    if kind == "integer" and value.lstrip("-").isdigit():
        return int(value)
    if kind == "boolean" and value in ("true", "false"):
        return value == "true"
    if kind == "array" and not value.lstrip().startswith("["):
        return [each.strip() for each in value.split(",") if each.strip()]
    if kind in ("array", "object"):
        return encoding.from_yaml(value.encode())
    return value
