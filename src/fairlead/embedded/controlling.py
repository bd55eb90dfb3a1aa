"""What the controllers of a real cluster do later: empty namespaces, instances of deleted CRDs, ownerless objects.

One loop follows every change of the store. It keeps an index of owners, so that a change costs what depends on it and
not a walk over the cluster; when it falls behind it starts over from the present state.
Source: kube-controller-manager's namespace and garbage-collector controllers.
"""

from collections import defaultdict
from typing import Any

from fairlead.embedded.core import Core
from fairlead.embedded.definitions import FINALIZER
from fairlead.embedded.deleting import FOREGROUND, ORPHAN
from fairlead.embedded.kinds import CRDS, NAMESPACES
from fairlead.embedded.options import DeleteOptions
from fairlead.embedded.store import Key

Object = dict[str, Any]

_BACKGROUND = DeleteOptions(propagation="Background")


class Controllers:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._store = core.store
        self._by_uid: dict[str, Key] = {}
        self._dependents: dict[str, set[Key]] = defaultdict(set)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            subscription = self._store.subscribe()
            try:
                self.start_over()
                while not subscription.overrun:
                    for change in subscription.drain():
                        self.observe(change.key, change.before, change.after)
                    await subscription.wait()
            finally:
                self._store.unsubscribe(subscription)

    def start_over(self) -> None:
        self._by_uid.clear()
        self._dependents.clear()
        present = [pair for name in list(self._store.collections()) for pair in self._store.scan(name)]
        for key, obj in present:
            self._index(key, None, obj)
        for key, obj in present:
            self.observe(key, None, obj)

    def observe(self, key: Key, before: Object | None, after: Object | None) -> None:
        self._index(key, before, after)
        current = self._store.get(key)
        if after is None and before is not None:
            self._owner_gone(before["metadata"]["uid"])
            self._owner_of(before)
            self._emptied(key)
        elif current is not None:
            self._tend(key, current)

    def _index(self, key: Key, before: Object | None, after: Object | None) -> None:
        for uid in _owner_uids(before):
            self._dependents[uid].discard(key)
        for uid in _owner_uids(after):
            self._dependents[uid].add(key)
        if before is not None:
            self._by_uid.pop(before["metadata"]["uid"], None)
        if after is not None:
            self._by_uid[after["metadata"]["uid"]] = key

    def _tend(self, key: Key, obj: Object) -> None:
        if obj["metadata"].get("deletionTimestamp"):
            self._let_go(key, obj)
        elif obj["metadata"].get("ownerReferences"):
            self._collect(key, obj)

    # --- owners ---

    def _owner_gone(self, uid: str) -> None:
        for key in list(self._dependents.get(uid, ())):
            obj = self._store.get(key)
            if obj is not None:
                self._collect(key, obj)

    def _collect(self, key: Key, obj: Object) -> None:
        """Deletes an object all of whose owners have gone; drops references to those that have where others live."""
        references = obj["metadata"].get("ownerReferences") or []
        living = [each for each in references if self._lives(each, key.namespace)]
        holding = [each for each in living if not self._waits_for(each)]
        if holding:
            if len(living) < len(references):
                self._set(key, obj, "ownerReferences", living)
            return
        if references and not obj["metadata"].get("deletionTimestamp"):
            policy = "Foreground" if living and self._dependents.get(obj["metadata"]["uid"]) else "Background"
            self._delete(key, obj, DeleteOptions(propagation=policy))

    def _lives(self, reference: Object, namespace: str) -> bool:
        """An owner of a kind that this server does not serve cannot be judged, so it counts as living."""
        kind = self._core.catalog.of_type(reference["apiVersion"], reference["kind"])
        if kind is None:
            return True
        owner = self._by_uid.get(reference["uid"])
        if owner is None or owner.collection != kind.collection or owner.name != reference["name"]:
            return False
        return owner.namespace in ("", namespace)

    def _waits_for(self, reference: Object) -> bool:
        """Whether the owner is itself being deleted and waits for its dependents."""
        owner = self._by_uid.get(reference["uid"])
        obj = self._store.get(owner) if owner else None
        return obj is not None and _held_by(obj, FOREGROUND) and bool(obj["metadata"].get("deletionTimestamp"))

    # --- what is being deleted ---

    def _let_go(self, key: Key, obj: Object) -> None:
        if key.collection == NAMESPACES:
            self._empty_namespace(key)
        elif key.collection == CRDS and _held_by(obj, FINALIZER):
            self._empty_definition(key, obj)
        if _held_by(obj, ORPHAN):
            self._orphan(key, obj)
        elif _held_by(obj, FOREGROUND):
            self._foreground(key, obj)
        self._owner_of(obj)

    def _orphan(self, key: Key, obj: Object) -> None:
        uid = obj["metadata"]["uid"]
        for dependent in list(self._dependents.get(uid, ())):
            found = self._store.get(dependent)
            if found is not None:
                kept = [each for each in found["metadata"].get("ownerReferences") or () if each["uid"] != uid]
                self._set(dependent, found, "ownerReferences", kept)
        self._unhold(key, ORPHAN)

    def _foreground(self, key: Key, obj: Object) -> None:
        uid = obj["metadata"]["uid"]
        blocking = False
        for dependent in list(self._dependents.get(uid, ())):
            found = self._store.get(dependent)
            if found is None:
                continue
            self._collect(dependent, found)
            found = self._store.get(dependent)
            blocking = blocking or (found is not None and _blocks(found, uid))
        if not blocking:
            self._unhold(key, FOREGROUND)

    def _owner_of(self, obj: Object) -> None:
        """A dependent that is going may free its owner."""
        for uid in _owner_uids(obj):
            owner = self._by_uid.get(uid)
            found = self._store.get(owner) if owner else None
            if (
                owner
                and found is not None
                and found["metadata"].get("deletionTimestamp")
                and _held_by(found, FOREGROUND)
            ):
                self._foreground(owner, found)

    def _emptied(self, key: Key) -> None:
        """Something has gone: its namespace and its CRD may be able to go now."""
        namespace = Key(*NAMESPACES, "", key.namespace)
        for each in (namespace, self._definition_of(key)):
            found = self._store.get(each)
            if found is not None and found["metadata"].get("deletionTimestamp"):
                self._let_go(each, found)

    def _empty_namespace(self, key: Key) -> None:
        remaining = False
        for collection in list(self._store.collections()):
            for each, obj in self._store.scan(collection, key.name):
                if not obj["metadata"].get("deletionTimestamp"):
                    self._delete(each, obj, _BACKGROUND)
                remaining = remaining or self._store.get(each) is not None
        namespace = self._store.get(key)
        if not remaining and namespace is not None:
            spec = {name: value for name, value in (namespace.get("spec") or {}).items() if name != "finalizers"}
            self._core.deleter.finalize(key, {**namespace, "spec": spec})

    def _empty_definition(self, key: Key, definition: Object) -> None:
        collection = (definition["spec"]["group"], definition["spec"]["names"]["plural"])
        remaining = False
        for each, obj in self._store.scan(collection):
            if not obj["metadata"].get("deletionTimestamp"):
                self._delete(each, obj, _BACKGROUND)
            remaining = remaining or self._store.get(each) is not None
        if not remaining:
            self._unhold(key, FINALIZER)

    def _definition_of(self, key: Key) -> Key:
        return Key(*CRDS, "", f"{key.plural}.{key.group}")

    # --- writes ---

    def _delete(self, key: Key, obj: Object, options: DeleteOptions) -> None:
        kind = self._core.catalog.of_collection(key.collection)
        if kind is not None:
            self._core.deleter.delete(kind, key, options)

    def _set(self, key: Key, obj: Object, field: str, value: Any) -> None:
        metadata = {name: each for name, each in obj["metadata"].items() if name != field}
        if value:
            metadata[field] = value
        self._core.deleter.finalize(key, {**obj, "metadata": metadata})

    def _unhold(self, key: Key, finalizer: str) -> None:
        obj = self._store.get(key)
        if obj is not None and _held_by(obj, finalizer):
            left = [each for each in obj["metadata"]["finalizers"] if each != finalizer]
            self._set(key, obj, "finalizers", left)


def _owner_uids(obj: Object | None) -> list[str]:
    return [each["uid"] for each in ((obj or {}).get("metadata") or {}).get("ownerReferences") or ()]


def _held_by(obj: Object, finalizer: str) -> bool:
    return finalizer in (obj["metadata"].get("finalizers") or ())


def _blocks(dependent: Object, uid: str) -> bool:
    references = dependent["metadata"].get("ownerReferences") or ()
    return any(each["uid"] == uid and each.get("blockOwnerDeletion") for each in references)
