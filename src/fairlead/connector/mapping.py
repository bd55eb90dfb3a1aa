"""Metadata of an object, from the app cluster's view to the control plane's and back.

Works on the members of `metadata` with their values still undecoded (`msgspec.Raw`): what is not translated keeps its
bytes, escapes and number forms included, and a list of thousands of objects costs no more than the few members that
are looked at.

Both garbage collectors must be kept from each other's references: owners in the app cluster mean nothing to the
control plane, whose collector would delete the object, and the other way round. So app-side references travel in an
annotation and the control plane's own are never shown.

Source: reference/aggregation-layer.md §7.1, §7.7, §7.8.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from fairlead.connector import compositenames, finalizers, secretnames
from fairlead.connector.naming import (
    APP_CLUSTER,
    APP_NAMESPACE,
    APP_RESOURCE_NAME,
    OWNER_REFERENCES,
    Identity,
    Scope,
    is_reserved,
)
from fairlead.machinery import fieldsets, managedfields, statuses
from fairlead.machinery.values import same

Raw = msgspec.Raw
Fields = dict[str, Raw]
"""A JSON object with undecoded values, in its order."""

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_NULL = b"null"
_fields = msgspec.json.Decoder(Fields)
_list = msgspec.json.Decoder(list[Fields])
_texts = msgspec.json.Decoder(list[str])
_decoded_owners = msgspec.json.Decoder(list[dict[str, Any]] | None)
_text = msgspec.json.Decoder(str)
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.decode


def fields(raw: Raw | bytes) -> Fields:
    """Raises `msgspec.DecodeError` when it is not a JSON object."""
    return _fields.decode(raw)


def raw(value: Any) -> Raw:
    return Raw(_encode(value))


def text(value: Raw | None) -> str:
    """The string, or "" for anything else."""
    try:
        return _text.decode(value) if value is not None else ""
    except msgspec.DecodeError:
        return ""


def _present(value: Raw | None) -> bool:
    return value is not None and bytes(value) != _NULL


def _members(metadata: Mapping[str, Raw], key: str) -> Fields:
    value = metadata.get(key)
    if value is None or not _present(value):
        return {}
    try:
        return fields(value)
    except msgspec.DecodeError as error:
        raise statuses.BadRequest(f"metadata.{key} cannot be read as a map: {error}") from error


# -- out: from the control plane ---------------------------------------------------------------------------------------


def identify(metadata: Mapping[str, Raw], scope: Scope, prefix: str) -> Identity | None:
    """Whose object it is by its labels; None unless name, namespace and all three labels agree with each other.

    Crossplane copies a claim's labels to what it composes, so labels alone do not make an object ours.
    """
    labels = _members(metadata, "labels")
    identity = Identity(
        text(labels.get(APP_CLUSTER)), text(labels.get(APP_NAMESPACE)), text(labels.get(APP_RESOURCE_NAME))
    )
    if identity.cluster != scope.cluster or not identity.namespace or not identity.name:
        return None
    if text(metadata.get("namespace")) != scope.namespace or text(metadata.get("name")) != identity.backend(prefix):
        return None
    return identity


def outward(metadata: Fields, identity: Identity) -> Fields:
    """What the app cluster sees of an object that `identify` has identified."""
    seen = _named(metadata, identity.name, identity.namespace)
    annotations = _members(metadata, "annotations")
    owners = text(annotations.get(OWNER_REFERENCES))
    labels = compositenames.outward(_visible(_members(metadata, "labels")), text(metadata.get("name")), identity.name)
    seen = _with_map(seen, "labels", labels)
    shown = _visible(annotations)
    if LAST_APPLIED in shown:
        shown[LAST_APPLIED] = _last_applied_outward(shown[LAST_APPLIED], text(metadata.get("name")), identity)
    seen = _with_map(seen, "annotations", shown)
    seen = _with_owners(seen, owners)
    if _present(seen.get("finalizers")):
        seen = _with_finalizers(seen, finalizers.outward(finalizers_of(seen)))
    if "managedFields" in seen:
        seen = _with_managed_fields(seen)
    return seen


def named(metadata: Fields, identity: Identity) -> Fields:
    """For bodies without labels, such as Scale: only name and namespace are replaced."""
    return _named(metadata, identity.name, identity.namespace)


def _named(metadata: Fields, name: str, namespace: str) -> Fields:
    names = {"name": name, "namespace": namespace}
    return {key: raw(names[key]) if key in names else value for key, value in metadata.items()}


def _visible(members: Fields) -> Fields:
    return {key: value for key, value in members.items() if not is_reserved(key)}


def _with_map(metadata: Fields, key: str, members: Fields) -> Fields:
    """An empty map is absent, as for any object."""
    if key not in metadata:
        return metadata
    if members:
        return {**metadata, key: raw(members)}
    return {name: value for name, value in metadata.items() if name != key}


def finalizers_of(metadata: Mapping[str, Raw]) -> list[str]:
    """Empty for what is no list of strings: the control plane says so in its own words."""
    try:
        return _texts.decode(metadata.get("finalizers", _NULL))
    except msgspec.DecodeError:
        return []


def _with_finalizers(metadata: Fields, found: list[str]) -> Fields:
    """An empty list is absent, unless it was there already; one that is the same keeps its bytes."""
    if found == finalizers_of(metadata):
        return metadata
    if found:
        return {**metadata, "finalizers": raw(found)}
    return {key: value for key, value in metadata.items() if key != "finalizers"}


def _with_owners(metadata: Fields, stashed: str) -> Fields:
    """The app-side references instead of the control plane's own; in the place that the sorted encoder gives them."""
    shown = {key: value for key, value in metadata.items() if key != "ownerReferences"}
    references = _references(stashed)
    if references is None:
        return shown
    shown["ownerReferences"] = references
    return dict(sorted(shown.items()))


