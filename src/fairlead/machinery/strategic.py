"""Strategic merge patch: a merge patch that knows which lists are merged, and by which key.

Only built-in kinds have it; custom resources answer 415. The keys come from the schema
(`x-kubernetes-patch-strategy`, `x-kubernetes-patch-merge-key`), the directives from the patch: `$patch`
(replace, delete), `$deleteFromPrimitiveList/<field>`, `$setElementOrder/<field>` and `$retainKeys`.
Source of the rules: `k8s.io/apimachinery/pkg/util/strategicpatch`.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from fairlead.machinery.statuses import BadRequest, InternalError, Invalid
from fairlead.machinery.structural import Node
from fairlead.machinery.values import same

_DIRECTIVE = "$patch"
_RETAIN_KEYS = "$retainKeys"
_DELETE_FROM = "$deleteFromPrimitiveList/"
_ORDER = "$setElementOrder/"

Object = dict[str, Any]


def strategic_merge(target: Object, patch: Object, schema: Node) -> Object:
    """The patched copy; `schema` is the kind's (`schemas.Schema.node`).

    Raises `BadRequest` for a malformed directive, `Invalid` for lists of lists, `InternalError` where the real server
    fails too: an item without its merge key, an unknown `$patch`.
    """
    return _merge(deepcopy(target), deepcopy(patch), schema)


def _merge(target: Object, patch: Object, schema: Node | None) -> Object:
    if _DIRECTIVE in patch:
        return _directed(patch)
    _retain_keys(target, patch)
    _merge_ordered_lists(target, patch, schema)
    for name, value in patch.items():
        if name.startswith(_DELETE_FROM):
            _delete_from(target, name.removeprefix(_DELETE_FROM), value)
        elif value is None:
            target.pop(name, None)
        elif name in target and type(target[name]) is type(value) and isinstance(value, dict | list):
            target[name] = _merge_member(target[name], value, schema.field(name) if schema else None)
        else:
            _set(target, name, value)
    return target


def _directed(patch: Object) -> Object:
    directive = patch.pop(_DIRECTIVE)
    if directive == "replace":
        return patch
    if directive == "delete":
        return {}
    raise InternalError(f"unknown patch type: {directive} in map: {_go_value({_DIRECTIVE: directive, **patch})}")


def _retain_keys(target: Object, patch: Object) -> None:
    """Drops from the target what the list does not name: how a union's other branch is cleared."""
    kept = patch.pop(_RETAIN_KEYS, None)
    if kept is None:
        return
    ignored = (_DELETE_FROM, _ORDER)
    named = [name for name, value in patch.items() if value is not None and not name.startswith(ignored)]
    if not isinstance(kept, list) or any(name not in kept for name in named):
        raise BadRequest("invalid patch format of retainKeys")
    for name in [name for name in target if name not in kept]:
        del target[name]


def _delete_from(target: Object, name: str, unwanted: Any) -> None:
    if isinstance(target.get(name), list) and isinstance(unwanted, list):
        target[name] = [each for each in target[name] if not _among(each, unwanted)]


def _merge_member(target: Any, patch: Any, schema: Node | None) -> Any:
    strategies = schema.patch_strategies if schema else frozenset()
    if isinstance(patch, dict):
        return patch if "replace" in strategies else _merge(target, patch, schema)
    if "merge" not in strategies or schema is None:
        return patch
    return _merge_lists(target, patch, schema)


def _set(target: Object, name: str, value: Any) -> None:
    clean, is_kept = _without_directives(_without_nulls(value))
    if is_kept:
        target[name] = clean
    else:
        target.pop(name, None)


# -- lists -------------------------------------------------------------------------------------------------------------


def _merge_lists(target: list[Any], patch: list[Any], schema: Node) -> list[Any]:
    if not target and not patch:
        return target
    if not _holds_objects([*target, *patch]):
        return _ordered(_unique([*target, *patch]), patch, target, lambda item: item)
    key = schema.patch_merge_key
    if not key:
        raise InternalError("cannot merge lists without merge key for schema")
    target, patch = _obey_items(target, patch, key)
    merged = list(target)
    for item in patch:
        position = _position(merged, key, _key_of(item, key))
        if position is None:
            merged.append(item)
        else:
            merged[position] = _merge(merged[position], item, schema.items)
    return _ordered(merged, patch, target, lambda item: _key_of(item, key))


def _holds_objects(items: list[Any]) -> bool:
    kinds = {type(item) for item in items}
    if list in kinds:
        raise Invalid("lists of lists are not supported")
    if len(kinds) > 1 and dict in kinds:
        raise InternalError("list element types are not identical")
    return dict in kinds


