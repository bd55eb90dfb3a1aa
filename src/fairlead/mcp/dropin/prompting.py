"""Prompts that a `config.toml` writes down: texts with `{{argument}}`, which is filled in and nothing else.

What is filled in is what a person gives; it is not looked into for more of the kind, and a name that the prompt does
not have stays as it stands.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal, cast

from fairlead.mcp.contents import Message, Prompt, PromptArgument, Text
from fairlead.mcp.dropin.checking import Fail

_NAME = re.compile(r"\{\{\s*([\w-]+)\s*\}\}")


def prompts(table: Mapping[str, Any], fail: Fail) -> tuple[Prompt, ...]:
    """Raises what `fail` makes."""
    found = tuple(_prompt(each, fail) for each in table.get("prompts") or ())
    if len({each.name for each in found}) < len(found):
        raise fail("prompts", "two have one name")
    return found


def _prompt(found: Mapping[str, Any], fail: Fail) -> Prompt:
    name = _text(found, "name", fail)
    messages = [_message(each, fail) for each in _tables(found, "messages", fail)]
    if not name or not messages:
        raise fail("prompts", "each has a name and messages")
    arguments = tuple(_argument(each, fail) for each in _tables(found, "arguments", fail))
    known = {each.name for each in arguments}

    async def render(call: Any, given: Mapping[str, str]) -> list[Message]:
        values = dict.fromkeys(known, "") | dict(given)
        return [Message(Text(_filled(text, values)), role) for role, text in messages]

    return Prompt(name, _text(found, "description", fail), render, arguments)


def _filled(text: str, values: Mapping[str, str]) -> str:
    return _NAME.sub(lambda found: values.get(found[1], found[0]), text)


def _message(found: Mapping[str, Any], fail: Fail) -> tuple[Literal["user", "assistant"], str]:
    role = _text(found, "role", fail) or "user"
    if role not in ("user", "assistant"):
        raise fail("prompts.messages", "its role is user or assistant")
    return cast("Literal['user', 'assistant']", role), _text(found, "content", fail)


def _argument(found: Mapping[str, Any], fail: Fail) -> PromptArgument:
    name = _text(found, "name", fail)
    if not name:
        raise fail("prompts.arguments", "each has a name")
    return PromptArgument(name, _text(found, "description", fail), found.get("required") is True)


def _text(found: Mapping[str, Any], key: str, fail: Fail) -> str:
    value = found.get(key, "")
    if not isinstance(value, str):
        raise fail(f"prompts.{key}", "it is a text")
    return value


def _tables(found: Mapping[str, Any], key: str, fail: Fail) -> list[Mapping[str, Any]]:
    value = found.get(key) or []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise fail(f"prompts.{key}", "it is a list of tables")
    return value
