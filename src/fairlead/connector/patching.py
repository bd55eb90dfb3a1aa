"""Patches that address the app cluster's view, turned into ones that the control plane can carry out.

Most patches touch spec or status, or add a label: these are passed on with the verified uid in them (the fast path).
Whatever else touches metadata is meant for an object that the control plane does not have, with other names, fewer
labels, other owners; it is carried out here on the app cluster's view and becomes a replacement that is conditional on
the version read (the slow path). Both count as `Update` in managedFields, so a client sees no difference.

Source: reference/aggregation-layer.md §7.4, §7.5.
"""

import re
from typing import Any

import msgspec

from fairlead.connector import bodies, compositenames, secretnames
from fairlead.connector.mapping import Fields, fields, raw, reserved_keys, text
from fairlead.machinery import encoding, patches, statuses
from fairlead.machinery.values import same

_operations = msgspec.json.Decoder(list[Fields])
_OPERATION = re.compile(r"\[\d+\]\.[^.]+")
_MERGE_FAST = {"labels", "annotations", "resourceVersion", "uid"}


def json_fast(body: bytes, uid: str) -> bytes | None:
    """The patch before a test of the uid; None if it takes the slow path (also to be refused there)."""
    try:
        operations = _operations.decode(body)
    except msgspec.DecodeError:
        return None
    if len(operations) >= patches.MAX_OPERATIONS or any(map(_touches_names, operations)):
        return None
    if any(_OPERATION.fullmatch(each) for each in bodies.all_duplicates(body)):
        return None
    # Last, or what the API server warns about would have another index.
    test = {"op": "test", "path": "/metadata/uid", "value": uid}
    return encoding.to_json([*operations, test])


def _touches_names(operation: Fields) -> bool:
    return any(_is_mapped(operation, key) for key in ("path", "from") if key in operation)


def _is_mapped(operation: Fields, key: str) -> bool:
    """What stands before a pointer's first slash means nothing to the API server: `x/metadata` is `/metadata`."""
    pointer = text(operation[key])
    root, slash, _ = pointer.partition("/")
    return bool(root) or not slash or _is_named_in(pointer)


def _is_named_in(pointer: str) -> bool:
    return pointer == "/metadata" or pointer.startswith("/metadata/") or secretnames.is_touched(pointer)


def merge_fast(body: bytes, uid: str) -> bytes | None:
    """The patch with the uid in it, unless it names one itself; None if it takes the slow path.

    So does one that says a thing twice where it is read here: the slow path tells about it.
    """
    if bodies.duplicates(body):
        return None
    try:
        patch = fields(body)
        metadata = fields(patch["metadata"]) if "metadata" in patch else {}
        maps = [fields(metadata[key]) for key in ("labels", "annotations") if key in metadata]
    except msgspec.DecodeError:
        return None
    if secretnames.is_merged(patch) or metadata.keys() - _MERGE_FAST or any(map(_is_named, maps)):
        return None
    if not text(metadata.get("uid")):
        metadata["uid"] = raw(uid)
    return encoding.to_json({**patch, "metadata": metadata})


def _is_named(members: Fields) -> bool:
    """Whether labels or annotations have one that is mapped."""
    return compositenames.LABEL in members or bool(reserved_keys(members))


def slow(kind_of_patch: str, body: bytes, seen: bytes) -> dict[str, Any]:
    """The app cluster's view after the patch. Raises `BadRequest`, `Invalid` or `TooLarge`."""
    before = encoding.from_json(seen)
    try:
        patch = encoding.from_json(body)
    except encoding.DecodeError as error:
        raise statuses.BadRequest(f"error decoding patch: {error.why}") from error
    if kind_of_patch == "application/json-patch+json":
        after = patches.json_patch(before, patch)
    elif not isinstance(patch, dict):
        into = "Go value of type map[string]interface {}"
        raise statuses.BadRequest(f"error decoding patch: json: cannot unmarshal {_go_type(patch)} into {into}")
    else:
        after = patches.merge_patch(before, patch)
    if isinstance(after, dict) and "metadata" not in after and after.get("kind"):
        raise bodies.nameless(before["metadata"]["name"])
    if not isinstance(after, dict) or not isinstance(after.get("metadata"), dict):
        raise statuses.BadRequest("the patched object is no object with metadata")
    return _replacement(before, after)


def _go_type(value: Any) -> str:
    """What Go's decoder calls a JSON value."""
    if isinstance(value, bool):
        return "bool"
    return {list: "array", str: "string", type(None): "null"}.get(type(value), "number")


def _replacement(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Without managedFields unless the patch changed them: absent means keep."""
    metadata = dict(after["metadata"])
    if same(metadata.get("managedFields"), before["metadata"].get("managedFields")):
        metadata.pop("managedFields", None)
    return {**after, "metadata": metadata}


def invalid(after: dict[str, Any], refused: statuses.StatusError) -> statuses.Invalid:
    """What a body that cannot be decoded is called when a patch has made it."""
    why = refused.message.partition(" cannot be handled as a ")[2].partition(": ")[2] or refused.message
    value = encoding.to_json(encoding.to_json(after).decode()).decode()
    return statuses.invalid("", "", "", [statuses.cause("patch", f"Invalid value: {value}: {why}")])


def pins_version(before: bytes, after: dict[str, Any]) -> bool:
    """Whether the patch itself names a version other than the one read: then a conflict is the client's."""
    version = encoding.from_json(before)["metadata"].get("resourceVersion")
    return bool(after["metadata"].get("resourceVersion") != version)


_MEMBERS = ("op", "path", "from", "value")


def unpatched(kind_of_patch: str, body: bytes) -> list[str]:
    """What the API server would say of members of a patch that mean nothing to it: they do not reach it."""
    if kind_of_patch != bodies.JSON_PATCH:
        return [f'duplicate field "{each}"' for each in bodies.all_duplicates(body)]
    unknown = [
        f"[{index}].{key}"
        for index, operation in enumerate(encoding.from_json(body) or ())
        for key in operation or ()
        if key not in _MEMBERS
    ]
    found = [f'json patch duplicate field "{each}"' for each in bodies.all_duplicates(body)]
    return found + [f'json patch unknown field "{each}"' for each in unknown]
