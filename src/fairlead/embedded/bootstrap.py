"""What every cluster has before its first user: namespaces, roles, and how to trust its front proxy."""

import json
from typing import Any

from fairlead.embedded.builtin import RBAC
from fairlead.embedded.core import Core
from fairlead.embedded.decoding import Decoded
from fairlead.embedded.options import WriteOptions

Object = dict[str, Any]

NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
_MANAGER = "fairlead-playground"
_LABELS = {"kubernetes.io/bootstrapping": "rbac-defaults"}

_READ = ("get", "list", "watch")
_WRITE = ("create", "delete", "deletecollection", "patch", "update")
_PLAIN = ("configmaps", "events", "secrets", "serviceaccounts", "services")
_PUBLIC = ("/healthz", "/livez", "/readyz", "/version", "/version/")
_EXPLORE = ("/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", *_PUBLIC)


def _rule(groups: tuple[str, ...], resources: tuple[str, ...], verbs: tuple[str, ...], **more: list[str]) -> Object:
    return {"verbs": list(verbs), "apiGroups": list(groups), "resources": list(resources)} | more


def _urls(*urls: str, verbs: tuple[str, ...] = ("get",)) -> Object:
    return {"verbs": list(verbs), "nonResourceURLs": list(urls)}


_REVIEWS = _rule(("authorization.k8s.io",), ("selfsubjectaccessreviews", "selfsubjectrulesreviews"), ("create",))
_EDIT = [
    _rule(("",), _PLAIN, (*_READ, *_WRITE)),
    _rule(("",), ("namespaces",), _READ),
    _rule(("events.k8s.io",), ("events",), (*_READ, *_WRITE)),
    _rule(("coordination.k8s.io",), ("leases",), (*_READ, *_WRITE)),
]

CLUSTER_ROLES: dict[str, list[Object]] = {
    "cluster-admin": [_rule(("*",), ("*",), ("*",)), _urls("*", verbs=("*",))],
    "admin": [
        *_EDIT,
        _rule((RBAC,), ("roles", "rolebindings"), (*_READ, *_WRITE)),
        _rule(("authorization.k8s.io",), ("localsubjectaccessreviews",), ("create",)),
    ],
    "edit": _EDIT,
    "view": [
        _rule(("",), tuple(each for each in _PLAIN if each != "secrets"), _READ),
        _rule(("",), ("namespaces",), _READ),
        _rule(("events.k8s.io",), ("events",), _READ),
        _rule(("coordination.k8s.io",), ("leases",), _READ),
    ],
    "system:auth-delegator": [
        _rule(("authentication.k8s.io",), ("tokenreviews",), ("create",)),
        _rule(("authorization.k8s.io",), ("subjectaccessreviews",), ("create",)),
    ],
    "system:basic-user": [
        _REVIEWS,
        _rule(("authentication.k8s.io",), ("selfsubjectreviews",), ("create",)),
    ],
    "system:discovery": [_urls(*_EXPLORE)],
    "system:public-info-viewer": [_urls(*_PUBLIC)],
}
_GROUPS = {
    "cluster-admin": ["system:masters"],
    "system:basic-user": ["system:authenticated"],
    "system:discovery": ["system:authenticated"],
    "system:public-info-viewer": ["system:authenticated", "system:unauthenticated"],
}
_READER = "extension-apiserver-authentication-reader"


def fill(core: Core, authentication: dict[str, str]) -> None:
    """`authentication` is the data of ConfigMap `extension-apiserver-authentication`."""
    for name in NAMESPACES:
        _create(core, "", "namespaces", {"metadata": {"name": name}})
    for name, rules in CLUSTER_ROLES.items():
        _create(core, RBAC, "clusterroles", {"metadata": {"name": name, "labels": _LABELS}, "rules": rules})
    for name, groups in _GROUPS.items():
        subjects = [{"kind": "Group", "apiGroup": RBAC, "name": each} for each in groups]
        role = {"apiGroup": RBAC, "kind": "ClusterRole", "name": name}
        body = {"metadata": {"name": name, "labels": _LABELS}, "roleRef": role, "subjects": subjects}
        _create(core, RBAC, "clusterrolebindings", body)
    configmap = "extension-apiserver-authentication"
    rules = [_rule(("",), ("configmaps",), _READ, resourceNames=[configmap])]
    _create(core, RBAC, "roles", {"metadata": {"name": _READER, "labels": _LABELS}, "rules": rules}, "kube-system")
    _create(core, "", "configmaps", {"metadata": {"name": configmap}, "data": authentication}, "kube-system")


def authentication_data(client_ca: bytes, front_proxy_ca: bytes, allowed: list[str]) -> dict[str, str]:
    """As a kube-apiserver publishes its flags; lists are JSON inside strings."""
    return {
        "client-ca-file": client_ca.decode(),
        "requestheader-client-ca-file": front_proxy_ca.decode(),
        "requestheader-allowed-names": json.dumps(allowed),
        "requestheader-username-headers": json.dumps(["X-Remote-User"]),
        "requestheader-uid-headers": json.dumps(["X-Remote-Uid"]),
        "requestheader-group-headers": json.dumps(["X-Remote-Group"]),
        "requestheader-extra-headers-prefix": json.dumps(["X-Remote-Extra-"]),
    }


def _create(core: Core, group: str, plural: str, body: Object, namespace: str = "") -> None:
    kind = core.catalog.find(group, "v1", plural)
    if kind is None:
        raise LookupError(plural)
    core.writer.create(kind, namespace, Decoded(json.loads(json.dumps(body))), WriteOptions(), _MANAGER)
