"""The Deployment: one container that may write nowhere and be nobody."""

from typing import Any

import fairlead
from fairlead.connector.chart.releases import Release

Object = dict[str, Any]

PORT = 8443
SERVICE_PORT = 443
USER = 65532
CONTROL_PLANE = "/etc/fairlead/control-plane"
SPACE_TOKEN = "/etc/fairlead/space-token"  # noqa: S105 - where one is, not one
SPACE_CA = "/etc/fairlead/space-ca"
_GRACE = 30
"""Seconds for requests that are under way, beside those of answering on."""


def deployment(values: Object, release: Release) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": release.metadata(),
        "spec": {
            "replicas": values["replicas"],
            "selector": {"matchLabels": release.selector},
            # Never fewer than there are to be: while none answers, no namespace of the cluster can be deleted.
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {"metadata": _pod_metadata(values, release), "spec": _pod(values, release)},
        },
    }


def _pod_metadata(values: Object, release: Release) -> Object:
    found: Object = {"labels": {**values["podLabels"], **release.labels}}
    return {**found, "annotations": values["podAnnotations"]} if values["podAnnotations"] else found


def _pod(values: Object, release: Release) -> Object:
    fixed = {
        "serviceAccountName": release.name,
        "automountServiceAccountToken": True,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": values["shutdownDelaySeconds"] + _GRACE,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(values, release)],
        "volumes": _volumes(values, release),
        "topologySpreadConstraints": values["topologySpreadConstraints"] or [_spread(release)],
    }
    optional = ("imagePullSecrets", "nodeSelector", "tolerations", "affinity", "priorityClassName")
    return {**fixed, **{each: values[each] for each in optional if values[each]}}


def _spread(release: Release) -> Object:
    return {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": release.selector},
    }


def _container(values: Object, release: Release) -> Object:
    return {
        "name": "connector",
        "image": image(values["image"]),
        "imagePullPolicy": values["image"]["pullPolicy"],
        "command": ["fairlead"],
        "args": arguments(values, release),
        "ports": [{"name": "https", "containerPort": PORT, "protocol": "TCP"}],
        "startupProbe": _probe("/livez", 2, 60),
        "livenessProbe": _probe("/livez", 10, 3),
        "readinessProbe": _probe("/readyz", 2, 2),
        "resources": values["resources"],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": name, "mountPath": path, "readOnly": True} for name, path, _ in _sources(values, release)
        ],
    }


def image(values: Object) -> str:
    if values["digest"]:
        return f"{values['repository']}@{values['digest']}"
    return f"{values['repository']}:{values['tag'] or fairlead.__version__}"


def _probe(path: str, period: int, failures: int) -> Object:
    asked = {"path": path, "port": "https", "scheme": "HTTPS"}
    return {"httpGet": asked, "periodSeconds": period, "timeoutSeconds": 5, "failureThreshold": failures}


def arguments(values: Object, release: Release) -> list[str]:
    given = [
        ("claim-namespace", values["spaces"]["controlPlane"]["claimNamespace"]),
        ("service", f"{release.namespace}/{release.name}"),
        ("service-port", str(SERVICE_PORT)),
        ("port", str(PORT)),
        ("owner-cluster-role", release.cluster_name),
        ("shutdown-delay", str(values["shutdownDelaySeconds"])),
        ("log-format", values["logFormat"]),
        ("reap", values["reap"]),
        ("cluster-id", values["clusterID"]),
        *_control_plane(values, release),
        *(("allow-api", each) for each in values["apis"]["allow"]),
        *(("deny-api", each) for each in values["apis"]["deny"]),
        ("api-selector", values["apis"]["selector"]),
        *(("allow-crd", each) for each in values["apis"]["crds"]),
        ("audit-log", "-" if values["audit"] else ""),
    ]
    flags = [
        ("sync-secrets", values["syncSecrets"]),
        ("mirror-events", values["mirrorEvents"]),
        ("impersonate", values["impersonate"]),
        ("no-quota", not values["quota"]),
        ("no-webhooks", not values["webhooks"]),
        ("space-insecure-skip-tls-verify", values["spaces"]["host"] and values["spaces"]["insecureSkipTLSVerify"]),
    ]
    return [
        "connector",
        "serve",
        *(f"--{name}={value}" for name, value in given if value),
        *(f"--{name}" for name, on in flags if on),
    ]


def _control_plane(values: Object, release: Release) -> list[tuple[str, str]]:
    spaces, upbound = values["spaces"], values["upbound"]
    held = spaces["controlPlane"]["kubeconfigSecret"]
    if held["name"]:
        return [
            ("control-plane-kubeconfig", f"{CONTROL_PLANE}/{held['key']}"),
            ("renew-token-secret", f"{release.namespace}/{held['name']}" if values["renewToken"] else ""),
        ]
    return [
        ("space-host", spaces["host"]),
        ("space-account", upbound["account"]),
        ("space-token-file", f"{SPACE_TOKEN}/token"),
        ("space-domain", upbound["domain"]),
        ("space-ca-file", f"{SPACE_CA}/ca.crt" if spaces["caBundle"] else ""),
        ("control-plane-name", spaces["controlPlane"]["name"]),
        ("control-plane-group", spaces["controlPlane"]["group"]),
    ]


def _volumes(values: Object, release: Release) -> list[Object]:
    return [{"name": name, **source} for name, _, source in _sources(values, release)]


def _sources(values: Object, release: Release) -> list[tuple[str, str, Object]]:
    """Name, path and what is mounted. The kubeconfig's Secret is mounted whole, whatever its key is called."""
    spaces, upbound = values["spaces"], values["upbound"]
    held = spaces["controlPlane"]["kubeconfigSecret"]["name"]
    if held:
        return [("control-plane", CONTROL_PLANE, {"secret": {"secretName": held, "defaultMode": 0o440}})]
    named = upbound["tokenSecret"]
    items = [{"key": named["key"] if named["name"] else "token", "path": "token"}]
    token = {"secretName": named["name"] or release.token_secret, "defaultMode": 0o440, "items": items}
    found: list[tuple[str, str, Object]] = [("space-token", SPACE_TOKEN, {"secret": token})]
    if spaces["caBundle"]:
        found.append(("space-ca", SPACE_CA, {"configMap": {"name": release.authorities}}))
    return found
