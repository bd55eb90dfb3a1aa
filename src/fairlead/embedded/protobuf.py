"""Reads the protobuf bodies that kubectl sends for built-in kinds.

Since 1.32 kubectl's typed commands (`create`, `auth can-i`, …) send `application/vnd.kubernetes.protobuf` without
asking whether the server understands it. Answers may stay JSON, so only reading is needed; a table of field numbers
recorded from the Go types (`testenv/recording_protobuf.py`) does it for every kind, where generated classes would bring
a dependency and 5 MB. A body comes from anyone who may connect: every length is checked against what is left.

Source: `k8s.io/apimachinery/pkg/runtime/serializer/protobuf`, and the encoding page of protobuf.dev.
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any

from fairlead.machinery.statuses import BadRequest, UnsupportedMediaType

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\x00"
DEEPEST = 32
"""Nested messages; the deepest kind here needs seven."""

Fields = Mapping[int, tuple[str, str, bool]]
"""By number: JSON name, type, whether a zero value is written. Types are explained by `recording_protobuf.resolve`."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def decode(body: bytes) -> dict[str, Any]:
    """The object as its JSON would read. Raises `BadRequest`, and `UnsupportedMediaType` for a kind without a table."""
    if not body.startswith(MAGIC):
        raise BadRequest("the body does not begin as Kubernetes protobuf does")
    api_version, kind, raw = _envelope(body[len(MAGIC) :])
    message = _message_of(api_version, kind)
    return {"apiVersion": api_version, "kind": kind, **_read(raw, message, 0)}


def _envelope(body: bytes) -> tuple[str, str, bytes]:
    found = {1: b"", 2: b"", 3: b"", 4: b""}
    for number, value in _parts(body):
        found[number] = _bytes(value)
    if found[3]:
        raise UnsupportedMediaType("protobuf bodies with a content encoding are not supported")
    named = {number: _text(value) for number, value in _parts(found[1])}
    return named.get(1, ""), named.get(2, ""), found[2]


def _message_of(api_version: str, kind: str) -> str:
    if kind == "DeleteOptions":
        return "meta.DeleteOptions"
    message = _recorded()["kinds"].get(f"{api_version}/{kind}")
    if message is None:
        raise UnsupportedMediaType(
            f"{kind or 'an object'} of {api_version or 'no version'} cannot be sent as protobuf here; send it as JSON"
        )
    return str(message)


@cache
def _recorded() -> Any:
    data = resources.files(__package__).joinpath("data/protobuf_fields.json")
    return json.loads(data.read_text(encoding="utf-8"))


@cache
def fields_of(message: str) -> Fields:
    return {number: (name, kind, kept == "*") for number, name, kind, kept in _recorded()["messages"][message]}


# --- messages ---


def _read(data: bytes, message: str, depth: int) -> dict[str, Any]:
    if depth > DEEPEST:
        raise BadRequest("the protobuf body is nested too deeply")
    fields = fields_of(message)
    found: dict[str, Any] = {}
    for number, value in _parts(data):
        if number in fields:  # others are from a newer client
            name, kind, _ = fields[number]
            found[name] = _merged(found.get(name), kind, value, depth)
    kept = {name for name, _, zero in fields.values() if zero}
    return {name: each for name, each in found.items() if not _is_zero(each) or (name in kept and each is not None)}


def _merged(before: Any, kind: str, value: "int | bytes", depth: int) -> Any:
    if kind.startswith("[]"):
        return [*(before or []), _value(kind[2:], value, depth)]
    if kind.startswith("map:"):
        key, each = _pair(kind[4:], _bytes(value), depth)
        return {**(before or {}), key: each}
    return _value(kind, value, depth)


def _pair(kind: str, data: bytes, depth: int) -> tuple[str, Any]:
    key, found = "", _value(kind, b"", depth)
    for number, value in _parts(data):
        if number == 1:
            key = _text(value)
        elif number == 2:
            found = _value(kind, value, depth)
    return key, found


