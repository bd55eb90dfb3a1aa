"""Owner references that no server stores: why one refuses them.

Source: `ValidateOwnerReferences` of `pkg/api/validation/objectmeta.go` of k8s.io/apimachinery.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fairlead.machinery.encoding import to_json
from fairlead.machinery.fielderrors import Cause, invalid
from fairlead.machinery.statuses import cause

_MEMBERS = ("apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion")
_PATH = "metadata.ownerReferences"


def causes(references: Sequence[Mapping[str, Any]]) -> list[Cause]:
    found = [one for each in references for one in _of_one(each)]
    return found + _of_controllers(references)


def _of_one(reference: Mapping[str, Any]) -> list[Cause]:
    version = reference.get("apiVersion") or ""
    found = []
    if not version.rpartition("/")[2]:
        found.append(invalid(f"{_PATH}.apiVersion", version, "version must not be empty"))
    missing = [name for name in ("kind", "name", "uid") if not reference.get(name)]
    found += [invalid(f"{_PATH}.{name}", reference.get(name, ""), "must not be empty") for name in missing]
    if (version, reference.get("kind")) == ("v1", "Event"):
        found.append(invalid(_PATH, reference, "/v1, Kind=Event is disallowed from being an owner"))
    return found


def _of_controllers(references: Sequence[Mapping[str, Any]]) -> list[Cause]:
    controllers = [each for each in references if each.get("controller")]
    if len(controllers) < 2:
        return []
    why = 'Only one reference can have Controller set to true. Found "true" in references for'
    first, second = (f"{each.get('kind')}/{each.get('name')}" for each in controllers[:2])
    shown = to_json([{key: each[key] for key in _MEMBERS if each.get(key)} for each in references]).decode()
    return [cause(_PATH, f"Invalid value: {shown}: {why} {first} and {second}")]
