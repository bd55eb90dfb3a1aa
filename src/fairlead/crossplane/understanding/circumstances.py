"""What has to be known beside a trace to say why something is not well: events, compositions, functions, providers.

Only what trouble asks for is read, and what may not be read is noted instead of raised: a diagnosis with a gap that it
names is worth more than a refusal. Everything is asked for once, however many objects it concerns.

Source: reference/crossplane.md §1, §7.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fairlead.crossplane import packages, presence, providerconfigs, tracing
from fairlead.crossplane.judging import State
from fairlead.crossplane.packaging import running
from fairlead.crossplane.packaging.running import Runtime
from fairlead.crossplane.references import Reference
from fairlead.crossplane.tracing import Node, Trace
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import GroupVersion
from fairlead.resources import deleting, happening
from fairlead.resources.gathering import together
from fairlead.resources.kinds import UnknownKindError
from fairlead.resources.reading import Reader

Object = Mapping[str, Any]
EXTENSIONS = "apiextensions.crossplane.io"
PACKAGES = "pkg.crossplane.io"


@dataclass
class Circumstances:
    trace: Trace
    events: dict[str, list[str]] = field(default_factory=dict)
    """Warnings by the uid of what they are about, as `happening.warnings` has them."""
    compositions: list[Object] = field(default_factory=list)
    revisions: list[Object] = field(default_factory=list)
    functions: list[Object] = field(default_factory=list)
    function_revisions: list[Object] = field(default_factory=list)
    providers: list[Object] = field(default_factory=list)
    provider_revisions: list[Object] = field(default_factory=list)
    definitions: list[Object] = field(default_factory=list)
    """Managed resource definitions; none on Crossplane 1."""
    crds: dict[str, Object] = field(default_factory=dict)
    configs: dict[Reference, Reference] = field(default_factory=dict)
    """Of managed resources: the provider config that each goes by, be it there or not."""
    usages: list[Object] = field(default_factory=list)
    lock: Object = field(default_factory=dict)
    runtimes: dict[str, Runtime] = field(default_factory=dict)
    """What runs the revisions of packages, by their names."""
    stopped: tuple[Reference, str] | None = None
    """Crossplane's own Deployment and what is the matter with it; None where it runs."""
    unread: list[str] = field(default_factory=list)
    """What could not be read, with the reason."""

    def protecting(self, node: Node) -> list[Object]:
        """The usages of an object."""
        found = node.reference
        group = GroupVersion.parse(found.api_version).group
        return [each for each in self.usages if deleting.protects(each, group, found.kind, found.name, found.namespace)]

    def inactive_definition(self, reference: Reference) -> str:
        """Of the object's kind; empty where that is active, or none of a provider's."""
        group = GroupVersion.parse(reference.api_version).group
        for each in self.definitions:
            spec = each.get("spec") or {}
            named = (spec.get("names") or {}).get("kind") == reference.kind
            if spec.get("group") == group and named and spec.get("state") != "Active":
                return str(each["metadata"]["name"])
        return ""

    def warnings(self, node: Node) -> list[str]:
        return self.events.get(str(((node.obj or {}).get("metadata") or {}).get("uid")), [])


@dataclass(frozen=True)
class _Wish:
    kind: str
    api_version: str
    place: str
    """Which list of the circumstances it fills."""


_FOR_COMPOSITES = (
    _Wish("Composition", f"{EXTENSIONS}/v1", "compositions"),
    _Wish("CompositionRevision", f"{EXTENSIONS}/v1", "revisions"),
    _Wish("Function", f"{PACKAGES}/v1", "functions"),
    _Wish("FunctionRevision", f"{PACKAGES}/v1", "function_revisions"),
)
_FOR_MANAGED = (
    _Wish("Provider", f"{PACKAGES}/v1", "providers"),
    _Wish("ProviderRevision", f"{PACKAGES}/v1", "provider_revisions"),
)
_DEFINITIONS = _Wish("ManagedResourceDefinition", f"{EXTENSIONS}/v1alpha1", "definitions")
_USAGES = (
    _Wish("Usage", "protection.crossplane.io/v1beta1", "usages"),
    _Wish("ClusterUsage", "protection.crossplane.io/v1beta1", "usages"),
    _Wish("Usage", f"{EXTENSIONS}/v1beta1", "usages"),
)


async def gather(reader: Reader, trace: Trace, *, deletion: bool = False) -> Circumstances:
    """Never raises for what cannot be read beside the trace; for a `deletion` what is well concerns it too."""
    found = Circumstances(trace)
    look = _Looking(reader, found)
    concerned = [each for each in trace.nodes if deletion or each.health.state is not State.HEALTHY]
    wishes = dict.fromkeys(wish for node in concerned for wish in _wishes(node, deletion))
    await together(
        look.core(),
        *(look.list(each) for each in wishes),
        *(look.events(each) for each in concerned if each.obj is not None and each.health.state is not State.HEALTHY),
        *(look.crd(each) for each in concerned if _is(each, "managed")),
        *(look.runtime(each) for each in concerned if each.obj is not None and each.reference.kind in running.KINDS),
    )
    return found


