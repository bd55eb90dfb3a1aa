"""From a claim, a composite or a package down to all that it is made of, and how each part is.

Objects are read level by level, some at a time; one that cannot be read stays in the tree with the reason, because the
missing child is the finding more often than not. References can form circles and compositions can nest without end, so
every object is visited once, and depth and number have limits that the trace tells when it meets them.

Source: reference/crossplane.md §5 (trace), whose tool has neither guard, no health of native kinds and cut messages.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fairlead.crossplane import judging, packages, references
from fairlead.crossplane.judging import Health, State
from fairlead.crossplane.references import Reference
from fairlead.machinery import conditions
from fairlead.machinery.errors import FairleadError
from fairlead.resources.gathering import together
from fairlead.resources.kinds import Kind
from fairlead.resources.reading import Reader

Object = Mapping[str, Any]
AT_ONCE = 8
COMPOSED_NAME = "crossplane.io/composition-resource-name"


@dataclass(frozen=True)
class Limits:
    depth: int = 10
    nodes: int = 300


@dataclass(frozen=True)
class Node:
    id: int
    """Its place in the trace, the root's being 0."""
    parent: int | None
    depth: int
    reference: Reference
    health: Health
    obj: Object | None = field(default=None, repr=False, compare=False)
    """None where it could not be read."""
    cut: str = ""
    """Why its own children are not shown."""
    categories: tuple[str, ...] = ()
    """Of its kind: claim, composite and managed are Crossplane's."""

    @property
    def composed_name(self) -> str:
        """What its composition calls it."""
        metadata = (self.obj or {}).get("metadata") or {}
        return str((metadata.get("annotations") or {}).get(COMPOSED_NAME, ""))

    def status(self, kind: str) -> str:
        """Of a condition; `-` where the object has none of that type."""
        found = conditions.get(self.obj or {}, kind)
        return str(found.get("status")) if found else "-"


@dataclass(frozen=True)
class Trace:
    nodes: tuple[Node, ...]
    """Depth first, children in the order of version, kind and name."""

    @property
    def root(self) -> Node:
        return self.nodes[0]

    @property
    def troubles(self) -> list[Node]:
        return [each for each in self.nodes if each.health.is_trouble]

    @property
    def is_cut(self) -> bool:
        return any(each.cut for each in self.nodes)

    def children(self, node: Node) -> list[Node]:
        return [each for each in self.nodes if each.parent == node.id]


async def trace(
    reader: Reader, kind: Kind, name: str, namespace: str = "", *, limits: Limits = Limits(), secrets: bool = False
) -> Trace:
    """Raises what `Reader` raises for the root alone. Of secrets only names are read, never values."""
    root = await reader.one(kind, name, namespace)
    return await _Tracing(reader, limits, secrets).run(root, kind)


async def traces(
    reader: Reader, kind: Kind, namespace: str = "", *, limits: Limits = Limits(), secrets: bool = False
) -> list[Trace]:
    """Of every object of the kind, by its name. Raises what `Reader` raises for the list alone."""
    found = await reader.every(kind.resource.qualified, kind.api_version, namespace)
    roots = sorted(found, key=lambda each: (each["metadata"].get("namespace", ""), each["metadata"]["name"]))
    return [await _Tracing(reader, limits, secrets).run(each, kind) for each in roots]


@dataclass
class _Found:
    """A node while the tree grows."""

    reference: Reference
    depth: int
    obj: Object | None
    health: Health
    categories: tuple[str, ...] = ()
    children: list["_Found"] = field(default_factory=list)
    cut: str = ""


class _Tracing:
    def __init__(self, reader: Reader, limits: Limits, secrets: bool) -> None:
        self._reader = reader
        self._limits = limits
        self._secrets = secrets
        self._seen: set[Reference] = set()
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def run(self, root: Object, kind: Kind) -> Trace:
        categories = tuple(kind.api.categories)
        found = _Found(references.of(root), 0, root, judging.judge(root, categories), categories)
        self._seen.add(found.reference)
        level = [found]
        while level:
            groups = await together(*(self._below(each) for each in level))
            level = [child for group in groups for child in group]
        return Trace(tuple(_flat(found)))

    async def _below(self, parent: _Found) -> Sequence[_Found]:
        wanted = await self._children(parent)
        new = [each for each in wanted if each not in self._seen]
        if len(new) < len(wanted):
            parent.cut = f"{len(wanted) - len(new)} below it are shown elsewhere in this tree"
        if new and parent.depth >= self._limits.depth:
            parent.cut = f"{len(new)} below it are deeper than {self._limits.depth} levels"
            return []
        room = max(0, self._limits.nodes - len(self._seen))
        if len(new) > room:
            parent.cut = (
                f"{len(new) - room} of {len(new)} below it are left out: {self._limits.nodes} objects are shown"
            )
        new = new[:room]
        self._seen.update(new)
        parent.children = await together(*(self._read(each, parent.depth + 1) for each in new))
        return parent.children

    async def _children(self, parent: _Found) -> list[Reference]:
        if parent.obj is None:
            return []
        if packages.is_package(parent.obj):
            try:
                async with self._turn:
                    return await packages.below(self._reader, parent.obj)
            except FairleadError as error:
                parent.cut = f"what it is made of cannot be read: {error}"
                return []
        return references.children(parent.obj, secrets=self._secrets)

    async def _read(self, reference: Reference, depth: int) -> _Found:
        if reference.kind == "Secret" and reference.api_version == "v1":
            return _Found(reference, depth, None, Health(State.HEALTHY, "", "its content is not read"))
        if packages.is_source(reference):
            missing = Health(State.UNHEALTHY, "NotInstalled", "no installed package has this source")
            return _Found(reference, depth, None, missing)
        try:
            async with self._turn:
                kind = await self._reader.kind(reference.kind, reference.api_version)
                obj = await self._reader.one(kind, reference.name, reference.namespace)
        except FairleadError as error:
            return _Found(reference, depth, None, Health(State.UNKNOWN, type(error).__name__, str(error)))
        categories = tuple(kind.api.categories)
        return _Found(reference, depth, obj, judging.judge(obj, categories), categories)


def _flat(root: _Found) -> Iterable[Node]:
    counter = 0
    waiting: list[tuple[_Found, int | None]] = [(root, None)]
    while waiting:
        found, parent = waiting.pop()
        node = Node(counter, parent, found.depth, found.reference, found.health, found.obj, found.cut, found.categories)
        counter += 1
        waiting += [(child, node.id) for child in reversed(found.children)]
        yield node
