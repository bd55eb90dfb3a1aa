"""What an API serves, as values, and the four documents that say so.

Clients of every age must find their way: since Kubernetes 1.30 one aggregated document at `/api` and `/apis`, before
that a list of groups and one document for each version. The connector reads the control plane's documents into the
same values, keeps some, and writes them out again; the playground makes them from its kinds.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fairlead.machinery.negotiation import MediaType, transformed
from fairlead.machinery.paths import GroupVersion, Resource

Object = dict[str, Any]

AGGREGATED = transformed("APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2")
AGGREGATED_BETA = transformed("APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2beta1")
"""Offered by servers before 1.33; read, never written."""
# The order in which the real server writes the parameters, which clients compare as text.
AGGREGATED_CONTENT_TYPE = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@dataclass(frozen=True)
class Subresource:
    name: str
    """`status`, `scale`."""
    kind: str
    verbs: tuple[str, ...]
    group: str = ""
    version: str = ""
    """Group and version of the kind; empty means those of the resource it belongs to."""


@dataclass(frozen=True)
class APIResource:
    plural: str
    kind: str
    verbs: tuple[str, ...]
    namespaced: bool = True
    singular: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[Subresource, ...] = ()
    storage_version_hash: str = ""
    """Known to the legacy document alone."""


@dataclass(frozen=True)
class APIVersion:
    version: str
    resources: tuple[APIResource, ...] = ()
    fresh: bool = True
    """False: the server behind it does not answer; `resources` says nothing about what exists."""


@dataclass(frozen=True)
class APIGroup:
    name: str
    """Empty for the core group."""
    versions: tuple[APIVersion, ...] = ()
    """The preferred one first."""

    def version(self, name: str) -> APIVersion | None:
        return next((each for each in self.versions if each.version == name), None)

    def group_version(self, version: APIVersion) -> GroupVersion:
        return GroupVersion(self.name, version.version)


def resources(groups: Iterable[APIGroup]) -> Iterator[tuple[Resource, APIResource]]:
    """Every resource of every version, with the value that addresses it."""
    for group in groups:
        for version in group.versions:
            for each in version.resources:
                yield Resource(group.name, version.version, each.plural, each.namespaced), each


# --- writing -----------------------------------------------------------------------------------------------------


def aggregated(groups: Iterable[APIGroup]) -> Object:
    """APIGroupDiscoveryList v2, to be sent as `AGGREGATED_CONTENT_TYPE`."""
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": [_aggregated_group(each) for each in groups],
    }


def _aggregated_group(group: APIGroup) -> Object:
    return {
        "metadata": {"name": group.name} if group.name else {},
        "versions": [
            _without_empty(
                {
                    "version": version.version,
                    "resources": [_aggregated_resource(group, version, each) for each in version.resources],
                    "freshness": "Current" if version.fresh else "Stale",
                }
            )
            for version in group.versions
        ],
    }


def _aggregated_resource(group: APIGroup, version: APIVersion, resource: APIResource) -> Object:
    # The core group's kinds carry no group and version there: the real server leaves both empty.
    own = (group.name, version.version if group.name else "")
    return _without_empty(
        {
            "resource": resource.plural,
            "responseKind": _kind(*own, resource.kind),
            "scope": "Namespaced" if resource.namespaced else "Cluster",
            "singularResource": resource.singular,
            "verbs": list(resource.verbs),
            "shortNames": list(resource.short_names),
            "categories": list(resource.categories),
            "subresources": [
                {
                    "subresource": each.name,
                    "responseKind": _kind(*((each.group, each.version) if each.version else own), each.kind),
                    "verbs": list(each.verbs),
                }
                for each in resource.subresources
            ],
        },
        keep=("singularResource", "verbs"),
    )


def _kind(group: str, version: str, kind: str) -> Object:
    return {"group": group, "version": version, "kind": kind}


def _without_empty(document: Object, keep: Sequence[str] = ()) -> Object:
    return {key: value for key, value in document.items() if value or key in keep}


def group_list(groups: Iterable[APIGroup]) -> Object:
    """`/apis`: the named groups alone."""
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(each) for each in groups if each.name]}


def group_document(group: APIGroup) -> Object:
    """`/apis/<group>`."""
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(group)}


def _group(group: APIGroup) -> Object:
    versions = [{"groupVersion": str(group.group_version(each)), "version": each.version} for each in group.versions]
    return {"name": group.name, "versions": versions, "preferredVersion": versions[0] if versions else {}}


def core_versions(address: str) -> Object:
    """`/api`; `address` is `host:port` as clients may reach it."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    }


