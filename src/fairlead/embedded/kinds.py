"""What a kind is to the playground: data and a few pure functions, the same for built-in kinds and for CRDs.

One REST implementation serves every kind. What differs (names, scope, subresources, columns, defaults, validation) is
in the kind's value; nothing else asks which kind it is at.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fairlead.machinery import fieldsets, names, tables
from fairlead.machinery.applying import FieldManager
from fairlead.machinery.discovery import APIResource, Subresource
from fairlead.machinery.fieldsets import Path
from fairlead.machinery.paths import GroupVersion, Resource
from fairlead.machinery.schemas import Schema
from fairlead.machinery.shapes import DEDUCED, Shape
from fairlead.machinery.structural import Node

Object = dict[str, Any]
Cause = dict[str, Any]

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
STATUS_VERBS = ("get", "patch", "update")
CRDS = ("apiextensions.k8s.io", "customresourcedefinitions")
APISERVICES = ("apiregistration.k8s.io", "apiservices")
NAMESPACES = ("", "namespaces")
METADATA_FIELDS = ("metadata.name", "metadata.namespace")


def _nothing(obj: Object, old: Object | None) -> None:
    return None


def _no_causes(obj: Object, old: Object | None) -> list[Cause]:
    return []


@dataclass(frozen=True, eq=False)
class Kind:
    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    singular: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    subresources: tuple[Subresource, ...] = ()
    stored_as: tuple[str, str] | None = None
    """Group and plural of the collection, where that is another's: an event has two APIs."""
    printer: tables.Printer = tables.DEFAULT
    schema: Callable[[], Schema | None] = lambda: None
    """Deferred: compiling is dear and most kinds are never written."""
    versions: Callable[[], Mapping[str, Shape]] | None = None
    """Shapes by apiVersion for field ownership; None: the schema's own."""
    custom: bool = False
    """A CRD defines it: pruned, defaulted and validated by its schema, and never updated unconditionally."""
    generation: bool = False
    """`metadata.generation` counts changes outside metadata and status."""
    check_name: Callable[[str], list[str]] = names.subdomain
    selectable: Mapping[str, Callable[[Object], str]] = field(default_factory=dict)
    """Fields that a field selector may name beside `METADATA_FIELDS`."""
    prepare: Callable[[Object, Object | None], None] = _nothing
    """Fills defaults in place before validation; the second argument is the stored object on an update."""
    validate: Callable[[Object, Object | None], list[Cause]] = _no_causes
    convert: Callable[[Object], Object] | None = None
    """From what is stored to what this API shows; None: the apiVersion alone differs."""
    restore: Callable[[Object], Object] | None = None
    """The way back."""
    condemn: Callable[[Object], Object] = lambda stored: stored
    """What a deletion makes of the stored object before it is decided whether anything holds it."""
    scale: Mapping[str, str] | None = None
    """A CRD's `subresources.scale`: the JSON paths."""

    @property
    def resource(self) -> Resource:
        return Resource(self.group, self.version, self.plural, self.namespaced)

    @property
    def group_version(self) -> GroupVersion:
        return GroupVersion(self.group, self.version)

    @property
    def api_version(self) -> str:
        return str(self.group_version)

    @property
    def collection(self) -> tuple[str, str]:
        return self.stored_as or (self.group, self.plural)

    @property
    def list_kind(self) -> str:
        return f"{self.kind}List"

    @property
    def has_status(self) -> bool:
        return self.subresource("status") is not None

    def subresource(self, name: str) -> Subresource | None:
        return next((each for each in self.subresources if each.name == name), None)

    def to_discovery(self) -> APIResource:
        return APIResource(
            self.plural,
            self.kind,
            self.verbs,
            self.namespaced,
            self.singular or self.kind.lower(),
            self.short_names,
            self.categories,
            self.subresources,
        )

    def shown(self, stored: Object) -> Object:
        """A stored object as this API shows it."""
        if self.convert:
            return self.convert(stored)
        if stored.get("apiVersion") == self.api_version:
            return stored
        return {**stored, "apiVersion": self.api_version}

    def kept(self, shown: Object) -> Object:
        """The way back of `shown`."""
        return self.restore(shown) if self.restore else shown

    def node(self) -> Node | None:
        found = self.schema()
        return found.node if found else None

    def field_manager(self, subresource: str = "") -> FieldManager:
        shapes = self.versions() if self.versions else {self.api_version: DEDUCED}
        return FieldManager(shapes, self.api_version, self.kind, subresource, self._resets(subresource))

    def _resets(self, subresource: str) -> tuple[Path, ...]:
        if subresource == "status":
            return tuple(fieldsets.path(name) for name in ("spec", "metadata"))
        return (fieldsets.path("status"),) if self.has_status else ()
