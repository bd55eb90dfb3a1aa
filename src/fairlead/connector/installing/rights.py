"""What a connector may do in its control plane: one ServiceAccount, its claim namespace, and to read definitions. Pure.

RBAC cannot say "all claims of all XRDs", so the kinds are enumerated. A definition that is added later is not among
them: the connector sees that it may not serve it and leaves it out, and installing again extends the rights.

Source: issue Connector, 5; reference/connector-and-migration.md §2.6.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from fairlead.connector import naming
from fairlead.connector.choosing import EVERYTHING, Choice
from fairlead.connector.impersonating import EXTRA_KEY
from fairlead.connector.preparing import APP_CLUSTERS
from fairlead.connector.retelling import CLUSTER_SCOPED
from fairlead.crossplane import xrds
from fairlead.crossplane.xrds import DefinitionError
from fairlead.machinery.paths import Resource

Object = dict[str, Any]
Kind = tuple[str, str]
"""Group and plural."""

NAMESPACES = Resource("", "v1", "namespaces", namespaced=False)
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts")
ROLES = Resource("rbac.authorization.k8s.io", "v1", "roles")
ROLE_BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "rolebindings")
CLUSTER_ROLES = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", namespaced=False)
CLUSTER_ROLE_BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "clusterrolebindings", namespaced=False)

MANAGED = {"app.kubernetes.io/managed-by": "fairlead-connector"}
APP_CLUSTER = "fairlead.dev/app-cluster"
_RBAC = "rbac.authorization.k8s.io"
_VERBS = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"]
_READ = ["get", "list", "watch"]


@dataclass(frozen=True)
class Grant:
    namespace: str
    """Of the claims."""
    cluster: str
    """The app cluster's id."""
    kinds: frozenset[Kind]
    secrets: bool = False
    events: bool = False
    impersonate: bool = False

    @property
    def name(self) -> str:
        """Of the ServiceAccount and all that belongs to it: one for each app cluster and claim namespace."""
        digest = hashlib.sha256(f"{self.namespace}/{self.cluster}".encode()).hexdigest()
        return f"fairlead-connector-{digest[:16]}"

    @property
    def labels(self) -> dict[str, str]:
        return {**MANAGED, APP_CLUSTER: self.cluster}


def served(definitions: Iterable[Object], crds: Iterable[Object] = (), choice: Choice = EVERYTHING) -> frozenset[Kind]:
    """What the definitions offer now or will once they are established; `crds` are those that were named."""
    found: set[Kind] = set()
    for each in definitions:
        labels = (each.get("metadata") or {}).get("labels") or {}
        found |= {kind for kind in _offered(each) if choice.admits(*kind, labels)}
    for each in crds:
        spec, labels = each["spec"], each["metadata"].get("labels") or {}
        kind = (spec["group"], spec["names"]["plural"])
        if spec.get("scope") == "Namespaced" and choice.admits(*kind, labels, named=True):
            found.add(kind)
    return frozenset(found)


def _offered(definition: Object) -> set[Kind]:
    try:
        read = xrds.read(definition)
    except DefinitionError:
        return set()
    if read.claim:
        return {(read.group, read.claim.plural)}
    return {(read.group, read.composite.plural)} if read.scope == xrds.NAMESPACED else set()


def objects(grant: Grant) -> list[tuple[Resource, Object]]:
    """In the order in which they are to be made; the namespace is not among them."""
    cluster_reference = _reference("ClusterRole", grant.name)
    return [
        (SERVICE_ACCOUNTS, _object("v1", "ServiceAccount", grant, grant.namespace)),
        (ROLES, _object(f"{_RBAC}/v1", "Role", grant, grant.namespace, rules=_namespace_rules(grant))),
        (CLUSTER_ROLES, _object(f"{_RBAC}/v1", "ClusterRole", grant, rules=_cluster_rules(grant))),
        (
            ROLE_BINDINGS,
            _object(
                f"{_RBAC}/v1", "RoleBinding", grant, grant.namespace,
                roleRef=_reference("Role", grant.name), subjects=_subjects(grant),
            ),
        ),
        (
            CLUSTER_ROLE_BINDINGS,
            _object(f"{_RBAC}/v1", "ClusterRoleBinding", grant, roleRef=cluster_reference, subjects=_subjects(grant)),
        ),
        *_composite_events(grant),
    ]  # fmt: skip


