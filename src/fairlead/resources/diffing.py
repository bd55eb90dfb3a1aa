"""What a write would make of an object, as lines, and whether it takes anything away.

A text diff of two YAML files shows moved lines as changes and needs its surroundings to be read; here each line carries
its whole path, so that it stands alone in a confirmation. It also decides what has to be confirmed: a line that begins
with `-` is something that is there now and would be gone or other afterwards, and nothing else makes such a line. So
what a person is asked about and what they are shown cannot drift apart.

An entry of a list is still there if it stands among the others in the same order with all that it held; entries with a
unique `name` are shown by it. What is compared are the true values; what is shown has gone through `redacting`.
"""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fairlead.machinery import redacting
from fairlead.machinery.values import same

Object = dict[str, Any]
_LONGEST_VALUE = 300
_BOOKKEEPING = frozenset(
    ("managedFields", "selfLink", "resourceVersion", "generation", "creationTimestamp", "uid", "deletionTimestamp")
)
# Of an object that comes or goes: whoever shows the difference names it, and nobody writes a status.
_SAID_ELSEWHERE = frozenset(("apiVersion", "kind", "metadata.name", "metadata.namespace", "status"))


@dataclass(frozen=True)
class Diff:
    lines: tuple[str, ...] = ()
    """Each begins with `+ ` or `- `; a value that was changed has both, without its secrets."""

    @property
    def removes(self) -> bool:
        """Whether anything that is there now would be gone or other."""
        return any(each.startswith("-") for each in self.lines)

    def __bool__(self) -> bool:
        return bool(self.lines)

    def text(self, most: int = 200) -> str:
        """What is removed is never left out of it."""
        if len(self.lines) <= most:
            return "\n".join(self.lines)
        kept = [each for index, each in enumerate(self.lines) if index < most or each.startswith("-")]
        return "\n".join([*kept, f"… and {len(self.lines) - len(kept)} more that are added"])


