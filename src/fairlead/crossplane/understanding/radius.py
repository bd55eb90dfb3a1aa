"""How much goes with an object that others live by: the composites of an XRD, the managed resources of a provider.

None of that is named by a reference from the object, so a trace does not show it; it is counted kind by kind. A count
that cannot be read is named, and whoever deletes on its word must treat it as a reason not to.

Source: issue Crossplane toolset, Must hold (blast radius); reference/crossplane.md §1.1, §1.5.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fairlead.crossplane import packages, references
from fairlead.machinery.errors import FairleadError
from fairlead.resources.gathering import together
from fairlead.resources.kinds import UnknownKindError
from fairlead.resources.reading import Reader

Object = Mapping[str, Any]
AT_ONCE = 12
_BOOKKEEPING = "providerconfigusages."
"""A provider counts by them who uses a config; nobody misses them, and each is called by a UID."""


@dataclass(frozen=True)
class Radius:
    counts: tuple[tuple[str, int], ...] = ()
    """Kinds with how many objects of each go, in the order in which they depend on each other."""
    unread: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    """Of those that are objects of the kinds that go, as `Bucket/a in shop`."""

    @property
    def total(self) -> int:
        return sum(count for _, count in self.counts)


async def radius(reader: Reader, obj: Object) -> Radius:
    """Nothing for what takes nothing with it but its own parts. Raises what discovery raises."""
    if obj.get("kind") == "CompositeResourceDefinition":
        return await _of_definition(reader, obj)
    if packages.is_package(obj):
        return await _of_package(reader, obj)
    if obj.get("kind") == packages.CRD:
        spec = obj.get("spec") or {}
        return _counted(await _lists(reader, [(str((spec.get("names") or {}).get("kind")), str(spec.get("group")))]))
    return Radius()


async def _of_definition(reader: Reader, xrd: Object) -> Radius:
    spec = xrd.get("spec") or {}
    group = str(spec.get("group"))
    names = [spec.get("claimNames") or {}, spec.get("names") or {}]
    found = await _lists(reader, [(str(each["kind"]), group) for each in names if each.get("kind")])
    composites = found[-1].items if found else []
    own = str((spec.get("names") or {}).get("kind"))  # such a one is among the composites already
    below = (each for obj in composites for each in references.children(obj))
    composed = Counter(each.kind for each in below if (each.kind, each.api_version.partition("/")[0]) != (own, group))
    counted = _counted(found)
    return Radius((*counted.counts, *sorted(composed.items())), counted.unread, counted.names)


async def _of_package(reader: Reader, package: Object) -> Radius:
    """Every object of every kind that it or one of its revisions owns."""
    try:
        owned = [
            each
            for revision in await packages.revisions(reader, package)
            for each in await packages.installed(reader, revision)
        ]
        owned += await packages.belonging(reader, package)
    except FairleadError as error:
        return Radius((), (f"what {package['metadata']['name']} has installed: {error}",))
    named = sorted({name for kind, name in owned if kind in (packages.CRD, packages.MRD, "")})
    named = [each for each in named if not each.startswith(_BOOKKEEPING)]
    definitions = {name for kind, name in owned if kind == packages.XRD}
    found = _counted(
        await _lists(reader, [(plural, group) for plural, _, group in (each.partition(".") for each in named)])
    )
    more = [await _definition(reader, each) for each in sorted(definitions)]
    parts = (found, *more)
    return Radius(
        tuple(count for each in parts for count in each.counts),
        tuple(gap for each in parts for gap in each.unread),
        tuple(name for each in parts for name in each.names),
    )


async def _definition(reader: Reader, name: str) -> Radius:
    try:
        kind = await reader.kind("CompositeResourceDefinition", "apiextensions.crossplane.io/v1")
        return await _of_definition(reader, await reader.one(kind, name))
    except FairleadError as error:
        return Radius((), (f"the XRD {name}: {error}",))


@dataclass(frozen=True)
class _Listed:
    kind: str
    qualified: str
    items: Sequence[Object]
    gap: str = ""


async def _lists(reader: Reader, kinds: Iterable[tuple[str, str]]) -> list[_Listed]:
    turn = asyncio.Semaphore(AT_ONCE)

    async def look(name: str, group: str) -> _Listed:
        try:
            kind = await reader.kind(f"{name}.{group}")
            async with turn:
                return _Listed(kind.api.kind, kind.resource.qualified, await reader.every(f"{name}.{group}", ""))
        except UnknownKindError:
            return _Listed(name, name, [])  # a kind that is not served has no objects
        except FairleadError as error:
            return _Listed(name, name, [], f"{name}.{group}: {error}")

    return await together(*(look(name, group) for name, group in kinds))


def _counted(found: Iterable[_Listed]) -> Radius:
    """Kinds of one name by their whole one: a provider of Crossplane 2 has most of its kinds twice."""
    found = list(found)
    called = Counter(each.kind for each in found if each.items)
    return Radius(
        tuple(
            (each.kind if called[each.kind] == 1 else each.qualified, len(each.items)) for each in found if each.items
        ),
        tuple(each.gap for each in found if each.gap),
        tuple(sorted(str(references.of(obj)) for each in found for obj in each.items)),
    )
