"""What the connector may do in the app cluster, and nothing else.

Rights that a feature needs are a ClusterRole of their own, absent while the feature is off. Those on Secrets have
neither list nor watch: what a connector cannot name it cannot read.

APIServices are owned by the release's first ClusterRole. Setting an owner needs no right on it, not even with the
admission plugin OwnerReferencesPermissionEnforcement, which asks for one on its finalizers only when the reference has
`blockOwnerDeletion`; ours has not.
"""

from collections.abc import Sequence
from typing import Any

from fairlead.connector.chart.releases import Release

Object = dict[str, Any]

_GROUP = "rbac.authorization.k8s.io"
_VERSION = f"{_GROUP}/v1"
_CONFIGURATIONS = ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")
READER = "extension-apiserver-authentication-reader"
DELEGATOR = "system:auth-delegator"
_POLICIES = (
    "mutatingadmissionpolicies",
    "mutatingadmissionpolicybindings",
    "validatingadmissionpolicies",
    "validatingadmissionpolicybindings",
)
"""Not enforced, and therefore told of."""


def cluster_roles(values: Object, release: Release) -> list[Object]:
    """The first is the one that owns the APIServices."""
    return [
        {"apiVersion": _VERSION, "kind": "ClusterRole", "metadata": release.cluster_metadata(suffix), "rules": rules}
        for suffix, rules in _rules(values, release)
    ]


def _rules(values: Object, release: Release) -> list[tuple[str, list[Object]]]:
    return [("", _always(release)), *((f".{name}", rules) for name, rules in _features(values).items())]


def _features(values: Object) -> dict[str, list[Object]]:
    """Those that are on, in the order of their names."""
    found = {}
    if values["mirrorEvents"]:
        found["events"] = [_rule("", ["events"], ["get", "create", "update"])]
    if values["quota"]:
        found["quota"] = [
            _rule("", ["resourcequotas"], ["list", "watch"]),
            _rule("", ["resourcequotas/status"], ["update"]),
        ]
    if values["syncSecrets"]:
        found["secrets"] = [_rule("", ["secrets"], ["get", "create", "update", "delete"])]
    if values["webhooks"]:
        found["webhooks"] = [
            _rule("admissionregistration.k8s.io", _CONFIGURATIONS, ["list", "watch"]),
            _rule("", ["services"], ["get"]),
            _rule("discovery.k8s.io", ["endpointslices"], ["list"]),
        ]
    return found


def _always(release: Release) -> list[Object]:
    api_services = ["list", "watch", "create", "patch", "delete"]
    return [
        _rule("apiregistration.k8s.io", ["apiservices"], api_services),
        _rule("", ["namespaces"], ["get", "list", "watch"]),
        _rule(_GROUP, ["clusterroles"], ["get"], [release.cluster_name]),
        _rule("admissionregistration.k8s.io", _POLICIES, ["list", "watch"]),
    ]


def cluster_role_bindings(values: Object, release: Release) -> list[Object]:
    roles = [(suffix, f"{release.cluster_name}{suffix}") for suffix, _ in _rules(values, release)]
    bound = [roles[0], (".auth-delegator", DELEGATOR), *roles[1:]]
    return [
        _binding("ClusterRoleBinding", release.cluster_metadata(suffix), _reference("ClusterRole", role), release)
        for suffix, role in bound
    ]


def role(values: Object, release: Release) -> Object:
    """In the release's namespace. Creating cannot be limited to a name."""
    rules = [
        _rule("", ["secrets"], ["create"]),
        _rule("", ["secrets"], ["get", "list", "watch", "update"], [release.serving_secret]),
        _rule("coordination.k8s.io", ["leases"], ["create"]),
        _rule("coordination.k8s.io", ["leases"], ["get", "update"], [release.name]),
    ]
    if values["renewToken"]:
        held = values["spaces"]["controlPlane"]["kubeconfigSecret"]["name"]
        rules.append(_rule("", ["secrets"], ["get", "update"], [held]))
    return {"apiVersion": _VERSION, "kind": "Role", "metadata": release.metadata(), "rules": rules}


def role_bindings(release: Release) -> list[Object]:
    trust = release.metadata(release.cluster_name, "kube-system")
    return [
        _binding("RoleBinding", trust, _reference("Role", READER), release),
        _binding("RoleBinding", release.metadata(), _reference("Role", release.name), release),
    ]


def _rule(group: str, resources: Sequence[str], verbs: Sequence[str], names: Sequence[str] = ()) -> Object:
    found: Object = {"apiGroups": [group], "resources": list(resources)}
    if names:
        found["resourceNames"] = list(names)
    return {**found, "verbs": list(verbs)}


def _reference(kind: str, name: str) -> Object:
    return {"apiGroup": _GROUP, "kind": kind, "name": name}


def _binding(kind: str, metadata: Object, role: Object, release: Release) -> Object:
    subjects = [{"kind": "ServiceAccount", "name": release.name, "namespace": release.namespace}]
    return {"apiVersion": _VERSION, "kind": kind, "metadata": metadata, "roleRef": role, "subjects": subjects}
