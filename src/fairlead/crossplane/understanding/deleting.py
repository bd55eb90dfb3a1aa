"""What a deletion would take with it, what it would leave behind in the cloud, and what one that has begun waits for.

The question is asked at two moments: before, when the answer is a blast radius, and after, when it is a name. Both need
the same facts: who removes each finalizer, what is used, what is below, and whether the provider that has to clean up
is alive. Nothing is ever deleted to find out, not even on trial: the webhook that guards what is in use records a dry
run as an attempt.

Source: reference/crossplane.md §1.7, §3 (deletion), §7, 2 and 3.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fairlead.crossplane import packages, surveying, sweeping, tracing
from fairlead.crossplane.judging import State
from fairlead.crossplane.managed import managing
from fairlead.crossplane.tracing import Limits, Node, Trace
from fairlead.crossplane.understanding import circumstances, radius
from fairlead.crossplane.understanding.causes import FINALIZERS, Cause
from fairlead.crossplane.understanding.circumstances import Circumstances
from fairlead.crossplane.understanding.radius import Radius
from fairlead.crossplane.understanding.rules.anything import held
from fairlead.crossplane.understanding.rules.claiming import bound_otherwise, stranded
from fairlead.crossplane.understanding.rules.managing import no_controller
from fairlead.resources.kinds import Kind
from fairlead.resources.reading import Query, Reader

Object = Mapping[str, Any]
_LIMITS = Limits()


@dataclass(frozen=True)
class Deletion:
    trace: Trace
    since: str
    """When it was asked for; empty while nobody has."""
    finalizers: tuple[tuple[str, str], ...]
    """Each with who removes it."""
    usages: tuple[str, ...]
    goes: tuple[tuple[str, int], ...]
    """Kinds below it with how many of each."""
    stays: tuple[str, ...]
    """Managed resources whose external resource is not deleted with them."""
    obstacles: tuple[Cause, ...]
    unread: tuple[str, ...]


async def explain(reader: Reader, kind: Kind, name: str, namespace: str = "", *, limits: Limits = _LIMITS) -> Deletion:
    """Raises what `Reader` raises for the object itself alone."""
    trace = await tracing.trace(reader, kind, name, namespace, limits=limits)
    known = await circumstances.gather(reader, trace, deletion=True)
    metadata = (trace.root.obj or {}).get("metadata") or {}
    finalizers = [str(each) for each in metadata.get("finalizers") or ()]
    lives_by_it = await _living_by(reader, trace)
    return Deletion(
        trace,
        str(metadata.get("deletionTimestamp") or ""),
        tuple((each, FINALIZERS.get(each, "whoever put it there")) for each in finalizers),
        tuple(_usages(known)),
        lives_by_it.counts,
        tuple(str(each.reference) for each in trace.nodes if each.obj is not None and stays_outside(each.obj)),
        tuple(_obstacles(known)),
        (*known.unread, *lives_by_it.unread),
    )


async def _living_by(reader: Reader, trace: Trace) -> Radius:
    """What its references name goes with it, unless it is a package: that only uses what it depends on."""
    root = trace.root.obj or {}
    if trace.root.reference.api_version == "v1" and trace.root.reference.kind == "Namespace":
        return await _in_namespace(reader, trace.root.reference.name)
    found = await radius.radius(reader, root)
    if found.counts or packages.is_package(root):
        return found
    below = Counter(each.reference.kind for each in trace.nodes[1:] if each.obj is not None)
    return replace(found, counts=tuple(sorted(below.items())))


async def _in_namespace(reader: Reader, name: str) -> Radius:
    kinds = surveying.chosen(await reader.kinds(), ("claims", "composites", "managed"))
    found = await sweeping.sweep(reader, kinds, lambda _, obj: True, Query(namespace=name))
    counts = tuple((each.kind.api.kind, each.seen) for each in found if each.seen)
    return Radius(counts, sweeping.gaps(found))


def stays_outside(obj: Object) -> bool:
    """Whether the external resource outlives the managed one, by either of the two policies."""
    return "forProvider" in (obj.get("spec") or {}) and managing.stays_outside(obj)


def _usages(known: Circumstances) -> list[str]:
    return [
        f"{usage['kind']} {usage['metadata']['name']} protects {each.reference}: {_because(usage)}"
        for each in known.trace.nodes
        for usage in known.protecting(each)
    ]


def _because(usage: Object) -> str:
    spec = usage.get("spec") or {}
    by = spec.get("by") or {}
    name = (by.get("resourceRef") or {}).get("name")
    return f"used by {by.get('kind')}/{name}" if name else str(spec.get("reason") or "no reason given")


def _obstacles(known: Circumstances) -> list[Cause]:
    """The deepest first: what is below has to go before what waits for it."""
    found = [
        cause
        for node in known.trace.nodes
        for rule in (no_controller, stranded, bound_otherwise, held)
        if _may_hold(node) and (cause := rule(node, known)) is not None
    ]
    depths = {each.reference: each.depth for each in known.trace.nodes}
    return sorted(found, key=lambda each: (-depths.get(each.about, 0), -each.weight))


def _may_hold(node: Node) -> bool:
    return node.health.state is State.DELETING or "managed" in node.categories