def diff(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Diff:
    """None for an object that is not there. Bookkeeping of the server is no difference."""
    one, other = _bare(before), _bare(after)
    seen, seen_after = redacting.shown(one), redacting.shown(other)
    if before is None or after is None:
        sign, shown = ("+", seen_after) if before is None else ("-", seen)
        said = [(path, value) for path, value in _leaves("", shown) if path.partition(".")[0] not in _SAID_ELSEWHERE]
        return Diff(tuple(f"{sign} {path}: {_text(value)}" for path, value in said if path not in _SAID_ELSEWHERE))
    return Diff(tuple(_objects("", (one, other), (seen, seen_after))))


def _bare(obj: Mapping[str, Any] | None) -> Object:
    """Without what the server alone writes; what the objects' kinds and names are is said elsewhere."""
    if obj is None:
        return {}
    metadata = {key: value for key, value in (obj.get("metadata") or {}).items() if key not in _BOOKKEEPING}
    metadata["annotations"] = dict(metadata.get("annotations") or {})
    metadata["annotations"].pop(redacting.LAST_APPLIED, None)
    return {**obj, "metadata": {key: value for key, value in metadata.items() if value not in ({}, [], None)}}


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key in sorted(value):
            yield from _leaves(_below(path, key), value[key])
    else:
        yield path, value


Pair = tuple[Any, Any]


def _values(path: str, true: Pair, shown: Pair) -> Iterator[str]:
    one, other = true
    if same(one, other):
        return
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        yield from _objects(path, true, shown)
    elif isinstance(one, list) and isinstance(other, list):
        yield from _lists(path, true, shown)
    else:
        yield from _replaced(path, shown)


def _replaced(path: str, shown: Pair) -> Iterator[str]:
    old, new = map(_text, shown)
    yield f"- {path}: {old}"
    yield f"+ {path}: {new}{' (another value)' if old == new else ''}"


def _objects(path: str, true: Pair, shown: Pair) -> Iterator[str]:
    one, other = true
    for key in sorted({*one, *other}):  # servers differ in their order
        inner = _below(path, key)
        if key not in other:
            yield f"- {inner}: {_text(_at(shown[0], key))}"
        elif key not in one:
            yield f"+ {inner}: {_text(_at(shown[1], key))}"
        else:
            yield from _values(inner, (one[key], other[key]), (_at(shown[0], key), _at(shown[1], key)))


def _at(value: Any, key: Any) -> Any:
    """What stands there of the redacted copy, which may have lost its inside."""
    if isinstance(value, Mapping):
        return value.get(key, redacting.MARKER)
    if isinstance(value, list) and isinstance(key, int) and key < len(value):
        return value[key]
    return redacting.MARKER


def _lists(path: str, true: Pair, shown: Pair) -> Iterator[str]:
    one, other = true
    names = _names(one), _names(other)
    pairs = _kept_in_order(one, other)
    if pairs is None and all(names):
        pairs = [(index, names[1].index(name)) for index, name in enumerate(names[0]) if name in names[1]]
        if pairs != sorted(pairs, key=lambda pair: pair[1]):
            yield f"- {path}: in the order {', '.join(names[0])}"
            yield f"+ {path}: in the order {', '.join(names[1])}"
    pairs = _matched(one, other) if pairs is None else pairs
    matched, added = dict(pairs), {index for _, index in pairs}
    for index, each in enumerate(one):
        inner = _entry(path, index, names[0])
        if index not in matched:
            yield f"- {inner}: {_text(_at(shown[0], index))}"
        else:
            to = matched[index]
            yield from _values(inner, (each, other[to]), (_at(shown[0], index), _at(shown[1], to)))
    for index in range(len(other)):
        if index not in added:
            yield f"+ {_entry(path, index, names[1])}: {_text(_at(shown[1], index))}"


def _kept_in_order(one: Sequence[Any], other: Sequence[Any]) -> list[tuple[int, int]] | None:
    """Where each entry of the one stands in the other with all that it holds; None where one does not."""
    found, at = [], 0
    for index, each in enumerate(one):
        while at < len(other) and not _keeps(each, other[at]):
            at += 1
        if at == len(other):
            return None
        found.append((index, at))
        at += 1
    return found


def _keeps(one: Any, other: Any) -> bool:
    """Whether all that is in the one is in the other as well."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return all(key in other and _keeps(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return _kept_in_order(one, other) is not None
    return same(one, other)


def _matched(one: Sequence[Any], other: Sequence[Any]) -> list[tuple[int, int]]:
    """Equal entries, and those that changed in place."""
    told, told_after = ([json.dumps(each, sort_keys=True) for each in side] for side in (one, other))
    pairs: list[tuple[int, int]] = []
    for kind, start, end, to, to_end in difflib.SequenceMatcher(None, told, told_after, autojunk=False).get_opcodes():
        if kind == "equal" or (kind == "replace" and end - start == to_end - to):
            pairs += zip(range(start, end), range(to, to_end), strict=True)
    return pairs


def _names(items: Sequence[Any]) -> list[str]:
    """Of entries that all have a name of their own; empty for others."""
    found = [each.get("name") for each in items if isinstance(each, Mapping)]
    names = [each for each in found if isinstance(each, str)]
    return names if len(names) == len(items) and len(set(names)) == len(names) else []


def _entry(path: str, index: int, names: Sequence[str]) -> str:
    return f"{path}[{_key(names[index]) if names else index}]"


def _below(path: str, key: str) -> str:
    if "." in key or "/" in key:
        return f"{path}[{_key(key)}]"
    return f"{path}.{_key(key)}" if path else _key(key)


def _key(key: str) -> str:
    """A key is anybody's to write: no line of a diff must end in it, nor a path seem to."""
    return key if key.isprintable() and not set(key) & set(" []") else json.dumps(key)


def _text(value: Any) -> str:
    """One line, whatever it holds."""
    plain = isinstance(value, str) and value.isprintable() and value.strip() == value != ""
    text = str(value) if plain else json.dumps(value, ensure_ascii=False, sort_keys=True)
    text = text if text.isprintable() else json.dumps(value, sort_keys=True)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}… ({len(text)} characters)"
