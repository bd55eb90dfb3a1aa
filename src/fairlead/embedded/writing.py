"""Create, update, patch and apply: one road for every kind, in the order of the real server's.

Everything between reading the stored object and writing the new one is synchronous, which makes each write a
transaction; a conflict can only come from what the client carried.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fairlead.embedded import decoding, metadata
from fairlead.embedded.catalog import Catalog
from fairlead.embedded.decoding import Decoded
from fairlead.embedded.kinds import Kind
from fairlead.embedded.options import WriteOptions
from fairlead.embedded.store import Key, Store
from fairlead.machinery import managedfields, statuses
from fairlead.machinery.applying import keep_times
from fairlead.machinery.fielderrors import invalid
from fairlead.machinery.messages import Request

Object = dict[str, Any]
_TRIES = 8


@dataclass(frozen=True)
class Written:
    object: Object
    created: bool
    warnings: tuple[str, ...] = ()


class Writer:
    def __init__(self, store: Store, catalog: Catalog, changed: Callable[[Key], None]) -> None:
        """`changed` hears of every stored write at once, before its answer is sent."""
        self._store = store
        self._catalog = catalog
        self._changed = changed

    # --- create ---

    def create(self, kind: Kind, namespace: str, decoded: Decoded, options: WriteOptions, agent: str) -> Written:
        decoded = decoding.typed(kind, decoded)
        warnings = decoding.complain(kind, decoded, options.field_validation)
        obj = decoded.object
        metadata.check_namespace(kind, obj["metadata"], namespace)
        self._check_namespace_lives(kind, namespace, obj["metadata"].get("name", ""))
        manager = managedfields.manager_name(options.field_manager, agent)
        for attempt in range(_TRIES):
            new = copy.deepcopy(obj)
            generated = not new["metadata"].get("name") and bool(new["metadata"].get("generateName"))
            self._complete(kind, new, namespace)
            key = key_of(kind, new)
            if self._store.get(key) is None:
                break
            if not generated or attempt == _TRIES - 1:
                raise statuses.already_exists(kind.resource, key.name)
        owned = kind.field_manager().update(None, kind.shown(new), manager, metadata.now())
        new = {**new, "metadata": {**new["metadata"], **_managed(owned)}}
        stored = self._put(kind, key, new, options)
        warnings += metadata.finalizer_warnings(kind, new, None)
        return Written(stored, True, tuple(warnings))

    def _complete(self, kind: Kind, obj: Object, namespace: str) -> None:
        """Fills and validates a new object in place."""
        if kind.has_status:
            obj.pop("status", None)
        metadata.fill_for_create(kind, obj, namespace)
        self._fill(kind, obj, None)
        self._refuse(kind, obj, [*metadata.create_causes(kind, obj), *self._content_causes(kind, obj, None)])

    def _check_namespace_lives(self, kind: Kind, namespace: str, name: str) -> None:
        if not kind.namespaced:
            return
        found = self._store.get(Key("", "namespaces", "", namespace))
        if found is None:
            raise statuses.NotFound(f'namespaces "{namespace}" not found', {"name": namespace, "kind": "namespaces"})
        if found["metadata"].get("deletionTimestamp"):
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            refusal = statuses.forbidden(kind.resource, name, why)
            cause = {
                "reason": "NamespaceTerminating",
                "message": f"namespace {namespace} is being terminated",
                "field": "metadata.namespace",
            }
            raise statuses.Forbidden(refusal.message, {**refusal.details, "causes": [cause]})

    # --- update ---

    def replace(
        self, kind: Kind, key: Key, subresource: str, decoded: Decoded, options: WriteOptions, agent: str
    ) -> Written:
        decoded = decoding.typed(kind, decoded)
        warnings = decoding.complain(kind, decoded, options.field_validation)
        obj = decoded.object
        metadata.check_name(obj["metadata"], key.name)
        metadata.check_namespace(kind, obj["metadata"], key.namespace)
        live = self._live(kind, key)
        self._check_uid(kind, key, obj, live)
        given = obj["metadata"].get("resourceVersion")
        if not given and kind.custom:
            cause = invalid("metadata.resourceVersion", 0, "must be specified for an update")
            raise statuses.invalid(kind.group, kind.plural, key.name, [cause])
        self._check_version(kind, key, given, live)
        manager = managedfields.manager_name(options.field_manager, agent)
        stored = self._update(kind, key, subresource, live, obj, options, manager)
        warnings += metadata.finalizer_warnings(kind, stored, live)
        return Written(stored, False, tuple(warnings))

    def _live(self, kind: Kind, key: Key) -> Object:
        stored = self._store.get(key)
        if stored is None:
            raise statuses.not_found(kind.resource, key.name)
        return kind.shown(stored)

    def _check_uid(self, kind: Kind, key: Key, obj: Object, live: Object) -> None:
        """The precondition that a PUT's uid is, in the words of the real server's storage."""
        uid, found = obj["metadata"].get("uid"), live["metadata"]["uid"]
        if uid in (None, "", found):
            return
        path = "/".join(part for part in ("/registry", key.group, key.plural, key.namespace, key.name) if part)
        raise statuses.conflict(
            kind.resource,
            key.name,
            f"StorageError: invalid object, Code: 4, Key: {path}, ResourceVersion: 0, AdditionalErrorMsg: "
            f"Precondition failed: UID in precondition: {uid}, UID in object meta: {found}",
        )

    def _check_version(self, kind: Kind, key: Key, given: str | None, live: Object) -> None:
        if not given:
            return
        if not given.isdecimal():
            raise statuses.InternalError(f'strconv.ParseUint: parsing "{given}": invalid syntax', reason="")
        if given != live["metadata"]["resourceVersion"]:
            raise statuses.conflict(kind.resource, key.name, statuses.STALE)

    def _update(
        self,
        kind: Kind,
        key: Key,
        subresource: str,
        live: Object,
        obj: Object,
        options: WriteOptions,
        manager: str,
        *,
        applied: bool = False,
    ) -> Object:
        """`obj` is what the client wants the whole object to be; `applied`: its managedFields are already right."""
        new = _restricted(kind, subresource, obj, live)
        if kind.custom and not applied:
            schema = kind.schema()
            if schema is not None:
                schema.default(new)
        metadata.fill_for_update(new, live)
        if subresource != "finalize":
            self._fill(kind, new, live)
        if not applied:
            given = obj["metadata"].get("managedFields")
            asked = {**new, "metadata": {**new["metadata"], "managedFields": given}} if given is not None else new
            owned = kind.field_manager(subresource).update(live, asked, manager, metadata.now())
            new["metadata"].pop("managedFields", None)
            new["metadata"].update(_managed(owned))
        if kind.generation and _content(new) != _content(live):
            new["metadata"]["generation"] = live["metadata"].get("generation", 1) + 1
        causes = metadata.update_causes(kind, new, live)
        if subresource != "status" or not kind.custom:
            causes += self._content_causes(kind, new, live)
        elif (schema := kind.schema()) is not None:
            causes += schema.validate_status(new, live)
        self._refuse(kind, new, causes)
        new = keep_times(live, new)
        if new == live:
            return live
        return self._put(kind, key, new, options)

    # --- patch and apply ---

    def patch(
        self,
        kind: Kind,
        key: Key,
        subresource: str,
        change: Callable[[Object], Object],
        options: WriteOptions,
        agent: str,
    ) -> Written:
        """`change` makes the wanted object of a copy of the live one."""
        live = self._live(kind, key)
        changed = change(copy.deepcopy(live))
        if not isinstance(changed, dict):
            raise statuses.BadRequest("a patch may not make of an object something else")
        self._check_patched_type(kind, key, changed)
        decoded = decoding.typed(kind, Decoded(changed))
        warnings = decoding.complain(kind, decoded, options.field_validation)
        obj = decoded.object
        metadata.check_name(obj["metadata"], key.name)
        metadata.check_namespace(kind, obj["metadata"], key.namespace)
        self._check_version(kind, key, obj["metadata"].get("resourceVersion"), live)
        manager = managedfields.manager_name(options.field_manager, agent)
        stored = self._update(kind, key, subresource, live, obj, options, manager)
        warnings += metadata.finalizer_warnings(kind, stored, live)
        return Written(stored, False, tuple(warnings))

    def _check_patched_type(self, kind: Kind, key: Key, obj: Object) -> None:
        for field, wanted in (("kind", kind.kind), ("apiVersion", kind.api_version)):
            found = obj.get(field)
            if found != wanted:
                name = found if field == "kind" and isinstance(found, str) else kind.kind
                cause = invalid(field, found, f"must be {wanted}")
                raise statuses.invalid(kind.group, name, key.name, [cause])

    def apply(self, kind: Kind, key: Key, subresource: str, config: Object, options: WriteOptions) -> Written:
        """Server-side apply; creates what is not there."""
        stored = self._store.get(key)
        live = kind.shown(stored) if stored else None
        manager_of = kind.field_manager(subresource)
        if config.get("apiVersion") == kind.api_version and config.get("kind") == kind.kind:
            if not isinstance(config.get("metadata", {}), dict):
                raise statuses.BadRequest("metadata must be an object")
            config.setdefault("metadata", {})
            metadata.check_name(config["metadata"], key.name)
            metadata.check_namespace(kind, config["metadata"], key.namespace)
        given = dict(config.get("metadata") or {})
        if live is None and subresource:
            raise statuses.not_found(kind.resource, key.name)
        if live is None and given.get("uid"):
            why = "uid mismatch: the provided object specified uid {}, and no existing object was found"
            raise statuses.conflict(kind.resource, key.name, why.format(given["uid"]))
        if live is not None:
            self._check_version(kind, key, given.get("resourceVersion"), live)
        complaints = self._unknown(kind, config, options)
        done = manager_of.apply(live, config, options.field_manager, metadata.now(), force=options.force)
        if live is None:
            return self._create_applied(kind, key, done, options, complaints)
        result = self._update(kind, key, subresource, live, done, options, options.field_manager, applied=True)
        return Written(result, False, (*complaints, *metadata.finalizer_warnings(kind, result, live)))

    def _unknown(self, kind: Kind, config: Object, options: WriteOptions) -> list[str]:
        tried = decoding.typed(kind, Decoded(copy.deepcopy(config)))
        return decoding.complain(kind, tried, options.field_validation)

    def _create_applied(self, kind: Kind, key: Key, obj: Object, options: WriteOptions, warnings: list[str]) -> Written:
        self._check_namespace_lives(kind, key.namespace, key.name)
        new = copy.deepcopy(obj)
        owned = new["metadata"].pop("managedFields", None)
        self._complete(kind, new, key.namespace)
        if owned:
            new["metadata"]["managedFields"] = owned
        return Written(self._put(kind, key, new, options), True, tuple(warnings))

    # --- shared ---

    def _fill(self, kind: Kind, obj: Object, old: Object | None) -> None:
        schema = kind.schema() if kind.custom else None
        if schema is not None:
            schema.default(obj)
        kind.prepare(obj, old)

    def _content_causes(self, kind: Kind, obj: Object, old: Object | None) -> list[Object]:
        if not kind.custom:
            return kind.validate(obj, old)
        causes = []
        if obj.get("kind") != kind.kind:
            causes.append(invalid("kind", obj.get("kind"), f"must be {kind.kind}"))
        schema = kind.schema()
        return causes + (schema.validate(obj, old) if schema is not None else [])

    def _refuse(self, kind: Kind, obj: Object, causes: list[Object]) -> None:
        if causes:
            name = str(obj.get("kind") or kind.kind)
            raise statuses.invalid(kind.group, name, obj["metadata"].get("name", ""), causes)

    def _put(self, kind: Kind, key: Key, obj: Object, options: WriteOptions) -> Object:
        """Stores it, or removes what was only waiting for its last finalizer; answers it as the kind shows it."""
        if options.dry_run:
            return obj
        kept = kind.kept(obj)
        if kept["metadata"].get("deletionTimestamp") and not pending(kept):
            stored = self._store.put(key, kept)
            self._store.delete(key)
        else:
            stored = self._store.put(key, kept)
        self._changed(key)
        return kind.shown(self._store.get(key) or stored)


def pending(obj: Object) -> bool:
    """Whether anything still holds an object that is being deleted."""
    if obj["metadata"].get("finalizers"):
        return True
    return bool(obj.get("kind") == "Namespace" and (obj.get("spec") or {}).get("finalizers"))


def key_of(kind: Kind, obj: Object) -> Key:
    namespace = obj["metadata"].get("namespace", "") if kind.namespaced else ""
    return Key(*kind.collection, namespace, obj["metadata"].get("name", ""))


def _managed(owned: Object) -> Object:
    entries = owned["metadata"].get("managedFields")
    return {"managedFields": entries} if entries else {}


def _content(obj: Object) -> Object:
    """What `generation` counts changes of."""
    return {key: value for key, value in obj.items() if key not in ("metadata", "status", "apiVersion", "kind")}


def _restricted(kind: Kind, subresource: str, obj: Object, live: Object) -> Object:
    """The endpoint decides what of the client's object counts: `status` alone, or all but `status`."""
    if subresource == "finalize":
        return {**live, "metadata": dict(live["metadata"]), "spec": copy.deepcopy(obj.get("spec") or {})}
    if subresource == "status":
        kept = {**live, "metadata": dict(live["metadata"])}
        if not kind.custom:
            kept["metadata"] |= {key: obj["metadata"].get(key) for key in ("labels", "annotations", "finalizers")}
            kept["metadata"] = {key: value for key, value in kept["metadata"].items() if value is not None}
        if "managedFields" in obj["metadata"]:
            kept["metadata"]["managedFields"] = obj["metadata"]["managedFields"]
        kept.pop("status", None)
        return {**kept, **({"status": copy.deepcopy(obj["status"])} if "status" in obj else {})}
    new = copy.deepcopy(obj)
    if kind.has_status:
        new.pop("status", None)
        if "status" in live:
            new["status"] = live["status"]
    return new


def agent_of(request: Request) -> str:
    return request.headers.get("user-agent")
