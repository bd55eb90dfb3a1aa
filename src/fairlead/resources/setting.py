"""Single fields of an object given as `path=value`, made into a merge patch.

Whoever changes one field should not have to write a patch, and a patch cannot reach into a list: a merge replaces it
whole. So a path may lead through a list by its index, and the whole list as it is now, with that one item changed, goes
into the patch; the version of the object, which goes with every patch, keeps it from overwriting a newer one.

Paths are those of `cleaning.selected`: dotted, and a key that holds dots is found because it is there. One that is not
there yet is written in brackets and quotes or with a backslash before each dot, as helm has it, except below labels
and annotations, whose keys are known to hold dots.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Any

from fairlead.machinery import encoding
from fairlead.machinery.errors import FairleadError

Object = dict[str, Any]
_KEYED = (("metadata", "labels"), ("metadata", "annotations"))
_PART = re.compile(r'\["(?P<quoted>[^"]+)"\]|\[(?P<index>\d+)\]|\.?(?P<plain>(?:\\.|[^.\[\]\\])+)')


class SettingError(FairleadError):
    """An assignment that cannot be made."""


def merge_patch(obj: Mapping[str, Any], assignments: Iterable[str] = (), removals: Iterable[str] = ()) -> Object:
    """Values are YAML: `3`, `true`, `[a, b]`, `{k: v}`; what is none is a string, and so is every label and annotation.

    Raises `SettingError`.
    """
    after = deepcopy(dict(obj))
    touched = [_assign(after, each) for each in assignments]
    touched += [_remove(after, each) for each in removals]
    patch: Object = {}
    for path in touched:
        _copy(after, patch, path)
    return patch


def _assign(after: Object, text: str) -> list[str]:
    where, sign, value = text.partition("=")
    if not sign or not where.strip():
        raise SettingError(f"{text!r} sets nothing", "", "write path=value, e.g. spec.parameters.size=20")
    path = parts(after, where)
    found = _within(after, path[:-1], where, makes=True)
    last = path[-1]
    if isinstance(found, list):
        _check_index(found, last, where, more=1)
        found[int(last) : int(last) + 1] = [_value(value)]
    else:
        found[last] = value if tuple(path[:-1]) in _KEYED else _value(value)
    return _keys(after, path)


def _remove(after: Object, where: str) -> list[str]:
    path = parts(after, where)
    found = _within(after, path[:-1], where, makes=False)
    last = path[-1]
    if isinstance(found, list):
        _check_index(found, last, where)
        del found[int(last)]
    elif last not in found:
        raise SettingError(f"there is no field {where!r}", "", f"there are: {', '.join(list(found)[:12]) or 'none'}")
    elif len(keys := _keys(after, path)) < len(path):
        del found[last]  # the list around it is sent whole
        return keys
    else:
        found[last] = None
    return _keys(after, path)


def _value(text: str) -> Any:
    try:
        return encoding.from_yaml(text) if text.strip() else ""
    except FairleadError:
        return text


def parts(obj: Mapping[str, Any], path: str) -> list[str]:
    """Keys and indices of a path, one after the other. Raises `SettingError`."""
    found: list[str] = []
    here: Any = obj
    left = path.strip().removeprefix(".")
    while left:
        key, left = _next(here, found, left, path)
        found.append(key)
        here = _below(here, key)
    return found


def _next(here: Any, before: Sequence[str], left: str, whole: str) -> tuple[str, str]:
    match = _PART.match(left)
    if match is None:
        raise SettingError(f"the path {whole!r} cannot be read at {left!r}", "", "write e.g. spec.rules[0].name")
    if match["plain"] is None:
        return str(match["quoted"] or match["index"]), left[match.end() :].removeprefix(".")
    if tuple(before) in _KEYED:
        return left.replace("\\.", "."), ""
    there = here if isinstance(here, Mapping) else ()
    known = [each for each in there if left == each or left.startswith((f"{each}.", f"{each}["))]
    key = max(known, key=len) if known else str(match["plain"])
    return key.replace("\\.", "."), left[len(key) :].removeprefix(".")


def _below(here: Any, key: str) -> Any:
    if isinstance(here, Mapping):
        return here.get(key)
    if isinstance(here, list) and key.isdigit() and int(key) < len(here):
        return here[int(key)]
    return None


def _within(obj: Any, path: Sequence[str], whole: str, *, makes: bool) -> Any:
    for each in path:
        if isinstance(obj, list):
            _check_index(obj, each, whole)
            obj = obj[int(each)]
            continue
        if makes and obj.get(each) is None:
            obj[each] = {}
        obj = obj.get(each)
        if not isinstance(obj, Mapping | list):
            there = "is no mapping" if obj is not None else "is not there"
            raise SettingError(f"the path {whole!r} leads nowhere: {each} {there}")
    return obj


def _check_index(found: Sequence[Any], key: str, whole: str, more: int = 0) -> None:
    if not key.isdigit() or int(key) >= len(found) + more:
        raise SettingError(f"{whole!r} names no item", "", f"the list has {len(found)}, counted from 0")


def _keys(obj: Any, path: Sequence[str]) -> list[str]:
    """As far as a merge patch can go: down to the first list."""
    found = []
    for each in path:
        if isinstance(obj, list):
            break
        found.append(each)
        obj = (obj or {}).get(each)
    return found


def _copy(source: Any, target: Object, path: Sequence[str]) -> None:
    for each in path[:-1]:
        source = source[each]
        target = target.setdefault(each, {})
    target[path[-1]] = source[path[-1]]