def _references(stashed: str) -> Raw | None:
    """None for what is no list of objects: it was not written by us."""
    try:
        found = _list.decode(stashed)
    except msgspec.DecodeError:
        return None
    return Raw(stashed.encode()) if found else None


def _last_applied_outward(value: Raw, backend: str, identity: Identity) -> Raw:
    """The API server rewrites this annotation from the *stored* object when kubectl applies server-side.

    Left alone unless it is the stored object's: what clients write holds app-side names already. The uid in it is the
    one that made the apply conditional.
    """
    written = text(value)
    try:
        document = fields(written.encode())
        metadata = fields(document["metadata"])
    except (msgspec.DecodeError, KeyError):
        return value
    if text(metadata.get("name")) != backend:
        return value
    metadata.pop("uid", None)
    document = secretnames.outward(document, metadata, identity)
    document["metadata"] = raw(outward(metadata, identity))
    tail = "\n" if written.endswith("\n") else ""
    return raw(_encode(document).decode() + tail)


def _with_managed_fields(metadata: Fields) -> Fields:
    entries = [shown for entry in _list.decode(metadata["managedFields"]) if (shown := _entry(entry)) is not None]
    if entries:
        return {**metadata, "managedFields": raw(entries)}
    return {key: value for key, value in metadata.items() if key != "managedFields"}


def _entry(entry: Fields) -> Fields | None:
    """None for an entry of which nothing is left. Only `f:metadata` is decoded; the rest keeps its bytes."""
    try:
        owned = fields(entry["fieldsV1"])
        of_metadata = msgspec.json.decode(owned["f:metadata"], type=dict[str, Any])
    except (msgspec.DecodeError, KeyError):
        return entry
    before = [{"fieldsV1": {"f:metadata": of_metadata}}]
    after = managedfields.without(before, _hidden_paths(of_metadata))
    shown = _finalizers_owned(after[0]["fieldsV1"]["f:metadata"]) if after and after[0]["fieldsV1"] else {}
    if shown == of_metadata:
        return entry
    if shown:
        owned["f:metadata"] = raw(shown)
    else:
        del owned["f:metadata"]
    return {**entry, "fieldsV1": raw(owned)} if owned else None


def _finalizers_owned(of_metadata: Mapping[str, Any]) -> dict[str, Any]:
    found = of_metadata.get("f:finalizers")
    if not found:
        return dict(of_metadata)
    shown = finalizers.owned(found)
    if shown:
        return {**of_metadata, "f:finalizers": shown}
    return {key: value for key, value in of_metadata.items() if key != "f:finalizers"}


def _hidden_paths(of_metadata: Mapping[str, Any]) -> list[fieldsets.Path]:
    """Of the control plane's own owner references all; of labels and annotations the reserved ones."""
    found = [fieldsets.path("metadata", "ownerReferences")]
    for kind in ("labels", "annotations"):
        below = of_metadata.get(f"f:{kind}") or {}
        found += [
            fieldsets.path("metadata", kind, name[2:])
            for name in below
            if name.startswith("f:") and is_reserved(name[2:])
        ]
    return found


