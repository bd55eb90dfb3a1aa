"""The rights that a server's tools need, as a ClusterRole: what each tool says of itself, made whole by what is served.

A tool that takes any kind says `*`. Written into a role that would be cluster-admin's reading half, Secrets included;
so it stands for what the toolset is about: for Crossplane its own groups, the kinds that it has made or brought, and
what a diagnosis reads; for Kubernetes every kind that is served but Secrets. The role is therefore one cluster's, at
one time; when its kinds change it is made anew.

Source: issue Crossplane toolset, Must hold (`fairlead mcp rbac`).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from fairlead.mcp.tools import Right, Tool, Toolset
from fairlead.resources.kinds import Kind, Kinds

Object = dict[str, Any]
_CROSSPLANE = frozenset(
    {"apiextensions.crossplane.io", "ops.crossplane.io", "pkg.crossplane.io", "protection.crossplane.io"}
)
_CATEGORIES = frozenset({"claim", "composite", "managed"})
_DIAGNOSED = frozenset({"events", "deployments.apps", "customresourcedefinitions.apiextensions.k8s.io"})
_NEVER = frozenset({"secrets"})
"""Their values are never shown, so nothing is lost."""


def role(name: str, toolsets: Iterable[Toolset], allowed: Sequence[Tool], kinds: Kinds) -> Object:
    """Rules sorted, one for each group and set of verbs; without wildcards and without Secrets."""
    names = {each.name for each in allowed}
    verbs: dict[tuple[str, str], set[str]] = {}
    for toolset in toolsets:
        for tool in toolset.tools:
            for right in tool.rights if tool.name in names else ():
                for group, resource in _meant(right, toolset.name, kinds):
                    verbs.setdefault((group, resource), set()).update(right.verbs)
    metadata = {"name": f"fairlead-mcp-{name}"}
    rules = list(_rules(verbs))
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": metadata, "rules": rules}


def _meant(right: Right, toolset: str, kinds: Kinds) -> Iterable[tuple[str, str]]:
    if right.group != "*":
        return [(right.group, right.resource)] if right.resource not in _NEVER else []
    _, slash, subresource = right.resource.partition("/")
    found = (
        each
        for each in kinds.all
        if _is_about(each, toolset) and _is_of(each, right.categories) and each.resource.qualified not in _NEVER
    )
    if slash:
        having = (each for each in found if any(one.name == subresource for one in each.api.subresources))
        return [(each.resource.group, f"{each.api.plural}/{subresource}") for each in having]
    fitting = (each for each in found if any(each.can(verb) for verb in right.verbs))
    return [(each.resource.group, each.api.plural) for each in fitting]


def _is_about(kind: Kind, toolset: str) -> bool:
    if not toolset.startswith("crossplane"):
        return True
    made = not _CATEGORIES.isdisjoint(kind.api.categories)
    config = kind.api.kind.endswith("ProviderConfig")
    return made or config or kind.resource.group in _CROSSPLANE or kind.resource.qualified in _DIAGNOSED


def _is_of(kind: Kind, categories: Collection[str]) -> bool:
    config = "providerconfig" in categories and kind.api.kind.endswith("ProviderConfig")
    return config or not categories or not set(categories).isdisjoint(kind.api.categories)


def _rules(verbs: Mapping[tuple[str, str], set[str]]) -> Iterable[Object]:
    """Resources of one group that may be used alike stand together."""
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (group, resource), needed in sorted(verbs.items()):
        alike.setdefault((group, tuple(sorted(needed))), []).append(resource)
    for (group, allowed), resources in alike.items():
        yield {"apiGroups": [group], "resources": resources, "verbs": list(allowed)}


def binding(made: Object, namespace: str, account: str) -> Object:
    """To a service account."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": made["metadata"],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": made["metadata"]["name"]},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
    }