def _obey_items(target: list[Any], patch: list[Any], key: str) -> tuple[list[Any], list[Any]]:
    """Carries out the items that are directives; the patch comes back without them."""
    kept: list[Any] = []
    is_replaced = False
    for item in patch:
        directive = item.get(_DIRECTIVE, None)
        if directive is None:
            kept.append(item)
        elif directive == "delete":
            unwanted = _key_of(item, key)
            target = [each for each in target if not (key in each and same(each[key], unwanted))]
        elif directive == "replace":
            is_replaced = True
        elif directive == "merge":
            raise InternalError("merging lists cannot yet be specified in the patch")
        else:
            raise InternalError(f"unknown patch type: {directive} in map: {_go_value(item)}")
    return (kept, []) if is_replaced else (target, kept)


def _merge_ordered_lists(target: Object, patch: Object, schema: Node | None) -> None:
    """Lists with a `$setElementOrder`: that order first, then the patch's, then the stored one."""
    for directive in [name for name in patch if name.startswith(_ORDER)]:
        order = patch.pop(directive)
        name = directive.removeprefix(_ORDER)
        node = schema.field(name) if schema else None
        present, wanted = target.get(name), patch.pop(name, None)
        for each in (order, present, wanted):
            if not isinstance(each, list) and (each is order or each is not None):
                raise InternalError(f"expected a []interface {{}}, but received a {_go_type(each)}")
        key = node.patch_merge_key if node else ""
        identity = _identity(key)
        _check_order(wanted or [], order, identity)
        if present is None and wanted is None:
            continue
        if present is None:
            merged = _without_directives(wanted)[0]
        else:
            merged = present if wanted is None else _merge_member(present, wanted, node)
        target[name] = _ordered(merged, order, present or [], identity)


def _identity(key: str) -> Callable[[Any], Any]:
    return (lambda item: _key_of(item, key)) if key else lambda item: item


def _check_order(items: list[Any], order: list[Any], identity: Callable[[Any], Any]) -> None:
    """What the patch sets must occur in its order list, in the same order."""
    position = 0
    for item in items:
        if isinstance(item, dict) and _DIRECTIVE in item:
            continue
        while order and position < len(order) and not same(identity(order[position]), identity(item)):
            position += 1
        if order and position >= len(order):
            lists = f"\n{_go_value(items)}\n doesn't match $setElementOrder list:\n{_go_value(order)}\n"
            raise InternalError(f"The order in patch list:{lists}")
        position += 1


def _ordered(merged: list[Any], order: list[Any], stored: list[Any], identity: Callable[[Any], Any]) -> list[Any]:
    """Items named by `order` come in that order; the others keep their stored place relative to those."""
    ranks = [identity(each) for each in order]
    places = [identity(each) for each in stored]
    named = [each for each in merged if _rank(ranks, identity(each)) is not None]
    named.sort(key=lambda each: _rank(ranks, identity(each)) or 0)
    others = [each for each in merged if _rank(ranks, identity(each)) is None]
    result: list[Any] = []
    while named and others:
        mine, theirs = (_rank(places, identity(each[0])) for each in (named, others))
        takes_other = mine is not None and theirs is not None and theirs < mine
        result.append((others if takes_other else named).pop(0))
    return result + named + others


def _rank(identities: list[Any], wanted: Any) -> int | None:
    return next((index for index, each in enumerate(identities) if same(each, wanted)), None)


def _position(items: list[Any], key: str, wanted: Any) -> int | None:
    return next((index for index, each in enumerate(items) if key in each and same(each[key], wanted)), None)


def _key_of(item: Any, key: str) -> Any:
    if not isinstance(item, dict):
        raise InternalError(f"expected a map[string]interface {{}}, but received a {_go_type(item)}")
    if key not in item:
        raise InternalError(f"map: {_go_value(item)} does not contain declared merge key: {key}")
    return item[key]


def _unique(items: list[Any]) -> list[Any]:
    found: list[Any] = []
    for item in items:
        if not _among(item, found):
            found.append(item)
    return found


def _among(item: Any, others: list[Any]) -> bool:
    return any(same(item, other) for other in others)


# -- cleaning ----------------------------------------------------------------------------------------------------------


def _without_nulls(value: Any) -> Any:
    """List items that are null stay."""
    if isinstance(value, dict):
        return {name: _without_nulls(each) for name, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


def _without_directives(value: Any) -> tuple[Any, bool]:
    """The value for storing, and whether there is anything to store: an object that is itself a directive is not."""
    if isinstance(value, dict):
        if _DIRECTIVE in value:
            return None, False
        members = {name: _without_directives(each) for name, each in value.items()}
        return {name: each for name, (each, is_kept) in members.items() if is_kept}, True
    if isinstance(value, list):
        return [each for each, is_kept in map(_without_directives, value) if is_kept], True
    return value, True


def _go_type(value: Any) -> str:
    if value is None:
        return "%!s(<nil>)"
    names = {dict: "map[string]interface {}", list: "[]interface {}", str: "string", bool: "bool", int: "int64"}
    return names.get(type(value), "float64")


def _go_value(value: Any) -> str:
    """As Go prints a value in a sentence."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{name}:{_go_value(value[name])}' for name in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(_go_value, value))}]"
    if value is None:
        return "<nil>"
    return str(value).lower() if isinstance(value, bool) else str(value)