# -- in: to the control plane ------------------------------------------------------------------------------------------


def inward(
    metadata: Fields, identity: Identity, scope: Scope, prefix: str, *, uid: str = "", hidden: Fields | None = None
) -> Fields:
    """What is stored of an object that the app cluster sends.

    Reserved labels and annotations of the sender are dropped: none of them is the app cluster's to set. `hidden` are
    the stored object's members that the sender could not see (see `hidden_of`); a replacement that left them out would
    erase them. A `uid` makes the write conditional on the object that was verified; the sender's own wins, being a
    stricter condition. Raises `BadRequest` for labels or annotations that are not maps.
    """
    stored = {key: value for key, value in metadata.items() if key != "ownerReferences"}
    stored["name"] = raw(identity.backend(prefix))
    stored["namespace"] = raw(scope.namespace)
    labels = compositenames.inward(_visible(_members(metadata, "labels")), identity.name, identity.backend(prefix))
    stored["labels"] = raw(labels | {k: raw(v) for k, v in identity.labels.items()})
    hidden = hidden or {}
    annotations = _visible(_members(metadata, "annotations")) | _members(hidden, "annotations")
    annotations |= _stash(metadata.get("ownerReferences"))
    stored = {key: value for key, value in stored.items() if key != "annotations" or annotations}
    if annotations:
        stored["annotations"] = raw(annotations)
    stored = _with_finalizers(stored, finalizers.inward(finalizers_of(stored)) + finalizers_of(hidden))
    if "ownerReferences" in hidden:
        stored["ownerReferences"] = hidden["ownerReferences"]
    if uid and not _present(metadata.get("uid")):
        stored["uid"] = raw(uid)
    return stored


def _stash(references: Raw | None) -> Fields:
    if references is None or not _present(references):
        return {}
    try:
        found = _list.decode(references)
    except msgspec.DecodeError as error:
        raise statuses.BadRequest(f"metadata.ownerReferences cannot be read as a list of objects: {error}") from error
    return {OWNER_REFERENCES: raw(bytes(references).decode())} if found else {}


def owners(metadata: Mapping[str, Raw]) -> list[dict[str, Any]]:
    """Empty for what is no list of objects: `inward` says so."""
    try:
        return _decoded_owners.decode(metadata.get("ownerReferences", _NULL)) or []
    except msgspec.DecodeError:
        return []


def hidden_of(metadata: Mapping[str, Raw]) -> Fields:
    """The members of a stored object that `outward` hides and `inward` cannot compute again."""
    found: Fields = {}
    if _present(metadata.get("ownerReferences")):
        found["ownerReferences"] = metadata["ownerReferences"]
    annotations = _members(metadata, "annotations")
    kept = {key: value for key, value in annotations.items() if is_reserved(key) and key != OWNER_REFERENCES}
    if kept:
        found["annotations"] = raw(kept)
    held = [each for each in finalizers_of(metadata) if finalizers.is_hidden(each)]
    if held:
        found["finalizers"] = raw(held)
    return found


def as_stored(metadata: Fields, stored: Raw | None, identity: Identity, prefix: str) -> Fields:
    """With the stored form of a last-applied annotation that the sender has from us, in the place of the one it saw.

    kubectl takes the annotation over from another manager by applying the value that it read; a value that differs
    would be a conflict. In a replacement it would be a change, and take the annotation away from its managers.
    """
    annotations = _members(metadata, "annotations")
    sent = annotations.get(LAST_APPLIED)
    if sent is None or stored is None:
        return metadata
    if text(_last_applied_outward(stored, identity.backend(prefix), identity)) != text(sent):
        return metadata
    return {**metadata, "annotations": raw({**annotations, LAST_APPLIED: stored})}


def without_echo(metadata: Fields, stored: bytes) -> Fields:
    """Without managedFields that are what was shown of the `stored` ones: what they leave out would be taken away."""
    if not stored or not _present(metadata.get("managedFields")):
        return metadata
    shown = _with_managed_fields({"managedFields": Raw(stored)}).get("managedFields")
    if shown is None or not same(_decode(metadata["managedFields"]), _decode(shown)):
        return metadata
    return {key: value for key, value in metadata.items() if key != "managedFields"}


def last_applied(metadata: Mapping[str, Raw]) -> Raw | None:
    return _members(metadata, "annotations").get(LAST_APPLIED)


def reserved_keys(keys: Iterable[str]) -> list[str]:
    return [key for key in keys if is_reserved(key)]
