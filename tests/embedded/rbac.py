"""Roles, bindings and questions as plain data: the pure evaluation and a real API server are asked the same."""

from typing import Any

from fairlead.machinery.principals import Principal

Object = dict[str, Any]


def role(name: str, *rules: Object, namespace: str = "") -> Object:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    kind = "Role" if namespace else "ClusterRole"
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata, "rules": list(rules)}


def rule(verbs: str, groups: str, resources: str, *names: str) -> Object:
    """Lists are written with commas; the core group as an empty item."""
    found: Object = {
        "verbs": verbs.split(","),
        "apiGroups": groups.split(","),
        "resources": resources.split(","),
    }
    return {**found, "resourceNames": list(names)} if names else found


def urls(verbs: str, *patterns: str) -> Object:
    return {"verbs": verbs.split(","), "nonResourceURLs": list(patterns)}


def binding(name: str, to: str, *subjects: Object, namespace: str = "", cluster: bool = False) -> Object:
    """`cluster`: a RoleBinding to a ClusterRole."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    kind = "Role" if namespace and not cluster else "ClusterRole"
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": to},
        "subjects": list(subjects),
    }


def user(name: str) -> Object:
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}


def group(name: str) -> Object:
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": name}


def account(name: str, namespace: str) -> Object:
    return {"kind": "ServiceAccount", "name": name, "namespace": namespace}


NAMESPACE = "rbac-cases"
CLUSTER_ROLES = [
    role("case-reader", rule("get,list,watch", ",apps", "pods,pods/log,deployments")),
    role("case-scaler", rule("update", "*", "*/scale")),
    role("case-everything", rule("*", "*", "*"), urls("*", "*")),
    role("case-paths", urls("get", "/logs", "/logs/*", "/metrics*")),
    role("case-named", rule("get,delete", "", "configmaps", "one", "two")),
]
CLUSTER_ROLE_BINDINGS = [
    binding("case-readers", "case-reader", group("case-readers")),
    binding("case-scalers", "case-scaler", user("scaler")),
    binding("case-owners", "case-everything", group("case-owners")),
    binding("case-paths", "case-paths", user("prober"), user("other")),
    binding("case-dangling", "case-absent", user("dangler")),
]
ROLES = [role("case-editor", rule("*", "", "configmaps"), namespace=NAMESPACE)]
ROLE_BINDINGS = [
    binding("case-editors", "case-editor", user("editor"), account("robot", NAMESPACE), namespace=NAMESPACE),
    binding("case-namers", "case-named", user("namer"), namespace=NAMESPACE, cluster=True),
    binding("case-dangling", "case-absent", user("dangler"), namespace=NAMESPACE),
    binding("case-paths", "case-paths", user("namer"), namespace=NAMESPACE, cluster=True),
]


def resource(verb: str, plural: str, **rest: str) -> Object:
    return {"resourceAttributes": {"verb": verb, "resource": plural, **rest}}


def path(verb: str, target: str) -> Object:
    return {"nonResourceAttributes": {"verb": verb, "path": target}}


READER = Principal("r", groups=("case-readers",))
OWNER = Principal("o", groups=("x", "case-owners"))
ROBOT = Principal(f"system:serviceaccount:{NAMESPACE}:robot")
MASTER = Principal("m", groups=("system:masters",))
IN: dict[str, str] = {"namespace": NAMESPACE}

CASES: list[tuple[Principal, Object, bool]] = [
    (READER, resource("get", "pods", **IN), True),
    (READER, resource("list", "pods"), True),
    (READER, resource("get", "pods", subresource="log", name="a", **IN), True),
    (READER, resource("get", "pods", subresource="exec", **IN), False),
    (READER, resource("delete", "pods", **IN), False),
    (READER, resource("get", "deployments", group="apps"), True),
    (READER, resource("get", "deployments", group="batch"), False),
    (READER, resource("get", "secrets"), False),
    (READER, path("get", "/logs"), False),
    (Principal("scaler"), resource("update", "deployments", group="apps", subresource="scale"), True),
    (Principal("scaler"), resource("update", "things", group="any.example", subresource="scale"), True),
    (Principal("scaler"), resource("update", "deployments", group="apps"), False),
    (Principal("scaler"), resource("update", "deployments", group="apps", subresource="status"), False),
    (OWNER, resource("frobnicate", "any", group="any.example", subresource="sub", name="n"), True),
    (OWNER, path("post", "/anything"), True),
    (OWNER, resource("*", "*", group="*"), True),
    (READER, resource("*", "*", group="*"), False),
    (Principal("prober"), path("get", "/logs"), True),
    (Principal("prober"), path("get", "/logs/a/b"), True),
    (Principal("prober"), path("get", "/logsx"), False),
    (Principal("prober"), path("get", "/metrics/slis"), True),
    (Principal("prober"), path("post", "/logs"), False),
    (Principal("other"), path("get", "/logs"), True),
    (Principal("namer"), path("get", "/logs"), False),
    (Principal("editor"), resource("patch", "configmaps", **IN), True),
    (Principal("editor"), resource("patch", "configmaps", namespace="default"), False),
    (Principal("editor"), resource("patch", "configmaps"), False),
    (Principal("editor"), resource("get", "configmaps", subresource="x", **IN), False),
    (ROBOT, resource("create", "configmaps", **IN), True),
    (Principal("system:serviceaccount:default:robot"), resource("create", "configmaps", **IN), False),
    (Principal("robot"), resource("create", "configmaps", **IN), False),
    (Principal("namer"), resource("get", "configmaps", name="one", **IN), True),
    (Principal("namer"), resource("delete", "configmaps", name="three", **IN), False),
    (Principal("namer"), resource("get", "configmaps", **IN), False),
    (Principal("dangler"), resource("get", "pods", **IN), False),
    (Principal("dangler"), resource("get", "pods"), False),
    (MASTER, resource("any", "any"), True),
    (MASTER, path("any", "/any"), True),
    (Principal("nobody"), resource("get", "pods"), False),
]
