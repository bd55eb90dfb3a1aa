"""Request bodies: what arrives, read as far as needed, and refused as the API server refuses it.

Bodies are JSON or YAML. JSON keeps the bytes of everything but metadata; YAML has to be read whole, and the API server
turns it into JSON first as well.

Source: `pkg/endpoints/handlers` of k8s.io/apiserver; reference/aggregation-layer.md §7.2 to §7.5.
"""

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from fairlead.connector import naming, secretnames
from fairlead.connector.mapping import Fields, fields, owners, raw, text
from fairlead.machinery import encoding, ownerreferences, statuses
from fairlead.machinery.fielderrors import invalid
from fairlead.machinery.messages import Headers
from fairlead.machinery.negotiation import MediaType

JSON = "application/json"
YAML = "application/yaml"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
PATCHES = (JSON_PATCH, MERGE_PATCH, APPLY_PATCH)


def media_type(content_type: str, accepted: Sequence[str]) -> str:
    """Without parameters; absent means JSON, where that is accepted. Raises `UnsupportedMediaType`."""
    found = MediaType.parse(content_type).essence if content_type.strip() else JSON
    if found not in accepted:
        # The API server counts protobuf among its own, which no custom resource has.
        named = [*accepted, "application/vnd.kubernetes.protobuf"] if YAML in accepted else accepted
        raise statuses.UnsupportedMediaType(
            f"the body of the request was in an unknown format - accepted media types include: {', '.join(named)}"
        )
    return found


def is_apply(headers: Headers) -> bool:
    return MediaType.parse(headers.get("content-type")).essence == APPLY_PATCH


def read(body: bytes, kind: str) -> Fields:
    """The members of an object. Raises `BadRequest`."""
    try:
        if kind == JSON or body.lstrip()[:1] == b"{":
            return fields(body)
        return fields(encoding.to_json(encoding.from_yaml(body)))
    except (msgspec.DecodeError, msgspec.ValidationError, encoding.DecodeError) as error:
        raise statuses.BadRequest(f"the body of the request cannot be read as an object: {error}") from error


def metadata_of(found: Fields) -> Fields:
    """Raises `BadRequest`."""
    try:
        return fields(found["metadata"]) if bytes(found.get("metadata", b"null")) != b"null" else {}
    except msgspec.DecodeError as error:
        raise statuses.BadRequest(f"metadata of the object cannot be read: {error}") from error


def check_typed(found: Fields) -> None:
    """Raises `BadRequest` for an object that does not say what it is."""
    if not text(found.get("apiVersion")) or not text(found.get("kind")):
        raise statuses.BadRequest("the object names no apiVersion and kind")


def duplicates(body: bytes) -> list[str]:
    """Paths of the keys that occur twice where mapping would lose one: at the top and in metadata, as JSON has them."""
    found: list[str] = []
    if body.lstrip()[:1] != b"{":
        return found
    try:
        top = json.loads(body, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        return found
    if isinstance(top, _Pairs):
        found += top.twice("")
        for key, value in top:
            if key == "metadata":
                found += _twice_below(value, "metadata")
    return list(dict.fromkeys(found))


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with every pair that was written."""

    def twice(self, where: str) -> list[str]:
        keys = [key for key, _ in self]
        return [f"{where}{key}" for index, key in enumerate(keys) if key in keys[:index]]


def _twice_below(value: Any, where: str) -> list[str]:
    if isinstance(value, _Pairs):
        found = value.twice(f"{where}.")
        return found + [each for key, below in value for each in _twice_below(below, f"{where}.{key}")]
    if isinstance(value, list):
        return [each for index, below in enumerate(value) for each in _twice_below(below, f"{where}[{index}]")]
    return []


def check_place(metadata: Fields, namespace: str, name: str = "") -> None:
    """That the object does not contradict the URL; an empty `name` leaves names out. Raises `BadRequest`."""
    named = text(metadata.get("name"))
    if name and not named:
        raise nameless(name)
    if name and named != name:
        raise statuses.BadRequest(f"the name of the object ({named}) does not match the name on the URL ({name})")
    placed = text(metadata.get("namespace"))
    if placed and placed != namespace:
        raise statuses.BadRequest(
            "the namespace of the provided object does not match the namespace sent on the request"
        )


def nameless(name: str) -> statuses.BadRequest:
    return statuses.BadRequest(
        f"the name of the object ({name} based on URL) was undeterminable: name must be provided"
    )


def check_name(name: str, group: str, kind: str) -> None:
    """The control plane sees only a hash, which is always a good name. Raises `Invalid`."""
    causes = [invalid("metadata.name", name, fault) for fault in naming.name_faults(name)]
    if not name:
        required = "Required value: name or generateName is required"
        causes = [statuses.cause("metadata.name", required, "FieldValueRequired")]
    if causes:
        raise statuses.invalid(group, kind, name, causes)


def check_owners(metadata: Fields, name: str, group: str, kind: str) -> None:
    """The control plane sees only an annotation. Raises `Invalid`."""
    if causes := ownerreferences.causes(owners(metadata)):
        raise statuses.invalid(group, kind, name, causes)


def write(found: Fields, metadata: Fields, keep: str = "") -> bytes:
    """As stored; `metadata` is, and of a connection secret all names but `keep` will be."""
    found, metadata = secretnames.inward(found, metadata, keep)
    return encoding.to_json({**found, "metadata": raw(metadata)})
