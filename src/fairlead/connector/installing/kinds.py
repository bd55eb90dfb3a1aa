"""The kinds that a release consists of, and how one object of them is addressed."""

from collections.abc import Mapping
from typing import Any

from fairlead.client.api import Client
from fairlead.machinery import statuses
from fairlead.machinery.paths import Resource

Object = dict[str, Any]

HELM = "helm"
"""The field manager under which Helm 4 applies: what it finds under its own name it may change."""
_CLUSTER_SCOPED = ("ClusterRole", "ClusterRoleBinding", "FlowSchema", "PriorityLevelConfiguration")
KINDS = {
    kind: Resource(group, version, plural, kind not in _CLUSTER_SCOPED)
    for group, version, kind, plural in (
        ("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies"),
        ("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"),
        ("", "v1", "ServiceAccount", "serviceaccounts"),
        ("", "v1", "Secret", "secrets"),
        ("", "v1", "ConfigMap", "configmaps"),
        ("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles"),
        ("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings"),
        ("rbac.authorization.k8s.io", "v1", "Role", "roles"),
        ("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings"),
        ("", "v1", "Service", "services"),
        ("apps", "v1", "Deployment", "deployments"),
        ("flowcontrol.apiserver.k8s.io", "v1", "FlowSchema", "flowschemas"),
        ("flowcontrol.apiserver.k8s.io", "v1", "PriorityLevelConfiguration", "prioritylevelconfigurations"),
        ("monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors"),
    )
}
"""By kind, in the order in which Helm installs them."""


def resource(obj: Mapping[str, Any]) -> Resource:
    return KINDS[obj["kind"]]


def title(obj: Mapping[str, Any]) -> str:
    """For people."""
    metadata = obj["metadata"]
    namespace = metadata.get("namespace")
    return f"{obj['kind']} {f'{namespace}/' if namespace else ''}{metadata['name']}"


def key(obj: Mapping[str, Any]) -> tuple[str, str, str]:
    return obj["kind"], obj["metadata"].get("namespace") or "", obj["metadata"]["name"]


def belongs(obj: Mapping[str, Any], ownership: Mapping[str, str]) -> bool:
    """Whether Helm would take it for the release's own. `ownership` are its two annotations."""
    metadata = obj["metadata"]
    helm = (metadata.get("labels") or {}).get("app.kubernetes.io/managed-by") == "Helm"
    return helm and ownership.items() <= (metadata.get("annotations") or {}).items()


async def held(client: Client, ownership: Mapping[str, str], instance: str) -> list[Object]:
    """All objects of a release, in the order of `KINDS`. Raises what the client raises."""
    found: list[Object] = []
    for each in KINDS.values():
        try:
            items = (await client.list(each, label_selector=f"app.kubernetes.io/instance={instance}")).items
        except statuses.NotFound:  # a kind that this cluster does not have
            continue
        found += [item for item in items if belongs(item, ownership)]
    return found
