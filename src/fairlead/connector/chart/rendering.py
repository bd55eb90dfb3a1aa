"""`render`: the objects of a release, in the order in which Helm installs them."""

import base64
from collections.abc import Mapping
from typing import Any

from fairlead.connector.chart import rights, workload
from fairlead.connector.chart.releases import Release
from fairlead.connector.chart.values import ChartError, complete

Object = dict[str, Any]


def render(values: Mapping[str, Any], release: Release) -> list[Object]:
    """What `helm template` gives for the same values. Raises `ChartError`."""
    found = complete(values)
    release.check()
    check(found)
    return [
        *_network_policy(found, release),
        *_disruption_budget(found, release),
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": release.metadata()},
        *_token(found, release),
        *_authorities(found, release),
        *rights.cluster_roles(found, release),
        *rights.cluster_role_bindings(found, release),
        rights.role(found, release),
        *rights.role_bindings(release),
        _service(release),
        workload.deployment(found, release),
        *_flow_control(found, release),
        *_service_monitor(found, release),
    ]


def owned(objects: list[Object], release: Release) -> list[Object]:
    """As Helm leaves them in a cluster: it takes over only what carries its label and both annotations."""
    return [_owned(each, release) for each in objects]


def _owned(each: Object, release: Release) -> Object:
    metadata = each["metadata"]
    annotations = {**metadata.get("annotations", {}), **release.ownership}
    return {**each, "metadata": {**metadata, "annotations": annotations}}


# -- what is refused; the templates say the same words -----------------------------------------------------------------


def check(values: Object) -> None:
    """Of complete values. Raises `ChartError`."""
    spaces, upbound = values["spaces"], values["upbound"]
    control_plane = spaces["controlPlane"]
    held = control_plane["kubeconfigSecret"]
    if not values["image"]["repository"]:
        raise ChartError("image.repository is not set", "no image is published", "build one and name its repository")
    if not control_plane["claimNamespace"]:
        raise ChartError(
            "spaces.controlPlane.claimNamespace is not set", "it is where the control plane keeps this cluster's claims"
        )
    if bool(spaces["host"]) == bool(held["name"]):
        problem = "both are set" if held["name"] else "neither is set"
        raise ChartError(
            "one control plane must be given", problem, "set spaces.host or spaces.controlPlane.kubeconfigSecret.name"
        )
    if held["name"]:
        _check_key("spaces.controlPlane.kubeconfigSecret.key", held["key"])
        return
    if values["renewToken"]:
        raise ChartError("renewToken cannot be set", "a Space's bearers are renewed anyway")
    for name, value in (
        ("upbound.account", upbound["account"]),
        ("upbound.domain", upbound["domain"]),
        ("spaces.controlPlane.name", control_plane["name"]),
        ("spaces.controlPlane.group", control_plane["group"]),
    ):
        if not value:
            raise ChartError(f"{name} is not set", "a Space needs it")
    if bool(upbound["token"]) == bool(upbound["tokenSecret"]["name"]):
        problem = "both are set" if upbound["token"] else "neither is set"
        raise ChartError("one token must be given", problem, "set upbound.tokenSecret.name or upbound.token")
    if upbound["tokenSecret"]["name"]:
        _check_key("upbound.tokenSecret.key", upbound["tokenSecret"]["key"])


def _check_key(name: str, key: str) -> None:
    if not key:
        raise ChartError(f"{name} is not set", "it is the key in the Secret")


# -- the small objects -------------------------------------------------------------------------------------------------


def _network_policy(values: Object, release: Release) -> list[Object]:
    """The API server's address is not known to anybody, and neither are those of the control plane."""
    wanted = values["networkPolicy"]
    if not wanted["enabled"]:
        return []
    spec: Object = {
        "podSelector": {"matchLabels": release.selector},
        "policyTypes": ["Ingress"],
        "ingress": [{"ports": [{"port": "https", "protocol": "TCP"}]}],
    }
    if wanted["egress"]:
        spec |= {"policyTypes": ["Ingress", "Egress"], "egress": wanted["egress"]}
    return [
        {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": release.metadata(), "spec": spec}
    ]


def _disruption_budget(values: Object, release: Release) -> list[Object]:
    """Of one replica it would forbid every draining of its node."""
    if not values["podDisruptionBudget"]["enabled"] or values["replicas"] < 2:
        return []
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": release.selector}}
    return [{"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": release.metadata(), "spec": spec}]


def _token(values: Object, release: Release) -> list[Object]:
    token = values["upbound"]["token"]
    if not token or values["spaces"]["controlPlane"]["kubeconfigSecret"]["name"]:
        return []
    data = {"token": base64.b64encode(token.encode()).decode()}
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": release.metadata(release.token_secret),
            "type": "Opaque",
            "data": data,
        }
    ]


def _authorities(values: Object, release: Release) -> list[Object]:
    bundle = values["spaces"]["caBundle"]
    if not bundle or values["spaces"]["controlPlane"]["kubeconfigSecret"]["name"]:
        return []
    metadata = release.metadata(release.authorities)
    return [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"ca.crt": bundle}}]


def _service(release: Release) -> Object:
    port = {"name": "https", "port": workload.SERVICE_PORT, "targetPort": "https", "protocol": "TCP"}
    spec = {"selector": release.selector, "ports": [port]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": release.metadata(), "spec": spec}


def _flow_control(values: Object, release: Release) -> list[Object]:
    """The API server waits for us with a seat of its client's level while we ask it for reviews with one of ours.

    The precedence is one before that of all service accounts in kube-system.

    Source: reference/aggregation-layer.md §2.
    """
    if not values["flowControl"]["enabled"]:
        return []
    account = {"kind": "ServiceAccount", "serviceAccount": {"name": release.name, "namespace": release.namespace}}
    every = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": True, "namespaces": ["*"]}
    rule = {
        "subjects": [account],
        "resourceRules": [every],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
    }
    limited = {
        "nominalConcurrencyShares": 20,
        "limitResponse": {"type": "Queue", "queuing": {"queues": 16, "handSize": 4, "queueLengthLimit": 50}},
    }
    version = "flowcontrol.apiserver.k8s.io/v1"
    return [
        {
            "apiVersion": version,
            "kind": "FlowSchema",
            "metadata": release.cluster_metadata(),
            "spec": {
                "priorityLevelConfiguration": {"name": release.cluster_name},
                "matchingPrecedence": 700,
                "distinguisherMethod": {"type": "ByUser"},
                "rules": [rule],
            },
        },
        {
            "apiVersion": version,
            "kind": "PriorityLevelConfiguration",
            "metadata": release.cluster_metadata(),
            "spec": {"type": "Limited", "limited": limited},
        },
    ]


def _service_monitor(values: Object, release: Release) -> list[Object]:
    if not values["serviceMonitor"]["enabled"]:
        return []
    authority = {"secret": {"name": release.serving_secret, "key": "ca.crt"}}
    endpoint = {
        "port": "https",
        "scheme": "https",
        "path": "/metrics",
        "bearerTokenFile": "/var/run/secrets/kubernetes.io/serviceaccount/token",
        "tlsConfig": {"ca": authority, "serverName": f"{release.name}.{release.namespace}.svc"},
    }
    metadata = release.metadata()
    metadata["labels"] = {**values["serviceMonitor"]["labels"], **release.labels}
    spec = {"selector": {"matchLabels": release.selector}, "endpoints": [endpoint]}
    return [{"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": metadata, "spec": spec}]
