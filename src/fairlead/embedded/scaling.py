"""The scale subresource of custom resources: an autoscaling/v1 Scale made of three paths of the object."""

import copy
from collections.abc import Callable
from typing import Any

from fairlead.embedded.kinds import Kind
from fairlead.machinery import statuses
from fairlead.machinery.jsonpath import compile_path

Object = dict[str, Any]

KIND = Kind("autoscaling", "v1", "Scale", "scales")


def of(kind: Kind, obj: Object) -> Object:
    """Spec without replicas where the path leads nowhere: the zero value is left out."""
    paths = kind.scale or {}
    metadata = {
        name: obj["metadata"][name]
        for name in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
        if name in obj["metadata"]
    }
    replicas = _first(obj, paths["specReplicasPath"])
    status: Object = {"replicas": _first(obj, paths["statusReplicasPath"]) or 0}
    selector = _first(obj, paths.get("labelSelectorPath", ""))
    if selector:
        status["selector"] = selector
    spec = {"replicas": replicas} if replicas else {}
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec, "status": status}


def _first(obj: Object, path: str) -> Any:
    return next(iter(compile_path(path).find(obj)), None) if path else None


def change(kind: Kind, wanted: Object) -> Callable[[Object], Object]:
    """What writing that Scale makes of the object. Raises `BadRequest` for replicas that are no count."""
    replicas = (wanted.get("spec") or {}).get("replicas", 0)
    if not isinstance(replicas, int) or isinstance(replicas, bool):
        raise statuses.BadRequest("spec.replicas must be a whole number")
    if replicas < 0:
        cause = statuses.cause("spec.replicas", f"Invalid value: {replicas}: should be a non-negative integer")
        raise statuses.invalid("autoscaling", "Scale", (wanted.get("metadata") or {}).get("name", ""), [cause])
    version = (wanted.get("metadata") or {}).get("resourceVersion")
    names = (kind.scale or {})["specReplicasPath"].strip(".").split(".")

    def apply(target: Object) -> Object:
        changed = copy.deepcopy(target)
        place = changed
        for name in names[:-1]:
            place = place.setdefault(name, {})
        place[names[-1]] = replicas
        if version:
            changed["metadata"]["resourceVersion"] = version
        return changed

    return apply
