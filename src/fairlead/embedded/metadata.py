"""ObjectMeta: what the server fills in, keeps and refuses on every write.

Source: `pkg/registry/rest/{create,update}.go` of k8s.io/apiserver and `pkg/api/validation/objectmeta.go` of
k8s.io/apimachinery.
"""

import random
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from fairlead.embedded.kinds import Kind
from fairlead.machinery import names, ownerreferences, statuses
from fairlead.machinery.fielderrors import invalid, quoted

Object = dict[str, Any]
Cause = dict[str, Any]

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_LONGEST_BASE = 58
_ANNOTATIONS_LIMIT = 256 * 1024
_SYSTEM = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "resourceVersion")
_KEPT = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "generateName")
_IMMUTABLE = ("name", "namespace", "uid", "creationTimestamp")
_STRICT_FINALIZERS = ("v1", "events.k8s.io/v1", "rbac.authorization.k8s.io/v1")
_STANDARD_FINALIZERS = ("orphan", "foregroundDeletion", "kubernetes")


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def new_uid() -> str:
    return str(uuid4())


def generate_name(base: str) -> str:
    return base[:_LONGEST_BASE] + "".join(random.choices(_ALPHABET, k=5))  # noqa: S311 - a name is no secret


def fill_for_create(kind: Kind, obj: Object, namespace: str) -> None:
    """Drops what only the server may say, and says it. Raises for a resourceVersion and another namespace."""
    metadata = obj["metadata"]
    if metadata.get("resourceVersion"):
        raise statuses.InternalError("resourceVersion should not be set on objects to be created", reason="")
    check_namespace(kind, metadata, namespace)
    for name in _SYSTEM:
        metadata.pop(name, None)
    if kind.generation:
        metadata["generation"] = 1
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = generate_name(metadata["generateName"])
    metadata["uid"] = new_uid()
    metadata["creationTimestamp"] = now()
    drop_empty(metadata)


def check_namespace(kind: Kind, metadata: Object, namespace: str) -> None:
    """Fills the namespace of the request in. Raises `BadRequest` for another one."""
    if not kind.namespaced:
        metadata.pop("namespace", None)
        return
    if metadata.get("namespace") not in (None, "", namespace):
        raise statuses.BadRequest(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    metadata["namespace"] = namespace


def check_name(metadata: Object, name: str) -> None:
    """Fills the name of the URL in where the body has none. Raises `BadRequest` for another one."""
    if metadata.get("name") not in (None, "", name):
        raise statuses.BadRequest(
            f"the name of the object ({metadata['name']}) does not match the name on the URL ({name})"
        )
    metadata["name"] = name


def drop_empty(metadata: Object) -> None:
    for name in ("labels", "annotations", "finalizers", "ownerReferences", "managedFields", "generateName", "selfLink"):
        if name in metadata and not metadata[name]:
            del metadata[name]


def fill_for_update(obj: Object, old: Object) -> None:
    """What a client leaves out of what it cannot change is kept."""
    metadata, before = obj["metadata"], old["metadata"]
    metadata.pop("selfLink", None)
    for name in _KEPT:
        if name in ("uid", "generateName") and metadata.get(name):
            continue
        if name in before:
            metadata[name] = before[name]
        else:
            metadata.pop(name, None)
    metadata["resourceVersion"] = before["resourceVersion"]
    drop_empty(metadata)


def create_causes(kind: Kind, obj: Object) -> list[Cause]:
    metadata = obj["metadata"]
    causes = []
    base, name = metadata.get("generateName", ""), metadata.get("name", "")
    if base:
        # The suffix that will follow makes a trailing dash good.
        tried = base + "a" if base.endswith("-") else base
        causes += [invalid("metadata.generateName", base, each) for each in kind.check_name(tried)]
    if not name:
        causes.append(
            statuses.cause("metadata.name", "Required value: name or generateName is required", "FieldValueRequired")
        )
    else:
        causes += [invalid("metadata.name", name, each) for each in kind.check_name(name)]
    return causes + _causes(kind, metadata)


def update_causes(kind: Kind, obj: Object, old: Object) -> list[Cause]:
    metadata, before = obj["metadata"], old["metadata"]
    causes = _causes(kind, metadata)
    causes += _finalizer_causes(metadata, before)
    for name in _IMMUTABLE:
        if metadata.get(name) != before.get(name):
            causes.append(invalid(f"metadata.{name}", metadata.get(name, ""), "field is immutable"))
    return causes


def _finalizer_causes(metadata: Object, before: Object) -> list[Cause]:
    new = [each for each in metadata.get("finalizers") or () if each not in (before.get("finalizers") or ())]
    if not before.get("deletionTimestamp") or not new:
        return []
    listed = ", ".join(quoted(each) for each in sorted(new))
    why = f"no new finalizers can be added if the object is being deleted, found new finalizers []string{{{listed}}}"
    return [statuses.cause("metadata.finalizers", f"Forbidden: {why}", "FieldValueForbidden")]


def _causes(kind: Kind, metadata: Object) -> list[Cause]:
    causes = []
    for key, value in (metadata.get("labels") or {}).items():
        causes += [invalid("metadata.labels", key, each) for each in names.label_key(key)]
        causes += [invalid("metadata.labels", value, each) for each in names.label_value(value)]
    annotations = metadata.get("annotations") or {}
    for key in annotations:
        causes += [invalid("metadata.annotations", key, each) for each in names.label_key(key.lower())]
    if sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items()) > _ANNOTATIONS_LIMIT:
        limit = f"Too long: may not be more than {_ANNOTATIONS_LIMIT} bytes"
        causes.append(statuses.cause("metadata.annotations", limit, "FieldValueTooLong"))
    causes += ownerreferences.causes(metadata.get("ownerReferences") or ())
    for index, each in enumerate(metadata.get("finalizers") or ()):
        causes += _finalizer_name_causes(kind, each, index)
    return causes


def _finalizer_name_causes(kind: Kind, name: str, index: int) -> list[Cause]:
    found = [invalid("metadata.finalizers", name, each) for each in names.label_key(name)]
    if not found and kind.api_version in _STRICT_FINALIZERS and _is_unqualified(name):
        why = "name is neither a standard finalizer name nor is it fully qualified"
        found.append(invalid(f"metadata.finalizers[{index}]", name, why))
    return found


def _is_unqualified(name: str) -> bool:
    return "/" not in name and name not in _STANDARD_FINALIZERS


def finalizer_warnings(kind: Kind, obj: Object, old: Object | None) -> list[str]:
    """Where finalizers may have any name, their writer is told which are better."""
    finalizers = obj["metadata"].get("finalizers") or []
    if kind.api_version in _STRICT_FINALIZERS or (old is not None and finalizers == old["metadata"].get("finalizers")):
        return []
    path = {True: " including a path (/)", False: ""}
    return [
        f"metadata.finalizers: {quoted(each)}: prefer a domain-qualified finalizer name{path['.' in each]} "
        "to avoid accidental conflicts with other finalizer writers"
        for each in finalizers
        if _is_unqualified(each)
    ]
