"""metadata.managedFields: who owns which field of an object.

Values in, values out: nothing here knows a clock, a store or a request. `without` is for a proxy that shows an object
without some of its fields; reading, writing and capping the list is what `applying` builds on.

Source: `k8s.io/apimachinery/pkg/util/managedfields`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from fairlead.machinery import fieldsets
from fairlead.machinery.fieldsets import FieldsError, FieldSet, Path, canonical

Object = dict[str, Any]
Tree = dict[str, Any]

MOST_UPDATERS = 10
"""Above that many Update entries the oldest are merged."""
ANCIENT = "ancient-changes"


class Owner(NamedTuple):
    """What tells two entries apart. An applier is the same at every version, so its `api_version` is empty here."""

    manager: str
    operation: str
    api_version: str
    subresource: str = ""

    @property
    def identifier(self) -> str:
        """Orders owners as the API server orders them."""
        named = {"manager": self.manager, "operation": self.operation, "apiVersion": self.api_version}
        named["subresource"] = self.subresource
        return json.dumps({name: each for name, each in named.items() if each}, separators=(",", ":"))

    def __str__(self) -> str:
        text = f"{json.dumps(self.manager, ensure_ascii=False)}"
        text += f" with subresource {json.dumps(self.subresource)}" if self.subresource else ""
        return f"{text} using {self.api_version}" if self.operation == "Update" else text


@dataclass(frozen=True)
class Owned:
    fields: FieldSet
    api_version: str
    time: str = ""
    """RFC 3339 in whole seconds, as the API writes it; empty where the entry has none."""


Owners = dict[Owner, Owned]


def applier(manager: str, subresource: str = "") -> Owner:
    return Owner(manager or "unknown", "Apply", "", subresource)


def updater(manager: str, api_version: str, subresource: str = "") -> Owner:
    return Owner(manager or "unknown", "Update", api_version, subresource)


def manager_name(field_manager: str, user_agent: str) -> str:
    """Who writes: the `fieldManager` parameter, else the product at the start of User-Agent."""
    return field_manager or "".join(each for each in user_agent.split("/")[0][:128] if each.isprintable())


def read(managed_fields: Sequence[Mapping[str, Any]] | None) -> Owners:
    """Raises `FieldsError` where the API server would give up on the whole list."""
    return dict(map(_read_entry, managed_fields or ()))


def _read_entry(entry: Mapping[str, Any]) -> tuple[Owner, Owned]:
    operation, version = entry.get("operation"), str(entry.get("apiVersion") or "")
    if operation not in ("Apply", "Update"):
        raise FieldsError("managedFields cannot be read", "operation must be `Apply` or `Update`")
    if not version or entry.get("fieldsType") != "FieldsV1":
        raise FieldsError("managedFields cannot be read", "an entry needs an apiVersion and fieldsType FieldsV1")
    manager, subresource = str(entry.get("manager") or ""), str(entry.get("subresource") or "")
    owner = Owner(manager, operation, version if operation == "Update" else "", subresource)
    return owner, Owned(fieldsets.read(entry.get("fieldsV1") or {}), version, str(entry.get("time") or ""))


def write(owners: Owners) -> list[Object]:
    """Appliers before updaters, then by time and name."""
    return [_write_entry(owner, owners[owner]) for owner in sorted(owners, key=lambda owner: _place(owner, owners))]


def _place(owner: Owner, owners: Owners) -> tuple[str, ...]:
    return (owner.operation, owners[owner].time, owner.manager, owners[owner].api_version, owner.subresource)


def _write_entry(owner: Owner, owned: Owned) -> Object:
    entry = {
        "manager": owner.manager,
        "operation": owner.operation,
        "apiVersion": owned.api_version,
        "time": owned.time,
        "fieldsType": "FieldsV1",
        "fieldsV1": fieldsets.write(owned.fields),
        "subresource": owner.subresource,
    }
    return {name: each for name, each in entry.items() if each or name == "fieldsV1"}


def capped(owners: Owners) -> Owners:
    """Merges the oldest updaters of each version, so that endless new names cannot fill the object."""
    updaters = [each for each in owners if each.operation == "Update"]
    excess = len(updaters) - MOST_UPDATERS
    found = dict(owners)
    first: dict[str, Owner] = {}
    for owner in sorted(updaters, key=lambda each: (owners[each].time, each.identifier)):
        if excess <= 0:
            break
        owned = owners[owner]
        if owned.api_version not in first:
            first[owned.api_version] = owner
            continue
        bucket = updater(ANCIENT, owned.api_version)
        if bucket not in found:
            found[bucket] = found.pop(first[owned.api_version])
        found[bucket] = replace(owned, fields=found[bucket].fields | owned.fields)
        if owner != bucket:
            del found[owner]
        excess -= 1
    return found


def without(managed_fields: Sequence[Mapping[str, Any]], hidden: Iterable[Path]) -> list[Object]:
    """The entries without the hidden fields and all below them; nothing else changes, order and times included.

    A parent that loses its last child goes too, and so does an entry that loses its last field: the object that is
    shown does not have them either. Entries that cannot be read are kept as they are.
    """
    roots = _tree(hidden)
    found = []
    for entry in managed_fields:
        fields = entry.get("fieldsV1")
        kept = _prune(fields, roots) if isinstance(fields, Mapping) else fields
        if kept is not fields and not kept:
            continue
        found.append(dict(entry) if kept is fields else {**entry, "fieldsV1": kept})
    return found


def _tree(paths: Iterable[Path]) -> Tree:
    """Nested dictionaries; an empty one ends a path."""
    root: Tree = {}
    for each in sorted(paths, key=len, reverse=True):
        node = root
        for element in each[:-1]:
            node = node.setdefault(element, {})
        if each:
            node[each[-1]] = {}
    return root


def _prune(fields: Mapping[str, Any], roots: Tree) -> Mapping[str, Any]:
    """`fields` itself when nothing was hidden in it."""
    kept: Object = {}
    changed = False
    for name, below in fields.items():
        under = roots.get(name if name[:2] == "f:" else _or_self(name))
        if under is None or not isinstance(below, Mapping):
            kept[name] = below
            continue
        pruned = _prune(below, under) if under else {}
        if under and pruned is below:
            kept[name] = below
            continue
        changed = True
        if pruned.keys() - {"."}:
            kept[name] = pruned
    return kept if changed else fields


def _or_self(name: str) -> str:
    try:
        return canonical(name) or name
    except FieldsError:
        return name
