"""Defaults, filled in as the API server fills them.

It goes from the outside in, so a default that is an object is itself completed by the defaults inside it. A null that
the schema does not allow counts as absent: it is dropped where there is no default and replaced where there is one.
Defaults inside `anyOf`, `oneOf`, `allOf` and `not` do not exist (structural schemas forbid them).
"""

from copy import deepcopy
from typing import Any

from fairlead.machinery.structural import Node


def fill(value: Any, node: Node | None) -> None:
    """Changes `value` in place."""
    if node is None:
        return
    if isinstance(value, dict):
        _fill_object(value, node)
    elif isinstance(value, list):
        _fill_list(value, node)


def _fill_object(value: dict[str, Any], node: Node) -> None:
    for name, each in node.properties.items():
        if each.default is not None and (name not in value or _is_forbidden_null(value[name], each)):
            value[name] = deepcopy(each.default)
    for name in value:
        inner = node.field(name)
        if name not in node.properties and _is_forbidden_null(value[name], inner):
            value[name] = deepcopy(inner.default) if inner else None
        fill(value[name], inner)


def _fill_list(value: list[Any], node: Node) -> None:
    for index, each in enumerate(value):
        if node.items is not None and _is_forbidden_null(each, node.items):
            value[index] = deepcopy(node.items.default)
        fill(value[index], node.items)


def drop_nulls(value: Any, node: Node | None) -> None:
    """Removes in place each null that the schema neither allows nor replaces by a default; list items stay."""
    if isinstance(value, dict):
        for name in list(value):
            inner = node.field(name) if node else None
            if _is_forbidden_null(value[name], inner) and inner is not None and inner.default is None:
                del value[name]
            else:
                drop_nulls(value[name], inner)
    elif isinstance(value, list):
        for each in value:
            drop_nulls(each, node.items if node else None)


def _is_forbidden_null(value: Any, node: Node | None) -> bool:
    return value is None and node is not None and not node.nullable
