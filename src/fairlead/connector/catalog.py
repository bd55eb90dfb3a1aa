"""What the connector offers at a moment: kinds, and the documents that describe them.

Everything is taken from the control plane's own discovery and OpenAPI documents, so short names, categories, verbs,
subresources and schemas are those of its CRDs. A catalog is built only from complete answers: a group version missing
from a discovery document counts as empty for the aggregator, and then namespaces are deleted without their claims.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from fairlead.connector.naming import CLAIM_PREFIX
from fairlead.machinery import discovery
from fairlead.machinery.discovery import APIGroup, APIResource, APIVersion
from fairlead.machinery.encoding import to_json
from fairlead.machinery.paths import GroupVersion, Resource

_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")


@dataclass(frozen=True, order=True)
class Offered:
    """A kind that is to be served, in all of its versions."""

    group: str
    plural: str
    prefix: str = CLAIM_PREFIX


@dataclass(frozen=True)
class Offer:
    """One served resource of one version."""

    resource: Resource
    api: APIResource
    prefix: str

    @property
    def kind(self) -> str:
        return self.api.kind

    def has(self, subresource: str) -> bool:
        return any(each.name == subresource for each in self.api.subresources)


@dataclass(frozen=True)
class Catalog:
    groups: tuple[APIGroup, ...]
    offered: frozenset[Offered]
    openapi: Mapping[GroupVersion, bytes] = field(default_factory=dict)
    """OpenAPI v3 documents, filtered."""
    openapi_v2: bytes = b""
    """Empty where the control plane serves none."""

    @cached_property
    def offers(self) -> dict[tuple[str, str, str], Offer]:
        """By group, version and plural."""
        prefixes = {(each.group, each.plural): each.prefix for each in self.offered}
        return {
            (resource.group, resource.version, resource.plural): Offer(
                resource, api, prefixes[resource.group, resource.plural]
            )
            for resource, api in discovery.resources(self.groups)
        }

    @property
    def group_versions(self) -> list[GroupVersion]:
        """The preferred version of each group first."""
        return [group.group_version(version) for group in self.groups for version in group.versions]

    def resources(self, group_version: GroupVersion) -> tuple[APIResource, ...] | None:
        for group in self.groups:
            version = group.version(group_version.version) if group.name == group_version.group else None
            if version is not None:
                return version.resources
        return None

    def without(self, groups: Collection[str]) -> "Catalog":
        if not any(group.name in groups for group in self.groups):
            return self
        return replace(self, groups=tuple(group for group in self.groups if group.name not in groups))

    def hash(self, group_version: GroupVersion) -> str:
        """Changes whenever discovery or schema of the group version do."""
        found = self.resources(group_version) or ()
        document = to_json(discovery.resource_list(group_version, found))
        return digest(document + self.openapi.get(group_version, b""))


def digest(document: bytes) -> str:
    return hashlib.sha256(document).hexdigest()[:32]


def keep(groups: Iterable[APIGroup], offered: Iterable[Offered]) -> tuple[APIGroup, ...]:
    """Of the control plane's groups those kinds, without verbs and subresources that we do not serve."""
    wanted = {(each.group, each.plural) for each in offered}
    kept = []
    for group in groups:
        versions = tuple(
            replace(version, resources=resources)
            for version in group.versions
            if (resources := _kept(group, version, wanted))
        )
        if versions:
            kept.append(replace(group, versions=versions))
    return tuple(kept)


def _kept(group: APIGroup, version: APIVersion, wanted: set[tuple[str, str]]) -> tuple[APIResource, ...]:
    return tuple(
        replace(
            each,
            verbs=tuple(verb for verb in each.verbs if verb in _VERBS),
            subresources=tuple(sub for sub in each.subresources if sub.name in ("status", "scale")),
        )
        for each in version.resources
        if each.namespaced and (group.name, each.plural) in wanted
    )