def _wishes(node: Node, deletion: bool) -> Sequence[_Wish]:
    found: list[_Wish] = []
    if _is(node, "composite", "claim") or node.reference.kind == "Operation":
        found += (*_FOR_COMPOSITES, _DEFINITIONS)
    if _is(node, "managed") or node.obj is None:
        found += (*_FOR_MANAGED, _DEFINITIONS)
    if deletion or node.health.state is State.DELETING:
        found += _USAGES
    if node.reference.api_version.startswith(f"{PACKAGES}/"):
        found.append(_Wish("Lock", f"{PACKAGES}/v1beta1", "lock"))
    return found


def _is(node: Node, *categories: str) -> bool:
    return not set(categories).isdisjoint(node.categories)


class _Looking:
    def __init__(self, reader: Reader, found: Circumstances) -> None:
        self._reader = reader
        self._found = found
        self._turn = asyncio.Semaphore(tracing.AT_ONCE)

    async def list(self, wish: _Wish) -> None:
        try:
            async with self._turn:
                items = await self._reader.every(wish.kind, wish.api_version)
        except FairleadError as error:
            self._miss(f"{wish.kind} of {wish.api_version}", error, served=wish not in (*_USAGES, _DEFINITIONS))
            return
        if wish.place == "lock":
            self._found.lock = items[0] if items else {}
        else:
            getattr(self._found, wish.place).extend(items)

    def _miss(self, what: str, error: FairleadError, *, served: bool = True) -> None:
        """A kind that this version of Crossplane does not have is no gap."""
        if served or not isinstance(error, UnknownKindError):
            self._found.unread.append(f"{what}: {error}")

    async def events(self, node: Node) -> None:
        obj = node.obj or {}
        try:
            async with self._turn:
                found = await happening.warnings(self._reader, obj)
        except FairleadError as error:
            self._miss(f"events of {node.reference}", error)
            return
        self._found.events[str((obj.get("metadata") or {}).get("uid"))] = found

    async def runtime(self, node: Node) -> None:
        if node.health.state is State.HEALTHY:
            return
        try:
            async with self._turn:
                self._found.runtimes[node.reference.name] = await running.runtime(self._reader, node.reference)
        except FairleadError as error:
            self._miss(f"what runs {node.reference}", error)

    async def core(self) -> None:
        try:
            self._found.stopped = await presence.stopped(self._reader)
        except FairleadError as error:
            self._miss("whether Crossplane runs", error)

    async def crd(self, node: Node) -> None:
        """Says which package brought the kind; and its group, where the provider config is."""
        try:
            async with self._turn:
                kind = await self._reader.kind(node.reference.kind, node.reference.api_version)
                if config := providerconfigs.meant(await self._reader.kinds(), kind, node.obj or {}):
                    self._found.configs[node.reference] = config[1]
                crds = await self._reader.kind("CustomResourceDefinition", "apiextensions.k8s.io/v1")
                name = kind.resource.qualified
                if name not in self._found.crds:
                    self._found.crds[name] = await self._reader.one(crds, name)
        except FairleadError as error:
            self._miss(f"the CRD of {node.reference.kind}", error)


def crd_of(found: Circumstances, reference: Reference) -> Object | None:
    group = GroupVersion.parse(reference.api_version).group
    for crd in found.crds.values():
        spec = crd.get("spec") or {}
        if spec.get("group") == group and (spec.get("names") or {}).get("kind") == reference.kind:
            return crd
    return None


def provider_of(found: Circumstances, reference: Reference) -> Object | None:
    """The provider whose package brought the kind; None where it is not known, or the CRD was made by hand.

    On Crossplane 2 a provider's revision owns the definition of a managed resource, and that its CRD.
    """
    owners = _owners(crd_of(found, reference) or {})
    owners |= {name for each in found.definitions if each["metadata"]["name"] in owners for name in _owners(each)}
    for revision in found.provider_revisions:
        if revision["metadata"]["name"] in owners:
            owner = packages.owner(revision)
            return next((each for each in found.providers if each["metadata"]["name"] == owner), None)
    return None


def came_in_a_package(found: Circumstances, reference: Reference) -> bool:
    """Whether a provider's package has brought the kind, be it there still or not."""
    owners = ((crd_of(found, reference) or {}).get("metadata") or {}).get("ownerReferences") or ()
    return any(each.get("kind") in ("ProviderRevision", "Provider", "ManagedResourceDefinition") for each in owners)


def _owners(obj: Object) -> set[str]:
    return {str(each.get("name")) for each in (obj.get("metadata") or {}).get("ownerReferences") or ()}