def _is_zero(value: Any) -> bool:
    return value is None or value == "" or value == {} or value == [] or (value == 0 and not isinstance(value, float))


# --- values ---


def _value(kind: str, value: "int | bytes", depth: int) -> Any:
    if kind.startswith("items:[]"):
        return [_value(kind[8:], each, depth + 1) for number, each in _parts(_bytes(value)) if number == 1]
    if kind in _SCALARS:
        return _SCALARS[kind](value)
    return _read(_bytes(value), kind, depth + 1)


def _bytes(value: "int | bytes") -> bytes:
    if isinstance(value, int):
        raise BadRequest("the protobuf body has a number where bytes belong")
    return value


def _text(value: "int | bytes") -> str:
    try:
        return _bytes(value).decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest("the protobuf body has a text that is not UTF-8") from None


def _number(value: "int | bytes") -> int:
    """Two's complement: a negative number takes all ten bytes of a varint."""
    if isinstance(value, bytes):
        if value:
            raise BadRequest("the protobuf body has bytes where a number belongs")
        return 0
    return value - (1 << 64) if value >= 1 << 63 else value


def _instant(value: "int | bytes") -> tuple[datetime | None, int]:
    """And its nanoseconds. An empty message is Go's zero time, which JSON writes as null."""
    data = _bytes(value)
    found = {number: _number(each) for number, each in _parts(data)}
    nanoseconds = found.get(2, 0)
    if not data:
        return None, 0
    if not 0 <= nanoseconds < 10**9:
        raise BadRequest("the protobuf body has a time that is none")
    try:
        return _EPOCH + timedelta(seconds=found.get(1, 0)), nanoseconds
    except OverflowError:
        raise BadRequest("the protobuf body has a time that is none") from None


def _time(value: "int | bytes") -> str | None:
    instant, _ = _instant(value)
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}".rjust(20, "0") if instant else None


def _microtime(value: "int | bytes") -> str | None:
    instant, nanoseconds = _instant(value)
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{nanoseconds // 1000:06}Z".rjust(27, "0") if instant else None


def _int_or_string(value: "int | bytes") -> int | str:
    found = dict(_parts(_bytes(value)))
    if _number(found.get(1, 0)) == 0:
        return _number(found.get(2, 0))
    return _text(found.get(3, b""))


def _json(value: "int | bytes") -> Any:
    found = dict(_parts(_bytes(value)))
    try:
        return json.loads(_bytes(found.get(1, b"{}")) or b"{}")
    except (ValueError, RecursionError):
        raise BadRequest("the protobuf body has JSON that cannot be read") from None


def _quantity(value: "int | bytes") -> str:
    return _text(dict(_parts(_bytes(value))).get(1, b""))


_SCALARS: Mapping[str, Callable[["int | bytes"], Any]] = {
    "string": _text,
    "bytes": lambda value: base64.b64encode(_bytes(value)).decode("ascii"),
    "bool": lambda value: bool(_number(value)),
    "int32": _number,
    "int64": _number,
    "time": _time,
    "microtime": _microtime,
    "intorstring": _int_or_string,
    "quantity": _quantity,
    "json": _json,
}


# --- the wire ---


def _parts(data: bytes) -> Iterator[tuple[int, "int | bytes"]]:
    """Field numbers with their varints or bytes; fixed-size numbers, which no kind here has, are passed over."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if number == 0:
            raise BadRequest("the protobuf body has a field without a number")
        if wire == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire == 2:
            length, at = _varint(data, at)
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
        else:
            raise BadRequest("the protobuf body has a field of an unknown wire type")
        if length > len(data) - at:
            raise BadRequest("the protobuf body ends within a field")
        if wire == 2:
            yield number, data[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """The number and the place after it."""
    found = 0
    for count, byte in enumerate(data[at : at + 10]):
        found |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return found & ((1 << 64) - 1), at + count + 1
    raise BadRequest("the protobuf body ends within a number, or the number is too long")
