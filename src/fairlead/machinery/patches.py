"""JSON patch (RFC 6902) and JSON merge patch (RFC 7396), as the API server applies them.

The RFCs leave room where the server's library (evanphx/json-patch v4) decided: a `replace` of an absent member adds it,
an index may count from the end, a `copy` of what is absent gives null, a `test` for null holds for an absent member.
Clients were written against that, so the few lines of RFC 6902 are our own: the library `jsonpatch` differs in each.

Nothing here changes its arguments.
"""

import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from fairlead.machinery.statuses import BadRequest, Invalid, TooLarge
from fairlead.machinery.values import same

MAX_OPERATIONS = 10_000
# All that the real server says, whatever did not apply.
_REFUSED = "the server rejected our request due to an error in our request"

_ABSENT: Any = object()


class _DoesNotApply(Exception):
    pass


def merge_patch(target: Any, patch: Any) -> Any:
    """The patched copy; a null in the patch removes its member. What is no object replaces the target whole.

    In a list of the patch, too, the objects lose their nulls, as on the server (RFC 7396 would keep them there).
    """
    if not isinstance(patch, dict):
        return deepcopy(patch) if isinstance(target, dict) else _without_nulls(patch)
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(each) for name, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


def json_patch(target: Any, operations: Any) -> Any:
    """The patched copy.

    Raises `BadRequest` when the operations are no list of operations, `TooLarge` beyond `MAX_OPERATIONS`, and `Invalid`
    (422) when one of them does not apply.
    """
    operations = [] if operations is None else operations  # as Go reads null into a list
    _check_shape(operations)
    if len(operations) > MAX_OPERATIONS:
        limit = f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(operations)}"
        raise TooLarge(f"Request entity too large: {limit}")
    document = deepcopy(target)
    try:
        for operation in operations:
            document = _apply(document, operation)
    except _DoesNotApply:
        raise Invalid(_REFUSED, {}) from None
    return document


def _check_shape(operations: Any) -> None:
    problem = "json: cannot unmarshal {} into Go value of type {}handlers.jsonPatchOp"
    if not isinstance(operations, list):
        raise BadRequest(f"error decoding patch: {problem.format(_go_type(operations), '[]')}")
    for each in operations:
        if each is None:
            continue
        if not isinstance(each, dict):
            raise BadRequest(f"error decoding patch: {problem.format(_go_type(each), '')}")
        for member in ("op", "path", "from"):
            if not isinstance(each.get(member, ""), str | None):
                into = f"Go struct field jsonPatchOp.{member} of type string"
                raise BadRequest(f"error decoding patch: json: cannot unmarshal {_go_type(each[member])} into {into}")


def _go_type(value: Any) -> str:
    """What Go's decoder calls a JSON value."""
    for kind, name in ((bool, "bool"), (dict, "object"), (list, "array"), (str, "string")):
        if isinstance(value, kind):
            return name
    return "number"


def _apply(document: Any, operation: dict[str, Any] | None) -> Any:
    handler = _HANDLERS.get((operation or {}).get("op") or "")
    if handler is None or operation is None:
        raise _DoesNotApply
    return handler(document, operation)


def _add(document: Any, operation: dict[str, Any]) -> Any:
    _insert(*_find(document, operation.get("path")), deepcopy(operation.get("value")))
    return document


def _remove(document: Any, operation: dict[str, Any]) -> Any:
    _delete(*_find(document, operation.get("path")))
    return document


def _replace(document: Any, operation: dict[str, Any]) -> Any:
    path, value = operation.get("path"), deepcopy(operation.get("value"))
    if path == "" and isinstance(value, dict | list):
        return value
    container, key = _find(document, path)
    container[_index(container, key) if isinstance(container, list) else key] = value
    return document


def _move(document: Any, operation: dict[str, Any]) -> Any:
    container, key = _find(document, operation.get("from"))
    value = _get(container, key)
    _delete(container, key)
    _insert(*_find(document, operation.get("path")), value)
    return document


def _copy(document: Any, operation: dict[str, Any]) -> Any:
    value = _get(*_find(document, operation.get("from")))
    _insert(*_find(document, operation.get("path")), None if value is _ABSENT else deepcopy(value))
    return document


def _test(document: Any, operation: dict[str, Any]) -> Any:
    path = operation.get("path")
    found = document if path == "" else _get(*_find(document, path))
    if not same(None if found is _ABSENT else found, operation.get("value")):
        raise _DoesNotApply
    return document


_HANDLERS: dict[str, Callable[[Any, dict[str, Any]], Any]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}


def _find(document: Any, pointer: str | None) -> tuple[Any, str]:
    """The container that the last part of the pointer (RFC 6901) is a member of, and that part."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in (pointer or "").split("/")]
    if len(parts) < 2:
        raise _DoesNotApply
    for part in parts[1:-1]:
        document = _get(document, part)
        if not isinstance(document, dict | list):
            raise _DoesNotApply
    return document, parts[-1]


def _get(container: Any, key: str) -> Any:
    return container.get(key, _ABSENT) if isinstance(container, dict) else container[_index(container, key)]


def _insert(container: Any, key: str, value: Any) -> None:
    if isinstance(container, dict):
        container[key] = value
    elif key == "-":
        container.append(value)
    else:
        container.insert(_index(container, key, places=len(container) + 1), value)


def _delete(container: Any, key: str) -> None:
    if isinstance(container, list):
        del container[_index(container, key)]
    elif container.pop(key, _ABSENT) is _ABSENT:
        raise _DoesNotApply


def _index(items: list[Any], key: str, *, places: int | None = None) -> int:
    """`places`: how many indices are valid; as many as there are items unless told otherwise."""
    places = len(items) if places is None else places
    if not re.fullmatch(r"[-+]?[0-9]+", key) or not -places <= int(key) < places:
        raise _DoesNotApply
    return int(key) % places
