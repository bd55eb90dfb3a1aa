"""Deletion: at once, or marked and held by finalizers, as the request, the object and its dependents ask.

Source: `BeforeDelete` and the store of k8s.io/apiserver (`pkg/registry/{rest,generic/registry}`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from fairlead.embedded import metadata
from fairlead.embedded.kinds import NAMESPACES, Kind
from fairlead.embedded.options import DeleteOptions
from fairlead.embedded.store import Key, Store
from fairlead.embedded.writing import pending
from fairlead.machinery import statuses

Object = dict[str, Any]

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"


@dataclass(frozen=True)
class Deleted:
    """`object` is what lingers, or what has gone."""

    object: Object
    gone: bool


class Deleter:
    def __init__(self, store: Store, changed: Callable[[Key], None]) -> None:
        self._store = store
        self._changed = changed

    def delete(self, kind: Kind, key: Key, options: DeleteOptions) -> Deleted:
        """Raises `NotFound`, and `Conflict` for a precondition that does not hold."""
        stored = self._store.get(key)
        if stored is None:
            raise statuses.not_found(kind.resource, key.name)
        _check_preconditions(kind, key, stored, options)
        marked = _marked(kind, stored, options)
        if options.dry_run:
            return Deleted(kind.shown(marked or stored), marked is None)
        if marked is None:
            gone = self._store.delete(key)
            self._changed(key)
            return Deleted(kind.shown(gone), True)
        if marked != stored:
            marked = self._store.put(key, marked)
            self._changed(key)
        return Deleted(kind.shown(marked), False)

    def delete_all(self, kind: Kind, found: Iterable[tuple[Key, Object]], options: DeleteOptions) -> list[Object]:
        """Deletes one by one; answers the objects as they were."""
        listed = list(found)
        for key, _ in listed:
            self.delete(kind, key, options)
        return [kind.shown(each) for _, each in listed]

    def finalize(self, key: Key, stored: Object) -> None:
        """Stores what a controller made of an object, and removes it if nothing holds it any more."""
        self._store.put(key, stored)
        if stored["metadata"].get("deletionTimestamp") and not pending(stored):
            self._store.delete(key)
        self._changed(key)


def _check_preconditions(kind: Kind, key: Key, stored: Object, options: DeleteOptions) -> None:
    uid, version = stored["metadata"]["uid"], stored["metadata"]["resourceVersion"]
    why = ""
    if options.uid and options.uid != uid:
        why = (
            f"the UID in the precondition ({options.uid}) does not match the UID in record ({uid}). "
            "The object might have been deleted and then recreated"
        )
    elif options.resource_version and options.resource_version != version:
        why = (
            f"the ResourceVersion in the precondition ({options.resource_version}) does not match the ResourceVersion "
            f"in record ({version}). The object might have been modified"
        )
    if not why:
        return
    # On this path the real server names the kind where everything else names the plural.
    details = {"name": key.name, "group": kind.group, "kind": kind.kind}
    subject = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    raise statuses.Conflict(
        f'Operation cannot be fulfilled on {subject} "{key.name}": {why}',
        {name: value for name, value in details.items() if value},
    )


def _marked(kind: Kind, stored: Object, options: DeleteOptions) -> Object | None:
    """The object as it lingers, or None where nothing holds it."""
    condemned = stored if stored["metadata"].get("deletionTimestamp") else kind.condemn(stored)
    finalizers = _finalizers(condemned, options.propagation)
    held = {**condemned, "metadata": {**condemned["metadata"], "finalizers": finalizers}}
    if not finalizers:
        del held["metadata"]["finalizers"]
    if not pending(held):
        return None
    if not held["metadata"].get("deletionTimestamp"):
        held["metadata"]["deletionTimestamp"] = metadata.now()
        if kind.collection != NAMESPACES:
            held["metadata"]["deletionGracePeriodSeconds"] = 0
        if "generation" in held["metadata"]:
            held["metadata"]["generation"] += 1
    return held


def _finalizers(stored: Object, propagation: str) -> list[str]:
    found = list(stored["metadata"].get("finalizers") or ())
    if propagation:
        found = [each for each in found if each not in (ORPHAN, FOREGROUND)]
        found += {"Orphan": [ORPHAN], "Foreground": [FOREGROUND]}.get(propagation, [])
    return found
