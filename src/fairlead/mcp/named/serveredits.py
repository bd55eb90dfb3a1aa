"""Changes of a server's document by `key=value`, for people and scripts that do not open an editor.

Keys have dots (`tools.allow`, `identity.way`); values are YAML, and a list may be written with commas alone. What comes
out is read as every server file is, so that nothing is written that could not be served.
"""

import copy
from collections.abc import Iterable
from typing import Any

from fairlead.machinery import encoding
from fairlead.machinery.errors import FairleadError
from fairlead.mcp.named.serverkeys import KEYS

_LISTS = ("catalog", "allow", "deny", "subjects", "groups")


class EditError(FairleadError):
    """A change cannot be read."""


def changed(document: dict[str, Any], sets: Iterable[str], unsets: Iterable[str] = ()) -> dict[str, Any]:
    """A copy with the changes made, in order; keys of a server file first, as they are documented.

    Raises `EditError`.
    """
    found = copy.deepcopy(document)
    for each in unsets:
        _unset(found, each.split("."))
    for each in sets:
        path, sign, text = each.partition("=")
        if not sign or not all(path.split(".")):
            raise EditError(f"{each!r} is no change", "", "changes are written KEY=VALUE, as in tools.allow=pods_list")
        _set(found, path.split("."), _value(path, text))
    return {key: found[key] for key in sorted(found, key=_place)}


def _place(key: str) -> int:
    known = list(KEYS)
    return known.index(key) if key in known else len(known)


def _value(path: str, text: str) -> Any:
    if path.split(".")[-1] in _LISTS and not text.lstrip().startswith("["):
        return [each.strip() for each in text.split(",") if each.strip()]
    if path in ("name", "description"):
        return text
    try:
        return encoding.from_yaml(text)
    except FairleadError as error:
        raise EditError(f"the value of {path} cannot be read", error.why) from error


def _set(document: dict[str, Any], path: list[str], value: Any) -> None:
    *above, last = path
    for each in above:
        inner = document.setdefault(each, {})
        if not isinstance(inner, dict):
            raise EditError(f"{'.'.join(path)} cannot be set", f"{each} is no mapping")
        document = inner
    document[last] = value


def _unset(document: dict[str, Any], path: list[str]) -> None:
    *above, last = path
    inner: Any = document
    for each in above:
        inner = inner.get(each) if isinstance(inner, dict) else None
    if not isinstance(inner, dict) or last not in inner:
        raise EditError(f"{'.'.join(path)} cannot be unset", "it is not set")
    del inner[last]
    if above and not inner:
        _unset(document, above)