def _composite_events(grant: Grant) -> list[tuple[Resource, Object]]:
    """Those about cluster-scoped composites are told in a namespace that is nobody's own."""
    if not grant.events or grant.namespace == CLUSTER_SCOPED:
        return []
    rules = [_rule("", ["events"], _READ)]
    role = _object(f"{_RBAC}/v1", "Role", grant, namespace=CLUSTER_SCOPED, rules=rules)
    reference = _reference("Role", grant.name)
    bound = {"roleRef": reference, "subjects": _subjects(grant)}
    return [(ROLES, role), (ROLE_BINDINGS, _object(f"{_RBAC}/v1", "RoleBinding", grant, CLUSTER_SCOPED, **bound))]


def removable(grant: Grant) -> list[tuple[Resource, Object]]:
    """All that may have been made for it, whatever was on."""
    return objects(replace(grant, events=True))


def namespace(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": dict(MANAGED)}}


def _object(version: str, kind: str, grant: Grant, namespace: str = "", **more: Any) -> Object:
    metadata: Object = {"name": grant.name, "labels": grant.labels}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}


def _reference(kind: str, name: str) -> Object:
    return {"apiGroup": _RBAC, "kind": kind, "name": name}


def _subjects(grant: Grant) -> list[Object]:
    return [{"kind": "ServiceAccount", "name": grant.name, "namespace": grant.namespace}]


def _rule(group: str, resources: Sequence[str], verbs: Sequence[str], names: Sequence[str] = ()) -> Object:
    found: Object = {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}
    return {**found, "resourceNames": list(names)} if names else found


def _namespace_rules(grant: Grant) -> list[Object]:
    rules = [
        _rule(group, [f"{plural}{part}" for _, plural in kinds for part in ("", "/scale", "/status")], _VERBS)
        for group, kinds in _by_group(grant.kinds).items()
    ]
    rules += [
        _rule("", ["configmaps"], ["create"]),
        _rule("", ["configmaps"], ["get", "update"], [APP_CLUSTERS]),
        _rule("", ["serviceaccounts/token"], ["create"], [grant.name]),
    ]
    rules += [_rule("", ["secrets"], _READ)] if grant.secrets else []
    rules += [_rule("", ["events"], _READ)] if grant.events else []
    return rules


def _by_group(kinds: Iterable[Kind]) -> Mapping[str, list[Kind]]:
    return {group: list(found) for group, found in groupby(sorted(kinds), key=lambda kind: kind[0])}


def _cluster_rules(grant: Grant) -> list[Object]:
    rules = [
        _rule(xrds.GROUP, [xrds.V1.plural], _READ),
        _rule("apiextensions.k8s.io", ["customresourcedefinitions"], _READ),
        _rule("", ["namespaces"], ["get"], [grant.namespace]),
    ]
    if grant.impersonate:
        rules += [
            _rule("", ["users", "groups"], ["impersonate"]),
            _rule("authentication.k8s.io", ["uids", f"userextras/{EXTRA_KEY}"], ["impersonate"]),
        ]
    return rules


def find_command(grant: Grant) -> str:
    """How a person finds the claims of this app cluster in its control plane."""
    kinds = ",".join(f"{plural}.{group}" for group, plural in sorted(grant.kinds)) or "claim"
    return f"kubectl get {kinds} -n {grant.namespace} -l {naming.RESERVED}app-cluster={grant.cluster}"
