"""Values for the chart of the MCP servers."""

from pathlib import Path
from typing import Any

from fairlead.machinery import encoding
from tests.charts import helm

Object = dict[str, Any]
CHART = helm.CHART.parent / "fairlead-mcp"

# seeds/kcp-mcp-server.md, with the image as it stands there.
SEED: Object = {
    "replicaCount": 1,
    "image": {
        "registry": "quay.io",
        "repository": "containers/kubernetes_mcp_server",
        "version": "latest",
        "pullPolicy": "IfNotPresent",
    },
    "service": {"type": "ClusterIP", "port": 8080},
    "ingress": {
        "enabled": True,
        "host": "mcp.your-kcp.example.com",
        "path": "/",
        "pathType": "ImplementationSpecific",
        "termination": "edge",
    },
    "serviceAccount": {"create": True},
    "rbac": {"create": False},
    "extraVolumes": [
        {"name": "kubeconfig", "secret": {"secretName": "kcp-mcp-kubeconfig"}},
        {"name": "kcp-config", "configMap": {"name": "kcp-mcp-config"}},
    ],
    "extraVolumeMounts": [
        {
            "name": "kubeconfig",
            "mountPath": "/etc/kubernetes-mcp-server/kubeconfig",
            "subPath": "kubeconfig",
            "readOnly": True,
        },
        {
            "name": "kcp-config",
            "mountPath": "/etc/kubernetes-mcp-server/config.toml",
            "subPath": "config.toml",
            "readOnly": True,
        },
    ],
    "configFilePath": "/etc/kubernetes-mcp-server/config.toml",
    "resources": {
        "limits": {"cpu": "100m", "memory": "128Mi"},
        "requests": {"cpu": "100m", "memory": "128Mi"},
    },
}
IMAGE = {"registry": "registry.example.org", "repository": "fairlead"}
OURS: Object = {**SEED, "image": {**SEED["image"], **IMAGE}}

SERVER: Object = {
    "catalog": ["core-readonly"],
    "identity": {"way": "oidc", "issuer": "https://auth.example.com", "audience": "fairlead", "towards": "impersonate"},
    "access": {"groups": ["platform"]},
}
SERVERS: Object = {"image": IMAGE, "servers": {"reporting": SERVER}, "behindTLSProxy": True}
CONFIG: Object = {
    "image": IMAGE,
    "behindTLSProxy": True,
    "config": {
        "require_oauth": True,
        "authorization_url": "https://auth.example.com",
        "oauth_audience": "kcp",
        "port": 8443,
        "log_level": 2,
        "http": {"max_body_bytes": 16777216},
        "toolsets": ["core"],
        "denied_resources": [{"group": "", "version": "v1", "kind": "Secret"}],
    },
}
REPLICAS: Object = {
    **SERVERS,
    "replicaCount": 3,
    "redis": {"existingSecret": "redis"},
    "sealKey": {"existingSecret": "seal"},
}


def template(home: Path, values: Object, name: str = "helm", release: str = "mcp") -> list[Object]:
    path = home / "values.yaml"
    path.write_bytes(encoding.to_json(values))
    asked = ["--namespace=kcp-mcp", f"--values={path}", "--kube-version=1.29.0"]
    text = helm.run(home, "template", release, str(CHART), *asked, name=name)
    return [each for each in encoding.documents(text) if each]


def one(objects: list[Object], kind: str) -> Object:
    (found,) = [each for each in objects if each["kind"] == kind]
    return found


def container(objects: list[Object]) -> Object:
    (found,) = one(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    return dict(found)


def hosts(objects: list[Object]) -> list[str]:
    return [each.partition("=")[2] for each in container(objects)["args"] if each.startswith("--allowed-host=")]
