"""An answer without what two servers may never agree on: uids, resourceVersions, times, generated suffixes.

Each is replaced by a word that keeps its meaning: the first object seen is uid-1 on both sides, its second version
rv-1.2, so a write that changes nothing must change nothing on either side.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from fairlead.machinery import encoding
from fairlead.machinery.messages import Response
from tests.differential.operations import Target

_UID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_TIME = re.compile(r"\b20[2-9]\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
_GENERATED = re.compile(r"\b(gen-|Bad_)[bcdfghjklmnpqrstvwxz2456789]{5}\b")
_CURRENT = re.compile(r"(Too large resource version: \d+, current: )\d+")
_AGE = re.compile(r"\d+(?:s|m|m\d+s|h|h\d+m|d)")
_NUMBER = re.compile(r"(?<=\()\d+(?=\))")
NOBODY = "00000000-0000-0000-0000-000000000000"
Object = dict[str, Any]


@dataclass
class Memory:
    """What one side has answered so far."""

    uids: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    seen: dict[Target, list[Object]] = field(default_factory=dict)
    """Of each object its versions, the newest last."""

    def reference(self, kind: str, of: Target) -> str:
        """`oldrv` is the version before the last one that was read."""
        found = self.seen.get(of, [])
        if kind == "uid":
            return str(found[-1]["metadata"]["uid"]) if found else NOBODY
        last = found[-1] if kind == "rv" and found else found[-2] if len(found) > 1 else None
        return str(last["metadata"]["resourceVersion"]) if last else "1"

    def last(self, target: Target) -> Object | None:
        found = self.seen.get(target)
        return found[-1] if found else None

    def remember(self, obj: Object) -> None:
        metadata = obj["metadata"]
        found = self.seen.setdefault((metadata.get("namespace", ""), metadata["name"]), [])
        if not found or found[-1]["metadata"]["resourceVersion"] != metadata["resourceVersion"]:
            found.append(obj)
            del found[:-2]

    def uid(self, uid: str) -> str:
        return self.uids.setdefault(uid, f"uid-{len(self.uids) + 1}")

    def version(self, uid: str, version: str) -> str:
        if version not in self.versions:
            self.counts[uid] = self.counts.get(uid, 0) + 1
            self.versions[version] = f"rv-{self.uid(uid).removeprefix('uid-')}.{self.counts[uid]}"
        return self.versions[version]


class Number(str):
    """A JSON number in its own digits: 1.0 is not 1."""

    __slots__ = ()


def parsed(body: bytes) -> Any:
    """Raises `ValueError` for what is not JSON."""
    return json.loads(body, parse_int=Number, parse_float=Number)


def documents(answer: Response) -> list[Any]:
    """The JSON or YAML documents of a body; a watch has many."""
    assert isinstance(answer.body, bytes)
    if not answer.body:
        return []
    if answer.headers.get("content-type").startswith("application/yaml"):
        return [json.loads(json.dumps(encoding.from_yaml(answer.body)), parse_int=Number, parse_float=Number)]
    try:
        return [parsed(answer.body)]
    except ValueError:
        pass
    try:
        return [parsed(line) for line in answer.body.splitlines()]
    except ValueError:
        return [answer.body.decode(errors="replace")]


def objects(value: Any) -> Iterator[Object]:
    """Every object with a uid and a version that an answer holds, whole ones only."""
    if isinstance(value, dict):
        metadata = value.get("metadata")
        if value.get("kind") == "Widget" and isinstance(metadata, dict) and metadata.get("uid"):
            if metadata.get("resourceVersion"):
                yield value
            return
        for each in value.values():
            yield from objects(each)
    elif isinstance(value, list):
        for each in value:
            yield from objects(each)


def normalised(value: Any, memory: Memory) -> Any:
    """Order first, so that what is met first is the same on both sides; then names for what differs."""
    _note_versions(value, memory)
    return _words(value, memory)


def _note_versions(value: Any, memory: Memory) -> None:
    if isinstance(value, dict):
        metadata = value.get("metadata")
        if isinstance(metadata, dict) and isinstance(metadata.get("uid"), str) and _UID.fullmatch(metadata["uid"]):
            memory.uid(metadata["uid"])
            if metadata.get("resourceVersion"):
                memory.version(metadata["uid"], metadata["resourceVersion"])
        for each in value.values():
            _note_versions(each, memory)
    elif isinstance(value, list):
        for each in value:
            _note_versions(each, memory)


def _words(value: Any, memory: Memory) -> Any:
    if isinstance(value, dict):
        shown = {key: _member(key, each, memory) for key, each in value.items()}
        return {key: each for key, each in shown.items() if key != "managedFields" or each}
    if isinstance(value, list):
        return [_words(each, memory) for each in value]
    if isinstance(value, Number):
        return value
    return _text(value, memory) if isinstance(value, str) else value


def _member(key: str, value: Any, memory: Memory) -> Any:
    if key == "resourceVersion" and isinstance(value, str):
        return memory.versions.get(value, "of the collection" if value.isdigit() and len(value) > 1 else value)
    if key == "continue" and isinstance(value, str):
        return "more" if value else ""
    if key == "managedFields" and isinstance(value, list):
        value = [shown for each in value if (shown := _without_owners(each))["fieldsV1"]]
        value = sorted(value, key=lambda each: json.dumps({**each, "time": ""}, sort_keys=True))
    if (
        key == "causes"
        and isinstance(value, list)
        and all(each.get("reason") == "FieldManagerConflict" for each in value)
    ):
        value = sorted(value, key=lambda each: (each["field"], each["message"]))  # in the order of a map of Go's
    if key == "cells" and isinstance(value, list):
        value = ["an age" if isinstance(each, str) and _AGE.fullmatch(each) else each for each in value]
    return _words(value, memory)


def _without_owners(entry: Any) -> Any:
    """Who owns owner references is not mapped: they travel in an annotation (reference/aggregation-layer.md §7.8)."""
    owned = dict(entry.get("fieldsV1") or {})
    metadata = {key: each for key, each in owned.pop("f:metadata", {}).items() if key != "f:ownerReferences"}
    return {**entry, "fieldsV1": owned | ({"f:metadata": metadata} if metadata else {})}


def _text(value: str, memory: Memory) -> str:
    value = _UID.sub(lambda found: memory.uids.get(found.group(), found.group()), value)
    value = _GENERATED.sub(r"\1(suffix)", _TIME.sub("(time)", value))
    value = _CURRENT.sub(r"\1(version)", value)
    return _NUMBER.sub(lambda found: memory.versions.get(found.group(), found.group()), value)


def ordered(value: Any, key: Callable[[Any], Any]) -> Any:
    """A list or Table with its entries in the order of `key`, for answers whose order is not promised."""
    for name in ("items", "rows"):
        if isinstance(value, dict) and isinstance(value.get(name), list):
            return {**value, name: sorted(value[name], key=key)}
    return value


def place(entry: Any) -> tuple[str, str, str]:
    """Of an item or a row: namespace, name without a generated suffix, and when it was made."""
    metadata = (entry.get("object") or entry).get("metadata") or {}
    name = _GENERATED.sub(r"\1", str(metadata.get("name", "")))
    return str(metadata.get("namespace", "")), name, str(metadata.get("name", ""))
