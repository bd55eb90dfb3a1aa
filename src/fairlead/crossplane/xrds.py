"""CompositeResourceDefinitions: what one offers.

Both served versions are read alike: v1 adds claims and its scope defaults to LegacyCluster, v2 has no claims and its
scope defaults to Namespaced (reference/crossplane.md §1.1). An XRD that can do nothing yet has no conditions at all;
its events then hold the reason, so "not offered" never means "pending".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fairlead.machinery import conditions
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import Resource

Object = dict[str, Any]

GROUP = "apiextensions.crossplane.io"
KIND = "CompositeResourceDefinition"
V1 = Resource(GROUP, "v1", "compositeresourcedefinitions", namespaced=False)
V2 = Resource(GROUP, "v2", "compositeresourcedefinitions", namespaced=False)

NAMESPACED, CLUSTER, LEGACY_CLUSTER = "Namespaced", "Cluster", "LegacyCluster"
ESTABLISHED, OFFERED = "Established", "Offered"


class DefinitionError(FairleadError):
    """The XRD cannot be used; Crossplane says the same in an event of it."""


@dataclass(frozen=True)
class Names:
    kind: str
    plural: str
    singular: str
    """The lower-case kind where the author names none, as a CRD's."""
    list_kind: str
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    @classmethod
    def read(cls, names: Mapping[str, Any]) -> "Names":
        kind = str(names.get("kind", ""))
        return cls(
            kind,
            str(names.get("plural", "")),
            str(names.get("singular") or kind.lower()),
            str(names.get("listKind") or f"{kind}List"),
            tuple(names.get("shortNames") or ()),
            tuple(names.get("categories") or ()),
        )


@dataclass(frozen=True)
class Definition:
    """An XRD's promise, read once."""

    name: str
    uid: str
    group: str
    scope: str
    """`Namespaced`, `Cluster` or `LegacyCluster`."""
    composite: Names
    claim: Names | None
    served: tuple[str, ...]
    """Versions, in the author's order."""
    referenceable: str
    """The version that is stored and that compositions name; empty where the XRD names none."""
    established: bool
    offered: bool
    deleting: bool
    enforced: str = ""
    """The composition that all of its composites have, whatever they choose."""

    @property
    def claim_crd(self) -> str:
        """The name of the CRD of its claims; empty without claims."""
        return f"{self.claim.plural}.{self.group}" if self.claim else ""

    def claims(self, version: str) -> Resource | None:
        return Resource(self.group, version, self.claim.plural) if self.claim and version in self.served else None

    def composites(self, version: str) -> Resource | None:
        if version not in self.served:
            return None
        return Resource(self.group, version, self.composite.plural, self.scope == NAMESPACED)


def read(xrd: Mapping[str, Any]) -> Definition:
    """Raises `DefinitionError` for an object without group, names or versions."""
    spec, metadata = xrd.get("spec") or {}, xrd.get("metadata") or {}
    versions = spec.get("versions") or []
    name = str(metadata.get("name", ""))
    if not spec.get("group") or not (spec.get("names") or {}).get("plural") or not versions:
        raise DefinitionError(f'the XRD "{name}" cannot be read', "it lacks a group, names or versions")
    return Definition(
        name=name,
        uid=str(metadata.get("uid", "")),
        group=spec["group"],
        scope=scope(xrd),
        composite=Names.read(spec["names"]),
        claim=Names.read(spec["claimNames"]) if spec.get("claimNames") else None,
        served=tuple(each["name"] for each in versions if each.get("served")),
        referenceable=next((each["name"] for each in versions if each.get("referenceable")), ""),
        established=conditions.is_true(xrd, ESTABLISHED),
        offered=conditions.is_true(xrd, OFFERED),
        deleting="deletionTimestamp" in metadata,
        enforced=str((spec.get("enforcedCompositionRef") or {}).get("name") or ""),
    )


def scope(xrd: Mapping[str, Any]) -> str:
    default = NAMESPACED if xrd.get("apiVersion") == f"{GROUP}/v2" else LEGACY_CLUSTER
    return str((xrd.get("spec") or {}).get("scope") or default)


def plural_of(kind: str) -> str:
    """As Kubernetes' own tools form it: Policy, policies; Address, addresses."""
    name = kind.lower()
    if re.search("[^aeiou]y$", name):
        return f"{name[:-1]}ies"
    return f"{name}es" if re.search("(s|x|z|ch|sh)$", name) else f"{name}s"
