"""An object without what only machines read, for people and agents who read it whole.

Nothing is taken away that answers a question: conditions, finalizers, owner references, generations stay. What goes is
bookkeeping that is longer than the object itself. Secrets go as everywhere (`machinery.redacting`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fairlead.machinery import redacting
from fairlead.machinery.errors import FairleadError

Object = dict[str, Any]
_BOOKKEEPING = ("managedFields", "selfLink")
_ORDER = ("apiVersion", "kind", "metadata", "spec", "data", "status")


class NoSuchFieldError(FairleadError):
    """A path that leads nowhere in this object."""


def cleaned(obj: Mapping[str, Any]) -> Object:
    """What is shown of an object; in the order in which people read it."""
    found: Object = redacting.shown(_without_bookkeeping(obj))
    first = {key: found[key] for key in _ORDER if key in found}
    return first | {key: value for key, value in found.items() if key not in first}


def _without_bookkeeping(obj: Mapping[str, Any]) -> Object:
    metadata = {key: value for key, value in (obj.get("metadata") or {}).items() if key not in _BOOKKEEPING}
    annotations = {
        key: value for key, value in (metadata.get("annotations") or {}).items() if key != redacting.LAST_APPLIED
    }
    metadata.pop("annotations", None)
    return {**obj, "metadata": metadata | ({"annotations": annotations} if annotations else {})}


def selected(obj: Mapping[str, Any], paths: Sequence[str]) -> Object:
    """Only the fields at these dotted paths, each in its place. Raises `NoSuchFieldError`."""
    found: Object = {}
    for path in paths:
        _copy(obj, found, path.strip().removeprefix("."), path)
    return found


def _copy(source: Mapping[str, Any], target: Object, path: str, whole: str) -> None:
    key = _key(source, path)
    if key is None:
        near = ", ".join(list(source)[:12])
        raise NoSuchFieldError(f"the object has no field {whole!r}", "", f"there are: {near}")
    rest = path[len(key) + 1 :]
    value = source[key]
    if not rest or not isinstance(value, Mapping):
        target[key] = value
        return
    inner = target.setdefault(key, {})
    if isinstance(inner, dict):
        _copy(value, inner, rest, whole)


def _key(source: Mapping[str, Any], path: str) -> str | None:
    """The longest key that the path begins with: keys of labels and annotations hold dots."""
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        key = ".".join(parts[:length])
        if key in source:
            return key
    return None
