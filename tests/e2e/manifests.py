"""What the end-to-end tests apply: one platform API, `databases.demo.example.org`, and a claim of it."""

from copy import deepcopy
from typing import Any

from fairlead.machinery.paths import Resource

Object = dict[str, Any]

GROUP = "demo.example.org"
DATABASES = Resource(GROUP, "v1alpha1", "databases")
CACHES = Resource(GROUP, "v1alpha1", "caches")
XRDS = Resource("apiextensions.crossplane.io", "v1", "compositeresourcedefinitions", namespaced=False)
CRDS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", namespaced=False)
NAMESPACES = Resource("", "v1", "namespaces", namespaced=False)
SERVICES = Resource("", "v1", "services")

SPEC_SCHEMA: Object = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"type": "string", "enum": ["small", "large"], "description": "How much of it."},
        "replicas": {"type": "integer", "minimum": 1, "default": 1},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
}


def xrd(kind: str = "Database", group: str = GROUP) -> Object:
    plural = f"{kind.lower()}s"
    return {
        "apiVersion": "apiextensions.crossplane.io/v1",
        "kind": "CompositeResourceDefinition",
        "metadata": {"name": f"x{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": f"X{kind}", "plural": f"x{plural}"},
            "claimNames": {"kind": kind, "plural": plural, "shortNames": [plural[:2]]},
            "versions": [
                {
                    "name": "v1alpha1",
                    "served": True,
                    "referenceable": True,
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": deepcopy(SPEC_SCHEMA)}}},
                }
            ],
        },
    }


def namespaced_xrd(kind: str = "Cache", group: str = GROUP, api: str = "v2") -> Object:
    """Of composites that are namespaced, and so need no claim."""
    found, plural = xrd(kind, group), f"{kind.lower()}s"
    del found["spec"]["claimNames"]
    found["apiVersion"] = f"apiextensions.crossplane.io/{api}"
    found["metadata"]["name"] = f"{plural}.{group}"
    found["spec"] |= {"names": {"kind": kind, "plural": plural}, "scope": "Namespaced"}
    return found


def offered() -> Object:
    return {
        "conditions": [
            {"type": kind, "status": "True", "reason": reason, "lastTransitionTime": "2026-01-01T00:00:00Z"}
            for kind, reason in (
                ("Established", "WatchingCompositeResource"),
                ("Offered", "WatchingCompositeResourceClaim"),
            )
        ]
    }


def namespace(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def service(namespace: str, name: str, port: int) -> Object:
    """How an API server on loopback reaches an extension server beside it (reference/aggregation-layer.md §1.5)."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]},
    }


def claim(name: str, namespace: str, kind: str = "Database", **spec: Any) -> Object:
    return {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "labels": {"team": "shop"}},
        "spec": {"size": "small", **spec},
    }
