"""A pod to try something out in, with a Service before it, and the way to be rid of both.

Made by creating, never by applying: an image is not to become that of a pod of the same name that is there already.
What belongs together bears one label each, by which deleting the pod finds the rest; a label that others use, such as
the app's name alone, would find their Services too.

Source: reference/kubernetes-mcp-server.md §1 (pods_run, pods_delete).
"""

import secrets
from collections.abc import Mapping
from typing import Any

from fairlead.machinery import statuses
from fairlead.resources import deleting
from fairlead.resources.kinds import Kind
from fairlead.resources.planning import DRY_RUN, MANAGER, Change, check_scope
from fairlead.resources.reading import Reader

Object = dict[str, Any]
NAME, OURS = "app.kubernetes.io/name", "app.kubernetes.io/managed-by"
_ROUTES = "routes.route.openshift.io"


async def planned(reader: Reader, image: str, name: str, namespace: str, port: int = 0) -> list[Change]:
    """A name is made up where none is given; a Service (and on OpenShift a Route) where there is a port."""
    name = name or f"run-{secrets.token_hex(4)}"
    wanted = [_pod(image, name, port), *([_service(name, port)] if port else [])]
    if port and any(each.resource.qualified == _ROUTES for each in (await reader.kinds()).all):
        wanted.append(_route(name, port))
    return [await _created(reader, each, namespace) for each in wanted]


def _labels(name: str) -> Object:
    return {NAME: name, OURS: MANAGER}


def _pod(image: str, name: str, port: int) -> Object:
    container: Object = {"name": "main", "image": image}
    container |= {"ports": [{"containerPort": port}]} if port else {}
    metadata = {"name": name, "labels": _labels(name)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}


def _service(name: str, port: int) -> Object:
    spec = {"selector": _labels(name), "ports": [{"port": port, "targetPort": port}]}
    return {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "labels": _labels(name)}, "spec": spec,
    }  # fmt: skip


def _route(name: str, port: int) -> Object:
    spec = {"to": {"kind": "Service", "name": name}, "port": {"targetPort": port}, "tls": {"termination": "edge"}}
    return {
        "apiVersion": "route.openshift.io/v1", "kind": "Route",
        "metadata": {"name": name, "labels": _labels(name)}, "spec": spec,
    }  # fmt: skip


async def _created(reader: Reader, obj: Mapping[str, Any], namespace: str) -> Change:
    kind = await reader.kind(obj["kind"], obj["apiVersion"])
    check_scope(kind, namespace)

    async def create(**options: str) -> Object:
        options = {"fieldManager": MANAGER, "fieldValidation": "Strict", **options}
        return await reader.client.create(kind.resource, obj, namespace, **options)

    after = await create(**DRY_RUN)
    return Change("create", kind, obj["metadata"]["name"], namespace, None, after, dict(obj), create)


async def removed(reader: Reader, kind: Kind, name: str, namespace: str) -> list[Change]:
    """The pod, and what was made with it by `planned`. Raises as `deleting.planned`."""
    found = [await deleting.planned(reader, kind, name, namespace)]
    labels = ((found[0].before or {}).get("metadata") or {}).get("labels") or {}
    if labels.get(OURS) != MANAGER or labels.get(NAME) != name:
        return found
    served = {each.resource.qualified: each for each in reversed((await reader.kinds()).all)}
    for other in (served[each] for each in ("services", _ROUTES) if each in served):
        try:
            found.append(await deleting.planned(reader, other, name, namespace))
        except (statuses.NotFound, statuses.Forbidden):
            continue
        rest = ((found[-1].before or {}).get("metadata") or {}).get("labels") or {}
        if (rest.get(OURS), rest.get(NAME)) != (MANAGER, name):
            found.pop()
    return found
