"""Role-based access control over plain role and binding objects.

The playground enforces RBAC, because a demo in which everyone may do everything teaches habits that break on the first
real cluster. Evaluation is pure: the store hands over its objects, and every question is answered from them. Words and
order of evaluation are the real server's (`plugin/pkg/auth/authorizer/rbac` of k8s.io/kubernetes), because
`kubectl auth can-i` and access reviews show them. Roles that aggregate others hold their rules already; the store's
controllers fill them in.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fairlead.aggregation.authorizing import Decision
from fairlead.machinery.paths import RequestInfo
from fairlead.machinery.principals import MASTERS, Principal

Object = dict[str, Any]
SERVICE_ACCOUNT = "system:serviceaccount:"


class Policy:
    """The roles and bindings of one moment."""

    def __init__(
        self,
        cluster_roles: Iterable[Object] = (),
        cluster_role_bindings: Iterable[Object] = (),
        roles: Iterable[Object] = (),
        role_bindings: Iterable[Object] = (),
    ) -> None:
        self._cluster_roles = {each["metadata"]["name"]: each for each in cluster_roles}
        self._cluster_role_bindings = tuple(cluster_role_bindings)
        self._roles = {(each["metadata"]["namespace"], each["metadata"]["name"]): each for each in roles}
        self._role_bindings: Mapping[str, list[Object]] = defaultdict(list)
        for each in role_bindings:
            self._role_bindings[each["metadata"]["namespace"]].append(each)

    def decide(self, principal: Principal, info: RequestInfo) -> Decision:
        if MASTERS in principal.groups:
            return Decision(True)
        missing: list[str] = []
        for binding, subject in self._bound(principal, info.namespace):
            rules = self._rules(binding, missing)
            if any(covers(rule, info) for rule in rules):
                return Decision(True, f"RBAC: allowed by {_describe(binding, subject)}")
        return Decision(False, f"RBAC: {aggregate(missing)}" if missing else "")

    def rules(self, principal: Principal, namespace: str) -> tuple[list[Object], list[str]]:
        """Every rule that holds for the principal in the namespace, and what could not be resolved."""
        missing: list[str] = []
        bound = list(self._bound(principal, namespace))
        return [rule for binding, _ in bound for rule in self._rules(binding, missing)], missing

    def _bound(self, principal: Principal, namespace: str) -> Iterator[tuple[Object, Object]]:
        """Bindings that hold for the principal, each with the first of its subjects that does."""
        bindings = [*self._cluster_role_bindings, *(self._role_bindings.get(namespace, ()) if namespace else ())]
        for binding in bindings:
            own = binding["metadata"].get("namespace", "")
            subject = next((each for each in binding.get("subjects") or () if means(each, principal, own)), None)
            if subject is not None:
                yield binding, subject

    def _rules(self, binding: Object, missing: list[str]) -> list[Object]:
        kind, name = binding["roleRef"]["kind"], binding["roleRef"]["name"]
        if kind == "ClusterRole":
            role = self._cluster_roles.get(name)
        else:
            role = self._roles.get((binding["metadata"].get("namespace", ""), name))
        if role is None:
            missing.append(f'{kind.lower()}.rbac.authorization.k8s.io "{name}" not found')
            return []
        return list(role.get("rules") or ())


def means(subject: Object, principal: Principal, namespace: str) -> bool:
    """`namespace` is the binding's own; a service account without one is of that."""
    kind, name = subject.get("kind"), subject.get("name")
    if kind == "User":
        return bool(name == principal.name)
    if kind == "Group":
        return name in principal.groups
    if kind == "ServiceAccount":
        home = subject.get("namespace") or namespace
        return bool(home) and principal.name == f"{SERVICE_ACCOUNT}{home}:{name}"
    return False


def covers(rule: Object, info: RequestInfo) -> bool:
    if not _has(rule, "verbs", info.verb):
        return False
    if not info.is_resource:
        return any(_matches_url(each, info.path) for each in rule.get("nonResourceURLs") or ())
    names = rule.get("resourceNames") or ()
    return _has(rule, "apiGroups", info.group) and _has_resource(rule, info) and (not names or info.name in names)


def _has(rule: Object, key: str, value: str) -> bool:
    allowed = rule.get(key) or ()
    return "*" in allowed or value in allowed


def _has_resource(rule: Object, info: RequestInfo) -> bool:
    allowed = rule.get("resources") or ()
    if not info.subresource:
        return "*" in allowed or info.plural in allowed
    return "*" in allowed or f"{info.plural}/{info.subresource}" in allowed or f"*/{info.subresource}" in allowed


def _matches_url(pattern: str, path: str) -> bool:
    if pattern.endswith("*"):
        return path.startswith(pattern.rstrip("*"))
    return path == pattern


def _describe(binding: Object, subject: Object) -> str:
    name, namespace = binding["metadata"]["name"], binding["metadata"].get("namespace", "")
    kind, full = ("RoleBinding", f"{name}/{namespace}") if namespace else ("ClusterRoleBinding", name)
    role = binding["roleRef"]
    whom = subject["name"]
    if subject["kind"] == "ServiceAccount":
        whom = f"{whom}/{subject.get('namespace') or namespace}"
    return f'{kind} "{full}" of {role["kind"]} "{role["name"]}" to {subject["kind"]} "{whom}"'


def aggregate(messages: list[str]) -> str:
    """As Go joins errors: one bare, several distinct ones in brackets."""
    distinct = list(dict.fromkeys(messages))
    return distinct[0] if len(distinct) == 1 else f"[{', '.join(distinct)}]"
