"""The name of a claim's connection secret: as the app cluster asks for it, and as the control plane stores it.

All namespaces of an app cluster share one namespace of the control plane, so two claims that ask for `db` there would
fight over one Secret. The stored name is `claim-` and the formula over the name asked for; that name is kept in an
annotation and shown from it. Both are a storage format, shared with migration. An object without the annotation was
written by somebody else: it keeps the name that it has.

Of `spec` the one string is replaced; all other members keep their bytes.

Source: issue Connector, 4; reference/connector-and-migration.md (b) 17.
"""

from collections.abc import Mapping

import msgspec

from fairlead.connector.naming import APP_CLUSTER, APP_NAMESPACE, APP_SECRET_NAME, CLAIM_PREFIX, Identity

Raw = msgspec.Raw
Fields = dict[str, Raw]

REFERENCE = "writeConnectionSecretToRef"
_fields = msgspec.json.Decoder(Fields)
_text = msgspec.json.Decoder(str)
_encode = msgspec.json.Encoder().encode


def stored(name: str, namespace: str, cluster: str) -> str:
    """The Secret's name in the control plane; the same for every kind that writes one."""
    return Identity(cluster, namespace, name).backend(CLAIM_PREFIX)


def asked(found: Mapping[str, Raw]) -> str:
    """The name in an object's `spec`, whichever side's it is; empty where there is none."""
    return _string(_object(_object(found, "spec"), REFERENCE).get("name"))


def original(metadata: Mapping[str, Raw]) -> str:
    """The app cluster's name, as kept with a stored object; empty where none is."""
    return _string(_object(metadata, "annotations").get(APP_SECRET_NAME))


def inward(found: Fields, metadata: Fields, keep: str = "") -> tuple[Fields, Fields]:
    """The object and its metadata as they are stored; `metadata` is mapped already, and says whose object it is.

    A name equal to `keep` stays: it is that of a stored object without the annotation.
    """
    name = asked(found)
    labels = _object(metadata, "labels")
    if not name or name == keep or APP_CLUSTER not in labels:
        return found, _annotated(metadata, None)
    there = stored(name, _string(labels.get(APP_NAMESPACE)), _string(labels.get(APP_CLUSTER)))
    return _named(found, there), _annotated(metadata, name)


def outward(found: Fields, metadata: Mapping[str, Raw], identity: Identity) -> Fields:
    """The object as shown; `metadata` is the stored one. A name that is not the kept one's is shown as it is."""
    name = original(metadata)
    if not name or asked(found) != stored(name, identity.namespace, identity.cluster):
        return found
    return _named(found, name)


def cells(row: list[Raw], metadata: Mapping[str, Raw], identity: Identity) -> list[Raw]:
    """A Table's row with the asked name wherever it shows exactly the stored one."""
    name = original(metadata)
    if not name:
        return row
    there, here = (Raw(_encode(each)) for each in (stored(name, identity.namespace, identity.cluster), name))
    return [here if cell == there else cell for cell in row]


def is_touched(pointer: str) -> bool:
    """Whether a JSON pointer is to the reference, a part of it, or to the `spec` that holds it."""
    return pointer in ("/spec", f"/spec/{REFERENCE}") or pointer.startswith(f"/spec/{REFERENCE}/")


def is_merged(patch: Mapping[str, Raw]) -> bool:
    """Whether a merge patch may change the reference."""
    if "spec" not in patch:
        return False
    try:
        return REFERENCE in _fields.decode(patch["spec"])
    except msgspec.DecodeError:
        return True


def _named(found: Fields, name: str) -> Fields:
    spec = _object(found, "spec")
    reference = {**_object(spec, REFERENCE), "name": Raw(_encode(name))}
    return {**found, "spec": Raw(_encode({**spec, REFERENCE: Raw(_encode(reference))}))}


def _annotated(metadata: Fields, name: str | None) -> Fields:
    """With the annotation, or without any that a former state had."""
    annotations = _object(metadata, "annotations")
    if name is None and APP_SECRET_NAME not in annotations:
        return metadata
    kept = {key: value for key, value in annotations.items() if key != APP_SECRET_NAME}
    if name is not None:
        kept[APP_SECRET_NAME] = Raw(_encode(name))
    if kept:
        return {**metadata, "annotations": Raw(_encode(kept))}
    return {key: value for key, value in metadata.items() if key != "annotations"}


def _object(found: Mapping[str, Raw], key: str) -> Fields:
    """Empty for what is none: whoever reads the object next says what is wrong with it."""
    try:
        return _fields.decode(found[key])
    except (KeyError, msgspec.DecodeError):
        return {}


def _string(value: Raw | None) -> str:
    try:
        return _text.decode(value) if value is not None else ""
    except msgspec.DecodeError:
        return ""
