"""JSON values compared as Go compares them."""

from typing import Any


def same(one: Any, other: Any) -> bool:
    """Deep equality in which `1` equals `1.0` but never `true`; Python alone says that `True == 1`."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
