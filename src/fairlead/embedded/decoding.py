"""Bodies become objects, with every complaint that the real server has about them before it looks at their content."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from fairlead.embedded import builtin_schemas
from fairlead.embedded.conforming import faults
from fairlead.embedded.kinds import Kind
from fairlead.machinery import statuses
from fairlead.machinery.encoding import DecodeError, from_yaml
from fairlead.machinery.messages import Request
from fairlead.machinery.negotiation import MediaType
from fairlead.machinery.structural import Node, compile_node

Object = dict[str, Any]

_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_BODY_TYPES = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
_GO_NAMES = {list: "array", str: "string", bool: "bool", int: "number", float: "number", type(None): "null"}


@dataclass
class Decoded:
    object: Object
    complaints: list[str] = field(default_factory=list)
    """Unknown and duplicate fields, each as the sentence that strict validation and warnings use."""


def essence(request: Request) -> str:
    return MediaType.parse(request.headers.get("content-type")).essence if request.headers.get("content-type") else ""


def unsupported(accepted: str) -> statuses.UnsupportedMediaType:
    return statuses.UnsupportedMediaType(
        f"the body of the request was in an unknown format - accepted media types include: {accepted}"
    )


def document(request: Request, must_be: str) -> Decoded:
    """The body of a POST, PUT or DELETE. Raises `BadRequest` and `UnsupportedMediaType`."""
    match essence(request):
        case "" | "application/json":
            return _from_json(request.body, must_be)
        case "application/yaml":
            return _from_yaml(request.body, must_be)
        case "application/vnd.kubernetes.protobuf":
            from fairlead.embedded import protobuf

            return Decoded(protobuf.decode(request.body))
    raise unsupported(_BODY_TYPES)


def _from_json(body: bytes, must_be: str) -> Decoded:
    duplicates: list[str] = []
    try:
        found = json.loads(body, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError) as error:
        raise _unrecognized(must_be, _go_json_error(body, error), _excerpt(body)) from None
    value = _plain(found, "", duplicates)
    if not isinstance(value, dict):
        fields = (
            'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
        )
        why = f"json: cannot unmarshal {go_name(value)} into Go value of type {fields}"
        raise _unrecognized(must_be, f"couldn't get version/kind; json parse error: {why}", body.hex()[:64])
    return Decoded(value, [f'duplicate field "{each}"' for each in duplicates])


class _Pairs(list[tuple[str, Any]]):
    """An object as it stood in the text, so that repeated members can be told."""


def _plain(value: Any, path: str, duplicates: list[str]) -> Any:
    if isinstance(value, _Pairs):
        found: Object = {}
        for key, each in value:
            place = f"{path}.{key}" if path else key
            if key in found:
                duplicates.append(place)
            found[key] = _plain(each, place, duplicates)
        return found
    if isinstance(value, list):
        return [_plain(each, f"{path}[{index}]", duplicates) for index, each in enumerate(value)]
    return value


def _go_json_error(body: bytes, error: Exception) -> str:
    text = body.decode(errors="replace").rstrip()
    at = getattr(error, "pos", 0)
    if at >= len(text):
        why = "unexpected end of JSON input"
    else:
        why = f"invalid character {text[at]!r} looking for beginning of value"
    return f"couldn't get version/kind; json parse error: {why}"


def _excerpt(body: bytes) -> str:
    return body.decode(errors="replace")[:64] if body else "<empty>"


def _unrecognized(must_be: str, why: str, excerpt: str) -> statuses.BadRequest:
    return statuses.BadRequest(f"the object provided is unrecognized (must be of type {must_be}): {why} ({excerpt})")


def _from_yaml(body: bytes, must_be: str) -> Decoded:
    try:
        found = from_yaml(body)
    except DecodeError as error:
        raise statuses.BadRequest(f"error converting YAML to JSON: {error.why or error.what}") from None
    if not isinstance(found, dict):
        raise _unrecognized(must_be, "couldn't get version/kind; the YAML document is no object", _excerpt(body))
    return Decoded(found)


def go_name(value: Any) -> str:
    """What encoding/json calls the type of a value."""
    return _GO_NAMES.get(type(value), "object")


def typed(kind: Kind, decoded: Decoded) -> Decoded:
    """The object of that kind, without fields that nobody knows; those are among the complaints.

    Raises `BadRequest` for another apiVersion and for values of the wrong type in metadata or in a built-in kind.
    """
    obj = decoded.object
    api_version, name = obj.get("apiVersion", ""), obj.get("kind", "")
    if kind.custom:
        _check_custom_type(kind, obj, api_version, name)
    else:
        _check_built_in_type(kind, api_version, name)
        obj["kind"], obj["apiVersion"] = kind.kind, kind.api_version
    if obj.get("metadata") is None:
        obj["metadata"] = {}
    _check_metadata(kind, obj)
    schema = kind.schema()
    if schema is not None and not kind.custom:
        content = {key: value for key, value in obj.items() if key != "metadata"}
        for fault in faults(kind.kind, content, schema.node):
            raise statuses.BadRequest(f"{_handled(kind)}: {fault}")
        drop_nulls(content)
        obj = {**content, "metadata": obj["metadata"]}
    unknown = schema.prune(obj) if schema is not None else []
    complaints = [*decoded.complaints, *(f'unknown field "{each}"' for each in sorted(unknown, key=_metadata_first))]
    return Decoded(obj, complaints)


def _metadata_first(path: str) -> tuple[bool, str]:
    return (not path.startswith("metadata."), path)


def _handled(kind: Kind) -> str:
    return f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}'


def _check_custom_type(kind: Kind, obj: Object, api_version: str, name: str) -> None:
    if api_version != kind.api_version and not (name == "" and api_version == ""):
        raise statuses.BadRequest(
            f"the API version in the data ({api_version}) does not match the expected API version ({kind.api_version})"
        )
    if not name:
        text = json.dumps(obj, separators=(",", ":"))
        raise _unrecognized(kind.kind, f"Object 'Kind' is missing in '{text}'", f"{text[:31]} ...")


def _check_built_in_type(kind: Kind, api_version: str, name: str) -> None:
    """Absent parts are filled in; a wrong one never fits."""
    if name not in ("", kind.kind):
        raise statuses.BadRequest(
            f'{name} in version "{kind.version}" cannot be handled as a {kind.kind}: no kind "{name}" can become one'
        )
    if api_version not in ("", kind.api_version):
        version = api_version.rpartition("/")[2]
        raise statuses.BadRequest(
            f'{kind.kind} in version "{version}" cannot be handled as a {kind.kind}: no kind "{kind.kind}" is '
            f'registered for version "{api_version}" in scheme "pkg/runtime/scheme.go:111"'
        )


def _check_metadata(kind: Kind, obj: Object) -> None:
    metadata = obj["metadata"]
    if not isinstance(metadata, dict):
        why = f"json: cannot unmarshal {go_name(metadata)} into Go value of type v1.ObjectMeta"
        raise statuses.BadRequest(f"{_handled(kind)}: {why}")
    for fault in faults("ObjectMeta", metadata, _object_meta()):
        raise statuses.BadRequest(f"{_handled(kind)}: {fault}")
    drop_nulls(metadata)


@cache
def _object_meta() -> Node:
    return compile_node(builtin_schemas.definitions()[_META], builtin_schemas.definitions())


def drop_nulls(value: Any) -> None:
    """A null member of a typed object is the same as none."""
    if isinstance(value, dict):
        for key in [key for key, each in value.items() if each is None]:
            del value[key]
    for each in _children(value):
        drop_nulls(each)


def _children(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def complain(kind: Kind, decoded: Decoded, validation: str) -> list[str]:
    """Warnings for the answer. Raises `BadRequest` where the client asked for `Strict`."""
    if validation == "Ignore" or not decoded.complaints:
        return []
    if validation == "Strict":
        raise statuses.BadRequest(f"{_handled(kind)}: strict decoding error: {', '.join(decoded.complaints)}")
    return decoded.complaints
