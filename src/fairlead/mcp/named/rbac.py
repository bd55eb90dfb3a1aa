"""The rights that a server's tools need, as a ClusterRole: what each tool says of itself, made whole by what is served.

A tool that takes any kind says `*`. Written into a role that would be cluster-admin's reading half, Secrets included;
so it stands for what the catalog's entry is about: for Crossplane its own groups, the kinds that it has made or
brought, and what a diagnosis reads; for Kubernetes every kind that is served but Secrets. A Crossplane server that has
borrowed tools of Kubernetes uses them for Crossplane. The role is therefore one cluster's, at one time; when its kinds
change it is made anew.

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
_DIAGNOSED = {
    "customresourcedefinitions.apiextensions.k8s.io": {"get", "list"},
    "deployments.apps": {"get", "list"},
    "events": {"list"},
    "pods": {"get", "list"},
}
"""What is none of Crossplane's, with what is done to it."""
_CONFIGS = {"providerconfig": "ProviderConfig", "providerconfigusage": "ProviderConfigUsage"}
"""What no category tells, with the end of its kind."""
_NEVER = frozenset({"secrets"})
"""Their values are never shown, so nothing is lost."""


def role(name: str, entries: Mapping[str, Iterable[Toolset]], allowed: Sequence[Tool], kinds: Kinds) -> Object:
    """Rules sorted, one for each group and set of verbs; without wildcards and without Secrets.

    `entries` of the catalog are told apart because the same tool is about less in one of Crossplane's.
    """
    names = {each.name for each in allowed}
    verbs: dict[tuple[str, str], set[str]] = {}
    for entry, toolsets in entries.items():
        for toolset in toolsets:
            rights = (right for each in toolset.tools if each.name in names for right in each.rights)
            for group, resource, needed in (one for each in rights for one in _meant(each, entry, toolset.name, kinds)):
                verbs.setdefault((group, resource), set()).update(needed)
    metadata = {"name": f"fairlead-mcp-{name}"}
    rules = list(_rules(verbs))
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": metadata, "rules": rules}


def _meant(right: Right, entry: str, toolset: str, kinds: Kinds) -> Iterable[tuple[str, str, Collection[str]]]:
    """Group, resource and verbs; nothing for what this cluster does not serve."""
    if right.unless and kinds.serves(right.unless):
        return []
    resource, slash, subresource = right.resource.partition("/")
    if right.group != "*":
        named = f"{resource}.{right.group}".rstrip(".")
        return [(right.group, right.resource, right.verbs)] if kinds.serves(named) and named not in _NEVER else []
    found = [
        (each, needed)
        for each in kinds.all
        if _is_of(each, right.categories)
        and each.resource.qualified not in _NEVER
        and (needed := _needed(each, right, entry, toolset))
    ]
    if slash:
        having = (each for each, _ in found if any(one.name == subresource for one in each.api.subresources))
        return [(each.resource.group, f"{each.api.plural}/{subresource}", right.verbs) for each in having]
    return [(each.resource.group, each.api.plural, needed) for each, needed in found]


def _needed(kind: Kind, right: Right, entry: str, toolset: str) -> set[str]:
    """The verbs that the kind has of those of the right; none where it is not what the entry is about."""
    verbs = {each for each in right.verbs if kind.can(each)}
    if toolset.startswith("crossplane") and _is_config(kind) and not right.categories:
        verbs -= {"list"}  # whoever goes by what an object names asks for one config; who lists them says so
    if not entry.startswith("crossplane") or _is_crossplanes(kind) or right.categories:
        return verbs
    return verbs & _DIAGNOSED.get(kind.resource.qualified, set())


def _is_crossplanes(kind: Kind) -> bool:
    made = not _CATEGORIES.isdisjoint(kind.api.categories)
    return made or _is_config(kind) or kind.resource.group in _CROSSPLANE


def _is_config(kind: Kind) -> bool:
    return kind.api.kind.endswith(_CONFIGS["providerconfig"])


def _is_of(kind: Kind, categories: Collection[str]) -> bool:
    config = any(kind.api.kind.endswith(end) for name, end in _CONFIGS.items() if name in categories)
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
