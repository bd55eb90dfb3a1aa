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
    """Paths of the keys that occur twice where mapping would lose one, as JSON has them.

    That is at the top, in metadata, and around the name of a connection secret.
    """
    top = _pairs(body)
    if not isinstance(top, _Pairs):
        return []
    found = top.twice("")
    for key, value in top:
        if key == "metadata":
            found += _twice_below(value, "metadata")
        elif key == "spec" and isinstance(value, _Pairs):
            found += _twice_around_secret(value)
    return list(dict.fromkeys(found))


def all_duplicates(body: bytes) -> list[str]:
    """As `duplicates`, wherever they are; paths into a list begin with an index."""
    return list(dict.fromkeys(_twice_below(_pairs(body), "")))


def _pairs(body: bytes) -> Any:
    """None for what is not JSON."""
    if body.lstrip()[:1] not in (b"{", b"["):
        return None
    try:
        return json.loads(body, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        return None


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with every pair that was written."""

    def twice(self, where: str) -> list[str]:
        seen: set[str] = set()
        found = []
        for key, _ in self:
            if key in seen:
                found.append(f"{where}{key}")
            seen.add(key)
        return found


def _twice_around_secret(spec: _Pairs) -> list[str]:
    reference = dict(spec).get(secretnames.REFERENCE)
    if not isinstance(reference, _Pairs) or not dict(reference).get("name"):
        return []
    return spec.twice("spec.") + reference.twice(f"spec.{secretnames.REFERENCE}.")


def _twice_below(value: Any, where: str) -> list[str]:
    if isinstance(value, _Pairs):
        inside = f"{where}." if where else ""
        found = value.twice(inside)
        return found + [each for key, below in value for each in _twice_below(below, f"{inside}{key}")]
    if isinstance(value, list):
        return [each for index, below in enumerate(value) for each in _twice_below(below, f"{where}[{index}]")]
    return []


def check_place(metadata: Fields, namespace: str, name: str = "") -> None:
    """That the object does not contradict the URL; an empty `name` leaves names out. Raises `BadRequest`."""
    check_named(metadata, name)
    check_namespace(metadata, namespace)


def check_named(metadata: Fields, name: str) -> None:
    named = text(metadata.get("name"))
    if name and not named:
        raise nameless(name)
    if name and named != name:
        raise statuses.BadRequest(f"the name of the object ({named}) does not match the name on the URL ({name})")


def check_namespace(metadata: Fields, namespace: str) -> None:
    placed = text(metadata.get("namespace"))
    if placed and placed != namespace:
        raise statuses.BadRequest(
            "the namespace of the provided object does not match the namespace sent on the request"
        )


def nameless(name: str) -> statuses.BadRequest:
    return statuses.BadRequest(
        f"the name of the object ({name} based on URL) was undeterminable: name must be provided"
    )


def check_new(metadata: Fields, name: str, group: str, kind: str) -> None:
    """The control plane sees a hash, which is always a good name, and owners in an annotation. Raises `Invalid`."""
    causes = [invalid("metadata.name", name, fault) for fault in naming.name_faults(name)]
    if not name:
        required = "Required value: name or generateName is required"
        causes = [statuses.cause("metadata.name", required, "FieldValueRequired")]
    if causes := [*causes, *ownerreferences.causes(owners(metadata))]:
        raise statuses.invalid(group, kind, name, causes)


def check_owners(metadata: Fields, name: str, group: str, kind: str, *, times: int = 1) -> None:
    """Raises `Invalid`. The API server validates the metadata of a change three `times`."""
    if causes := ownerreferences.causes(owners(metadata)) * times:
        raise statuses.invalid(group, kind, name, causes)


def as_applied(stored: Fields, metadata: Fields) -> Fields:
    """Without the namespace, where it was not sent: what is applied is told in kubectl's annotation, as it came."""
    return stored if "namespace" in metadata else {key: each for key, each in stored.items() if key != "namespace"}


def write(found: Fields, metadata: Fields, keep: str = "") -> bytes:
    """As stored; `metadata` is, and of a connection secret all names but `keep` will be."""
    found, metadata = secretnames.inward(found, metadata, keep)
    return encoding.to_json({**found, "metadata": raw(metadata)})
