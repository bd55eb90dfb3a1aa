"""A claim or composite deleted with all that it is made of: what goes, counted whole, and how far it has come.

What Crossplane deletes in the foreground depends on what is deleted. A composite's deletion says it itself; a claim's
passes on its `compositeDeletePolicy`, whatever the deletion says, so that is set first where another one is wanted.
And when a claim is gone, what it was made of may still be going, with nothing left that names it: so every object of
the tree is remembered before, and asked for after.

Source: reference/crossplane.md §3 (deletion), §7, 2.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fairlead.crossplane import sweeping
from fairlead.crossplane.defining import composites
from fairlead.crossplane.judging import State, judge
from fairlead.crossplane.references import Reference, of
from fairlead.crossplane.tracing import Limits, Node
from fairlead.crossplane.understanding import deleting
from fairlead.crossplane.understanding.deleting import Deletion
from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError
from fairlead.resources import deleting as sending
from fairlead.resources import patching
from fairlead.resources.gathering import together
from fairlead.resources.kinds import Kind, UnknownKindError
from fairlead.resources.planning import Change, ChangedMeanwhileError
from fairlead.resources.reading import Reader

Object = Mapping[str, Any]
PROPAGATION = {"background": "Background", "foreground": "Foreground"}
_LIMITS = Limits(depth=20, nodes=2000)
_MOST_NAMED = 10
_USAGES = ("Usage of ", "ClusterUsage of ")
"""Of all that a deletion is explained with, what decides on it; the rest may be left unread."""
_PAUSE = 0.3


class UncountedError(FairleadError):
    """What would go cannot be known whole."""


@dataclass(frozen=True)
class Tree:
    """All that goes with an object, itself left out."""

    goes: tuple[Reference, ...]
    told: tuple[str, ...]
    """What whoever decides has to know, in lines."""


async def tree(reader: Reader, kind: Kind, name: str, namespace: str = "") -> Tree:
    """Raises `UncountedError`, and what `Reader` raises for the object itself."""
    found = await deleting.explain(reader, kind, name, namespace, limits=_LIMITS)
    below = [each for each in found.trace.nodes[1:] if each.health.reason != statuses.NotFound.__name__]
    gaps = [each for each in found.unread if each.startswith(_USAGES)]
    gaps += (each.cut for each in found.trace.nodes if "left out" in each.cut or "deeper" in each.cut)
    gaps += [f"{each.reference}: {each.health.message}" for each in below if await _hides(reader, each)]
    if gaps:
        what = f"what goes with {found.trace.root.reference} cannot be counted, so it is not deleted"
        raise UncountedError(what, "; ".join(gaps[:_MOST_NAMED]))
    goes = tuple(each.reference for each in below)
    told = (*_counted(goes), *_staying(found), *_holding(found), *_owned(found.trace.root.obj or {}))
    return Tree(goes, told)


async def _hides(reader: Reader, node: Node) -> bool:
    """Whether more may go with what could not be read, or stay outside: of native kinds neither does."""
    if node.obj is not None or node.health.state is not State.UNKNOWN:
        return False
    try:
        kind = await reader.kind(node.reference.kind, node.reference.api_version)
    except UnknownKindError:
        return False  # nothing of a kind that is not served is there
    return composites.is_one(kind) or "managed" in kind.api.categories


def _counted(goes: Sequence[Reference]) -> list[str]:
    counts = Counter(each.kind for each in goes)
    return [f"goes with it: {', '.join(f'{count} {kind}' for kind, count in sorted(counts.items()))}"] if goes else []


def _staying(found: Deletion) -> list[str]:
    if not found.stays:
        return []
    return [f"what {', '.join(some(found.stays))} stands for outside stays: it is only observed or orphaned"]


def _holding(found: Deletion) -> list[str]:
    """What would keep it from going."""
    paused = [str(each.reference) for each in found.trace.nodes if each.health.state is State.PAUSED]
    held = [f"{', '.join(some(paused))}: paused, so it stays until it is resumed"] if paused else []
    return [*some(found.usages), *some([f"would be stuck: {each.what}" for each in found.obstacles]), *held]


def some(lines: Sequence[str]) -> list[str]:
    """As many as are read, and how many more there are."""
    more = [f"and {len(lines) - _MOST_NAMED} more"] if len(lines) > _MOST_NAMED else []
    return [*lines[:_MOST_NAMED], *more]


def _owned(obj: Object) -> list[str]:
    if not isinstance((obj.get("spec") or {}).get("claimRef"), Mapping):
        return []
    claim = composites.partner(obj)
    return [f"its claim {claim} makes it anew: delete the claim instead"] if claim else []


async def planned(
    reader: Reader, kind: Kind, name: str, namespace: str, propagation: str, notes: tuple[str, ...]
) -> Change:
    """`propagation` may be empty: as the claim says, else in the background. Raises as `deleting.planned`."""
    is_claim = composites.is_claim(kind)
    change = await sending.planned(reader, kind, name, namespace, propagation="" if is_claim else propagation)
    change = replace(change, notes=(*change.notes, *notes))
    spec = (change.before or {}).get("spec") or {}
    if not is_claim or not propagation or spec.get("compositeDeletePolicy", "Background") == propagation:
        return change
    policy = {"spec": {"compositeDeletePolicy": propagation}}
    first = await patching.planned(reader, kind, name, namespace, policy)

    async def send() -> dict[str, Any]:
        await first.send()
        again = await sending.planned(reader, kind, name, namespace)
        if of(again.before or {}) != of(change.before or {}) or _uid(again.before) != _uid(change.before):
            raise ChangedMeanwhileError(f"{change.subject} is another one now", "nothing was deleted")
        return await again.send()

    note = f"its compositeDeletePolicy becomes {propagation} first"
    return replace(change, wanted=[change.wanted, policy], send=send, notes=(*change.notes, note))


def _uid(obj: Object | None) -> str:
    return str(((obj or {}).get("metadata") or {}).get("uid") or "")


@dataclass(frozen=True)
class Left:
    there: Mapping[Reference, str]
    """What is still there, and how it is."""
    unread: Mapping[Reference, str]
    """What may be, with the reason why it is not known."""


async def left(reader: Reader, those: Sequence[Reference], seconds: float) -> Left:
    """As soon as nothing is known to be there, or after so many seconds."""
    there: dict[Reference, str] = dict.fromkeys(those, "")
    unread: dict[Reference, str] = {}
    try:
        async with asyncio.timeout(seconds or None):
            while True:
                there, gaps = await _still(reader, tuple(there))
                unread |= gaps
                if not there or not seconds:
                    break
                await asyncio.sleep(_PAUSE)
    except TimeoutError:
        pass
    return Left(there, unread)


async def _still(reader: Reader, those: Sequence[Reference]) -> tuple[dict[Reference, str], dict[Reference, str]]:
    turn = asyncio.Semaphore(sweeping.AT_ONCE)
    there: dict[Reference, str] = {}
    unread: dict[Reference, str] = {}

    async def look(each: Reference) -> None:
        try:
            async with turn:
                kind = await reader.kind(each.kind, each.api_version)
                health = judge(await reader.one(kind, each.name, each.namespace), kind.api.categories)
        except (statuses.NotFound, UnknownKindError):
            return
        except FairleadError as error:
            unread[each] = str(error)
            return
        there[each] = ": ".join(part for part in (health.state.value, health.message) if part)

    await together(*map(look, those))
    return {each: there[each] for each in those if each in there}, unread
