"""Conditions: the list of `type`, `status`, `reason` and `message` by which every object tells how it is.

`lastTransitionTime` moves only when `status` changes; a condition that stays the same must not be written again, or
every look at an object would make a new version of it. Source: `k8s.io/apimachinery/pkg/api/meta/conditions.go`; the
equality that leaves the time out is crossplane-runtime's.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Object = dict[str, Any]


def conditions(obj: Mapping[str, Any]) -> list[Object]:
    """Those of `.status.conditions`; entries that are no objects are passed over."""
    status = obj.get("status")
    found = status.get("conditions") if isinstance(status, Mapping) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def get(obj: Mapping[str, Any], kind: str) -> Object | None:
    return next((each for each in conditions(obj) if each.get("type") == kind), None)


def is_true(obj: Mapping[str, Any], kind: str) -> bool:
    found = get(obj, kind)
    return found is not None and found.get("status") == "True"


def condition(kind: str, status: str, reason: str, time: str, message: str = "", generation: int = 0) -> Object:
    """`time`: RFC 3339 in seconds. A generation of 0 means that it is not told."""
    found: Object = {"type": kind, "status": status, "reason": reason, "lastTransitionTime": time}
    if message:
        found["message"] = message
    if generation:
        found["observedGeneration"] = generation
    return found


def put(known: Sequence[Mapping[str, Any]], *wanted: Object) -> list[Object]:
    """The list with each wanted condition in it: in its place if its type is there, else at the end.

    A condition that is there already, but for its time, stays as it is; one whose status stays keeps its time.
    """
    found = [dict(each) for each in known]
    for new in wanted:
        place = next((index for index, each in enumerate(found) if each.get("type") == new["type"]), None)
        if place is None:
            found.append(new)
        elif found[place].get("status") == new["status"]:
            found[place] = {**new, "lastTransitionTime": found[place].get("lastTransitionTime")}
        else:
            found[place] = new
    return found
