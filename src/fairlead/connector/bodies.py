"""Request bodies: what arrives, read as far as needed, and refused as the API server refuses it.

Bodies are JSON or YAML. JSON keeps the bytes of everything but metadata; YAML has to be read whole, and the API server
turns it into JSON first as well.

Source: `pkg/endpoints/handlers` of k8s.io/apiserver; reference/aggregation-layer.md §7.2 to §7.5.
"""

from collections.abc import Sequence

import msgspec

from fairlead.connector import naming, secretnames
from fairlead.connector.mapping import Fields, fields, raw, text
from fairlead.machinery import encoding, statuses
from fairlead.machinery.negotiation import MediaType

JSON = "application/json"
YAML = "application/yaml"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
PATCHES = (JSON_PATCH, MERGE_PATCH, APPLY_PATCH)


def media_type(content_type: str, accepted: Sequence[str]) -> str:
    """Without parameters; absent means the first. Raises `UnsupportedMediaType`."""
    found = MediaType.parse(content_type).essence if content_type.strip() else accepted[0]
    if found not in accepted:
        raise statuses.UnsupportedMediaType(
            f"the body of the request was in an unknown format - accepted media types include: {', '.join(accepted)}"
        )
    return found


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


def check_place(metadata: Fields, namespace: str, name: str = "") -> None:
    """That the object does not contradict the URL; an empty `name` leaves names out. Raises `BadRequest`."""
    named = text(metadata.get("name"))
    if name and named != name:
        raise statuses.BadRequest(f"the name of the object ({named}) does not match the name on the URL ({name})")
    placed = text(metadata.get("namespace"))
    if placed and placed != namespace:
        raise statuses.BadRequest(
            "the namespace of the provided object does not match the namespace sent on the request"
        )


def new_name(metadata: Fields, group: str, kind: str) -> str:
    """The name of an object to be created; empty when one is to be generated. Raises `Invalid`."""
    name = text(metadata.get("name"))
    if not name and text(metadata.get("generateName")):
        return ""
    if not name:
        cause = statuses.cause(
            "metadata.name", "Required value: name or generateName is required", "FieldValueRequired"
        )
        raise statuses.invalid(group, kind, "", [cause])
    check_name(name, group, kind)
    return name


def check_name(name: str, group: str, kind: str) -> None:
    """The control plane sees only a hash, which is always a good name. Raises `Invalid`."""
    causes = [
        statuses.cause("metadata.name", f"Invalid value: {encoding.to_json(name).decode()}: {fault}")
        for fault in naming.name_faults(name)
    ]
    if causes:
        raise statuses.invalid(group, kind, name, causes)


def write(found: Fields, metadata: Fields, keep: str = "") -> bytes:
    """As stored; `metadata` is, and of a connection secret all names but `keep` will be."""
    found, metadata = secretnames.inward(found, metadata, keep)
    return encoding.to_json({**found, "metadata": raw(metadata)})