def resource_list(group_version: GroupVersion, resources: Iterable[APIResource]) -> Object:
    """`/api/v1` and `/apis/<group>/<version>`: subresources stand beside what they belong to."""
    document: Object = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": str(group_version)}
    if not group_version.group:
        del document["apiVersion"]  # the core API has always left it out
    document["resources"] = [entry for each in resources for entry in _entries(each)]
    return document


def _entries(resource: APIResource) -> Iterator[Object]:
    yield _without_empty(
        {
            "name": resource.plural,
            "singularName": resource.singular,
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": list(resource.verbs),
            "shortNames": list(resource.short_names),
            "categories": list(resource.categories),
            "storageVersionHash": resource.storage_version_hash,
        },
        keep=("singularName", "namespaced", "verbs"),
    )
    for each in resource.subresources:
        yield _without_empty(
            {
                "name": f"{resource.plural}/{each.name}",
                "singularName": "",
                "namespaced": resource.namespaced,
                "group": each.group,
                "version": each.version,
                "kind": each.kind,
                "verbs": list(each.verbs),
            },
            keep=("singularName", "namespaced", "verbs"),
        )


# --- reading -----------------------------------------------------------------------------------------------------


def read_aggregated(document: Mapping[str, Any]) -> list[APIGroup]:
    """Of v2 and v2beta1. A resource without a kind is dropped, as client-go does."""
    return [
        APIGroup(
            (item.get("metadata") or {}).get("name", ""),
            tuple(_read_version(each) for each in item.get("versions") or []),
        )
        for item in document.get("items") or []
    ]


def _read_version(version: Mapping[str, Any]) -> APIVersion:
    found = [_read_resource(each) for each in version.get("resources") or [] if each.get("responseKind")]
    return APIVersion(version["version"], tuple(found), version.get("freshness") != "Stale")


def _read_resource(document: Mapping[str, Any]) -> APIResource:
    own = document["responseKind"]
    return APIResource(
        document["resource"],
        own["kind"],
        tuple(document.get("verbs") or ()),
        document.get("scope") == "Namespaced",
        document.get("singularResource", ""),
        tuple(document.get("shortNames") or ()),
        tuple(document.get("categories") or ()),
        tuple(_read_subresource(each, own) for each in document.get("subresources") or [] if each.get("responseKind")),
    )


def _read_subresource(document: Mapping[str, Any], own: Mapping[str, Any]) -> Subresource:
    kind = document["responseKind"]
    group, version = kind.get("group", ""), kind.get("version", "")
    if (group, version) == (own.get("group", ""), own.get("version", "")):
        group = version = ""
    return Subresource(document["subresource"], kind["kind"], tuple(document.get("verbs") or ()), group, version)


def read_groups(document: Mapping[str, Any]) -> list[APIGroup]:
    """Of an APIGroupList: groups and versions, the preferred first, without resources yet."""
    return [_read_group(each) for each in document.get("groups") or []]


def _read_group(document: Mapping[str, Any]) -> APIGroup:
    preferred = (document.get("preferredVersion") or {}).get("version")
    versions = [each["version"] for each in document.get("versions") or []]
    versions.sort(key=lambda each: each != preferred)
    return APIGroup(document["name"], tuple(APIVersion(each) for each in versions))


@dataclass
class _Gathered:
    resource: APIResource
    subresources: list[Subresource] = field(default_factory=list)


def read_resource_list(document: Mapping[str, Any]) -> tuple[APIResource, ...]:
    """Of an APIResourceList; a subresource whose resource is not listed is dropped."""
    found: dict[str, _Gathered] = {}
    entries = sorted(document.get("resources") or [], key=lambda each: "/" in each["name"])
    for entry in entries:
        plural, slash, name = entry["name"].partition("/")
        verbs = tuple(entry.get("verbs") or ())
        if not slash:
            found[plural] = _Gathered(_read_entry(entry, verbs))
        elif plural in found:
            group, version = entry.get("group", ""), entry.get("version", "")
            found[plural].subresources.append(Subresource(name, entry["kind"], verbs, group, version))
    return tuple(replace(each.resource, subresources=tuple(each.subresources)) for each in found.values())


def _read_entry(entry: Mapping[str, Any], verbs: tuple[str, ...]) -> APIResource:
    return APIResource(
        entry["name"],
        entry["kind"],
        verbs,
        bool(entry.get("namespaced")),
        entry.get("singularName", ""),
        tuple(entry.get("shortNames") or ()),
        tuple(entry.get("categories") or ()),
        storage_version_hash=entry.get("storageVersionHash", ""),
    )


def content_type_is_aggregated(content_type: str) -> bool:
    """Only a 200 that says so is an aggregated document; anything else calls for the legacy ones."""
    return MediaType.parse(content_type).transform in (AGGREGATED.transform, AGGREGATED_BETA.transform)
