"""Server-side apply, and who owns a field after any write.

A field manager belongs to one endpoint: a kind at a version, whole or one subresource. It is pure: objects and the
time come in, an object comes out, so that a dry run is the same call and every law can be tested. The schema drives
it, so custom resources and built-in kinds take the same way.

Copying the algorithm of the API server is the point: clients rely on which manager a conflict names and on which
fields disappear when a manager stops applying them. Source: `sigs.k8s.io/structured-merge-diff` v6 (merge) and
`k8s.io/apimachinery/pkg/util/managedfields`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fairlead.machinery import fieldsets, managedfields, statuses
from fairlead.machinery.fieldsets import FieldsError, FieldSet, Path
from fairlead.machinery.managedfields import Owned, Owner, Owners
from fairlead.machinery.shapechecks import check
from fairlead.machinery.shapes import Shape
from fairlead.machinery.typedvalues import (
    Comparison,
    ShapeError,
    compare,
    field_set,
    merge,
    reconciled,
    remove,
    with_named_parents,
)
from fairlead.machinery.values import same

Object = dict[str, Any]

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
BEFORE_FIRST_APPLY = "before-first-apply"
_NEVER_OWNED: FieldSet = frozenset(
    (
        fieldsets.path("apiVersion"),
        fieldsets.path("kind"),
        fieldsets.path("metadata"),
        *(
            fieldsets.path("metadata", name)
            for name in (
                "name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation",
                "managedFields", "resourceVersion",
            )
        ),
    )
)  # fmt: skip
_SELF = Owner("", "Update", "", "current operation")


@dataclass(frozen=True, eq=False)
class FieldManager:
    """`shapes` by apiVersion, for every version that the API still has; what older ones owned is forgotten.

    `resets`: what the endpoint resets whatever a client writes, and nobody therefore comes to own through it: `status`
    for a kind with that subresource, `spec` and `metadata` for the subresource itself.
    """

    shapes: Mapping[str, Shape]
    api_version: str
    kind: str
    subresource: str = ""
    resets: tuple[Path, ...] = field(default=())

    @property
    def shape(self) -> Shape:
        return self.shapes[self.api_version]

    # --- writes other than apply ---

    def update(self, live: Object | None, new: Object, manager: str, time: str) -> Object:
        """`new` with the managedFields that result from writing it over `live` (None: it is created).

        An existing object that has no managedFields stays without. Neither argument is changed.
        """
        before = live or {}
        owners = self._owners_for_update(before, new)
        bare = _with_owners(new, None)
        if not owners and before.get("metadata", {}).get("uid"):
            return bare
        try:
            owners = self._updated(before, bare, owners, managedfields.updater(manager, *self._place), time)
        except ShapeError:  # the API server drops the list rather than refuse the write
            return bare
        return _with_owners(bare, managedfields.capped(owners))

    @property
    def _place(self) -> tuple[str, str]:
        return self.api_version, self.subresource

    def _owners_for_update(self, live: Object, new: Object) -> Owners:
        """A client may write managedFields: an empty list resets them, an unreadable or absent one counts as none."""
        given = new.get("metadata", {}).get("managedFields")
        if not self.subresource and given is not None:
            if given in ([], [{}]):
                return {}
            owners = _read_or_none(given)
            if owners:
                return owners
        return _read_or_none(live.get("metadata", {}).get("managedFields"))

    def _updated(self, live: Object, new: Object, owners: Owners, owner: Owner, time: str) -> Owners:
        owners = self._reconciled(owners)
        live = _with_owners(live, None)
        changed = self._compared(live, new, self.api_version)
        owners = self._taken(live, new, owners, _SELF, force=True)
        fields = fieldsets.without(frozenset(changed.modified | changed.added), self.resets) - _NEVER_OWNED
        if not fields:
            return owners
        previous = owners.get(owner)
        fields |= previous.fields if previous else fieldsets.NONE
        return {**owners, owner: Owned(fields, self.api_version, time)}

    # --- apply ---

    def apply(self, live: Object | None, config: Object, manager: str, time: str, *, force: bool = False) -> Object:
        """The object after `manager` applied `config` to `live` (None: it is created), with its managedFields.

        Raises `statuses.Conflict` with the causes, `BadRequest`, or `InternalError` where a value does not have the
        shape of the schema, as the API server does. Defaults are the caller's to fill. Neither argument is changed.
        """
        self._check_request(config)
        before = live or {}
        try:
            owners = managedfields.read(before.get("metadata", {}).get("managedFields"))
        except FieldsError as fault:
            raise statuses.InternalError(f"failed to decode managed fields: {fault.why}") from None
        if not owners and live:
            base = {"apiVersion": self.api_version, "kind": self.kind}
            first = managedfields.updater(BEFORE_FIRST_APPLY, *self._place)
            owners = self._updated(base, _with_owners(before, None), {}, first, time)
        self._check_shapes(before, config)
        try:
            applied = self._applied(before, config, owners, manager, time, force=force)
        except _Conflicts as conflicts:
            applied = self._applied_by_kubectl(before, config, owners, manager, time, conflicts)
        return _with_last_applied(applied, config) if manager == "kubectl" else applied

    def _check_request(self, config: Object) -> None:
        if (config.get("apiVersion"), config.get("kind")) != (self.api_version, self.kind):
            raise statuses.BadRequest(f"invalid object type: {_show_kind(config)}")
        if config.get("metadata", {}).get("managedFields") is not None:
            raise statuses.BadRequest("metadata.managedFields must be nil")

    def _check_shapes(self, live: Object, config: Object) -> None:
        for name, each, duplicates in (("patch", config, False), ("live", live, True)):
            try:
                check(_with_owners(each, None), self.shape, duplicates=duplicates)
            except ShapeError as fault:
                raise statuses.InternalError(
                    f"failed to create typed {name} object ({_show(each)}): {fault.what}", reason=""
                ) from None

    def _applied(self, live: Object, config: Object, owners: Owners, manager: str, time: str, *, force: bool) -> Object:
        owner = managedfields.applier(manager, self.subresource)
        owners = self._reconciled(owners)
        last = owners.get(owner)
        base = _with_owners(live, None)
        merged = merge(base, config, self.shape)
        fields = fieldsets.without(field_set(config, self.shape), self.resets)
        owners = {**owners, owner: Owned(fields, self.api_version, last.time if last else "")}
        merged = self._pruned(merged, owners, last)
        owners = self._taken(base, merged, owners, owner, force=force)
        mine = owners.pop(owner, None)
        if mine and mine.fields - _NEVER_OWNED:
            unchanged = same(base, merged)
            when = mine.time if unchanged else time
            owners[owner] = replace(mine, fields=mine.fields - _NEVER_OWNED, time=when)
        return _with_owners(merged, owners)

    def _pruned(self, merged: Object, owners: Owners, last: Owned | None) -> Object:
        """Without what this manager applied last time and now does not, unless someone owns it."""
        if last is None or not last.fields or last.api_version not in self.shapes:
            return merged
        shape = self.shapes[last.api_version]
        stale = with_named_parents(last.fields, shape)
        pruned = remove(merged, stale, shape)
        for version in sorted(
            {each.api_version for each in owners.values()}, key=lambda each: each != last.api_version
        ):
            if version in self.shapes:
                pruned = self._with_owned_again(merged, pruned, owners, version)
        left, whole = (with_named_parents(field_set(each, shape), shape) for each in (pruned, merged))
        found = remove(merged, (whole - left) & stale, shape)
        return found if isinstance(found, dict) else {}

    def _with_owned_again(self, merged: Object, pruned: Object, owners: Owners, version: str) -> Object:
        shape = self.shapes[version]
        owned = frozenset(path for each in owners.values() if each.api_version == version for path in each.fields)
        whole, left, owned = (
            with_named_parents(each, shape) for each in (field_set(merged, shape), field_set(pruned, shape), owned)
        )
        found = remove(merged, whole - (left | owned), shape)
        return found if isinstance(found, dict) else {}

    # --- both ---

    def _compared(self, live: Object, new: Object, version: str) -> Comparison:
        found = compare(live, new, self.shapes[version])
        return found.without(self.resets) if version == self.api_version else found

    def _reconciled(self, owners: Owners) -> Owners:
        return {
            owner: replace(owned, fields=reconciled(owned.fields, self.shapes[owned.api_version]))
            for owner, owned in owners.items()
            if owned.api_version in self.shapes
        }

    def _taken(self, live: Object, new: Object, owners: Owners, taker: Owner, *, force: bool) -> Owners:
        """Everybody else loses what changes. Raises `_Conflicts` unless forced."""
        changes: dict[str, Comparison] = {}
        found, conflicts = dict(owners), {}
        for owner, owned in owners.items():
            if owner == taker:
                continue
            version = owned.api_version
            if version not in changes:
                changes[version] = self._compared(live, new, version)
            lost = owned.fields & (changes[version].modified | changes[version].added)
            if lost:
                conflicts[owner] = lost
            left = owned.fields - lost - changes[version].removed
            found[owner] = replace(owned, fields=left)
        if conflicts and not force:
            raise _Conflicts(conflicts)
        return {owner: owned for owner, owned in found.items() if owned.fields}

    # --- kubectl's own annotation ---

    def _applied_by_kubectl(
        self, live: Object, config: Object, owners: Owners, manager: str, time: str, conflicts: "_Conflicts"
    ) -> Object:
        """What kubectl last wrote with client-side apply it may take over, if it still stands as written."""
        allowed = self._last_applied(live) if manager == "kubectl" else fieldsets.NONE
        left = {owner: lost - allowed for owner, lost in conflicts.fields.items() if lost - allowed}
        if left or not allowed:
            raise _conflict(left or conflicts.fields)
        return self._applied(live, config, owners, manager, time, force=True)

    def _last_applied(self, live: Object) -> FieldSet:
        text = live.get("metadata", {}).get("annotations", {}).get(LAST_APPLIED)
        try:
            last = json.loads(text) if text else None
            if not isinstance(last, dict) or last.get("apiVersion") != self.api_version:
                return fieldsets.NONE
            check(last, self.shape)
            check(live, self.shape)
            changes = compare(last, live, self.shape)
            return field_set(last, self.shape) - changes.modified - changes.added - changes.removed
        except (ValueError, ShapeError):
            return fieldsets.NONE


class _Conflicts(Exception):
    def __init__(self, fields: dict[Owner, FieldSet]) -> None:
        super().__init__()
        self.fields = fields


def _conflict(fields: Mapping[Owner, FieldSet]) -> statuses.Conflict:
    owners = sorted(fields, key=lambda each: each.identifier)
    found = [(owner, path) for owner in owners for path in sorted(fields[owner], key=fieldsets.order)]
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {owner}", "field": fieldsets.show(path)}
        for owner, path in found
    ]
    if len(found) == 1:
        text = f"1 conflict: {causes[0]['message']}: {causes[0]['field']}"
    else:
        lines = []
        for owner in owners:
            lines.append(f"conflicts with {owner}:")
            lines += [f"- {fieldsets.show(path)}" for one, path in found if one == owner]
        text = f"{len(found)} conflicts: " + "\n".join(lines)
    return statuses.Conflict(f"Apply failed with {text}", {"causes": causes})


def keep_times(live: Object, new: Object) -> Object:
    """`new`, or `live` where nothing but the times of managedFields differs: such a write is none.

    A server calls it after defaulting and admission, before it decides whether to store.
    """
    ours, theirs = (each.get("metadata", {}).get("managedFields") or [] for each in (live, new))
    bare = [[{**entry, "time": ""} for entry in entries] for entries in (ours, theirs)]
    if not theirs or not same(*bare):
        return new
    return live if same(_with_owners(live, None), _with_owners(new, None)) else new


def _read_or_none(given: Any) -> Owners:
    try:
        return managedfields.read(given)
    except FieldsError:
        return {}


def _with_owners(obj: Object, owners: Owners | None) -> Object:
    """A copy of the object and its metadata; without owners it has no managedFields."""
    if not owners and "managedFields" not in (obj.get("metadata") or {}):
        return obj
    metadata = {name: each for name, each in (obj.get("metadata") or {}).items() if name != "managedFields"}
    if owners:
        metadata["managedFields"] = managedfields.write(owners)
    return {**obj, "metadata": metadata}


def _with_last_applied(obj: Object, config: Object) -> Object:
    """Keeps kubectl's annotation in step where there is one, so that client-side apply can be taken up again."""
    metadata = obj.get("metadata", {})
    if not (metadata.get("annotations") or {}).get(LAST_APPLIED):
        return obj
    applied = {**config, "metadata": dict(config.get("metadata", {}))}
    notes = {
        name: each for name, each in (applied["metadata"].get("annotations") or {}).items() if name != LAST_APPLIED
    }
    applied["metadata"].pop("annotations", None)
    if notes:
        applied["metadata"]["annotations"] = notes
    text = json.dumps(applied, separators=(",", ":"), sort_keys=True, ensure_ascii=False) + "\n"
    return {**obj, "metadata": {**metadata, "annotations": {**metadata["annotations"], LAST_APPLIED: text}}}


def _show_kind(obj: Object) -> str:
    group, _, version = str(obj.get("apiVersion", "")).rpartition("/")
    return f"{group}/{version}, Kind={obj.get('kind', '')}"


def _show(obj: Object) -> str:
    metadata = obj.get("metadata", {})
    return f"{metadata.get('namespace', '')}/{metadata.get('name', '')}; {_show_kind(obj)}"
