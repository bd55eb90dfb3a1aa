"""APIServices: which group versions the aggregator forwards to us.

`plan` is pure: the objects that should be, against those that are, give what to create, patch and remove, and what
stands in the way. An APIService that is not ours (no label of ours) is never touched: a CRD of the same group and
version, or another extension server, owns it, and edits would be reverted or break it. Nor does this module conclude
that something should go: whoever calls says so with the list of what should be, and must know it with authority. An
APIService that vanishes takes its objects out of namespace deletion and garbage collection.

The aggregator looks at our discovery once a minute, but at once when an APIService changes. So the annotation with the
hash of our discovery is rewritten when that changes, and only then.

Source: `pkg/apis/apiregistration/v1` of k8s.io/kube-aggregator; reference/aggregation-layer.md §1.3.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fairlead.client.api import Client
from fairlead.machinery import statuses
from fairlead.machinery.paths import GroupVersion, Resource

Object = dict[str, Any]

APISERVICES = Resource("apiregistration.k8s.io", "v1", "apiservices", namespaced=False)
AUTOMANAGED = "kube-aggregator.kubernetes.io/automanaged"
DISCOVERY_HASH = "fairlead.dev/discovery-hash"


@dataclass(frozen=True)
class Backend:
    """Where the aggregator finds us, and what it trusts there; the certificate is for `<name>.<namespace>.svc`."""

    namespace: str
    name: str
    port: int
    ca_bundle: bytes
    """PEM."""
    owners: Sequence[Object] = ()
    """Owner references of what is registered; without any, those that it has are left alone."""


@dataclass(frozen=True)
class Registration:
    group_version: GroupVersion
    discovery_hash: str = ""
    group_priority: int = 1500
    """1 to 20000; groups with a higher one win short names."""
    version_priority: int = 100
    """1 to 1000; the highest is the preferred version."""

    @property
    def name(self) -> str:
        return f"{self.group_version.version}.{self.group_version.group}"


@dataclass(frozen=True)
class Conflict:
    """An APIService of that name exists and is somebody else's."""

    name: str
    owner: str


@dataclass(frozen=True)
class Plan:
    create: tuple[Object, ...] = ()
    patch: tuple[tuple[str, Object], ...] = ()
    """Name and merge patch."""
    remove: tuple[Object, ...] = ()
    """As they were read: removing demands the same uid and resourceVersion."""
    conflicts: tuple[Conflict, ...] = ()


def desired(registration: Registration, backend: Backend, labels: Mapping[str, str]) -> Object:
    annotations = {DISCOVERY_HASH: registration.discovery_hash} if registration.discovery_hash else {}
    metadata: Object = {"name": registration.name, "labels": dict(labels)}
    if annotations:
        metadata["annotations"] = annotations
    if backend.owners:
        metadata["ownerReferences"] = list(backend.owners)
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": metadata,
        "spec": {
            "group": registration.group_version.group,
            "version": registration.group_version.version,
            "groupPriorityMinimum": registration.group_priority,
            "versionPriority": registration.version_priority,
            "caBundle": base64.b64encode(backend.ca_bundle).decode(),
            "service": {"namespace": backend.namespace, "name": backend.name, "port": backend.port},
        },
    }


def plan(wanted: Iterable[Object], existing: Iterable[Object], labels: Mapping[str, str]) -> Plan:
    """`existing` holds APIServices of all owners; ours are those that carry all of `labels`."""
    if not labels:
        raise ValueError("without a label every APIService of the cluster would be ours")
    found = {each["metadata"]["name"]: each for each in existing}
    goal = {each["metadata"]["name"]: each for each in wanted}
    ours = {name for name, each in found.items() if _ours(each, labels)}
    shared = [name for name in goal if name in ours]
    changes = [(name, _change(found[name], goal[name])) for name in shared]
    return Plan(
        create=tuple(each for name, each in goal.items() if name not in found),
        patch=tuple((name, change) for name, change in changes if change),
        remove=tuple(found[name] for name in sorted(ours - goal.keys())),
        conflicts=tuple(Conflict(name, owner(found[name])) for name in goal if name in found and name not in ours),
    )


def owner(api_service: Object) -> str:
    """Who holds an APIService, in words for a person."""
    if (api_service["metadata"].get("labels") or {}).get(AUTOMANAGED):
        return "the API server itself: a CRD or a built-in API has this group and version"
    service = api_service["spec"].get("service")
    if service:
        return f"another extension server, Service {service.get('namespace')}/{service.get('name')}"
    return "somebody who registered it as local"


def difference(found: Object, goal: Object) -> Object:
    """The merge patch that brings what we set to what it should be; what others added stays. Empty if all is well."""
    changed: Object = {}
    for key, value in goal.items():
        there = found.get(key)
        if isinstance(value, dict) and isinstance(there, dict):
            inner = difference(there, value)
            if inner:
                changed[key] = inner
        elif there != value:
            changed[key] = value
    return changed


def _change(found: Object, goal: Object) -> Object:
    """With the resourceVersion that it was decided on, so that it fails on an APIService that has changed hands."""
    changed = difference(found, goal)
    if changed:
        changed.setdefault("metadata", {})["resourceVersion"] = found["metadata"]["resourceVersion"]
    return changed


def available(api_service: Object) -> tuple[bool, str]:
    """Whether the aggregator reaches us, and its message if not."""
    for condition in (api_service.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "Available":
            return condition.get("status") == "True", str(condition.get("message") or "")
    return False, "the aggregator has not looked yet"


async def carry_out(client: Client, todo: Plan) -> None:
    """Raises what the API server answers; a plan may be made and carried out again at any time.

    What changed hands meanwhile is left alone: creating what exists and removing what changed are both refused.
    """
    for each in todo.create:
        await client.create(APISERVICES, each)
    for name, change in todo.patch:
        await client.patch(APISERVICES, name, change)
    for each in todo.remove:
        await _remove(client, each)


async def _remove(client: Client, api_service: Object) -> None:
    metadata = api_service["metadata"]
    preconditions = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
    try:
        await client.delete(APISERVICES, metadata["name"], options={"preconditions": preconditions})
    except statuses.NotFound:
        return


def _ours(api_service: Object, labels: Mapping[str, str]) -> bool:
    has = api_service["metadata"].get("labels") or {}
    return AUTOMANAGED not in has and all(has.get(key) == value for key, value in labels.items())


def service_names(backends: Sequence[Backend]) -> list[str]:
    """The names that the serving certificate must carry."""
    return sorted({f"{each.name}.{each.namespace}.svc" for each in backends})
