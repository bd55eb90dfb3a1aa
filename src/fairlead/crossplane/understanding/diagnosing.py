"""The root cause of an object's trouble, looked for from the object down, in one go.

A claim says `Waiting` and nothing else; the reason is two objects below it, in an event. So the whole tree is read,
each part is asked by every rule, and the heaviest cause is said first. A healthy tree has none. Where nothing known
explains what is seen, that is said too, with what is seen.

Source: reference/crossplane.md §7; issue Crossplane toolset, 3.
"""

from dataclasses import dataclass

from fairlead.crossplane import tracing
from fairlead.crossplane.judging import State
from fairlead.crossplane.tracing import Node, Trace
from fairlead.crossplane.understanding import circumstances, steps
from fairlead.crossplane.understanding.causes import Cause
from fairlead.crossplane.understanding.rules import RULES
from fairlead.crossplane.understanding.steps import Next, Step
from fairlead.resources.kinds import Kind
from fairlead.resources.reading import Reader


@dataclass(frozen=True)
class Diagnosis:
    trace: Trace
    causes: tuple[Cause, ...]
    """The likeliest first; none where all is well."""
    unread: tuple[str, ...] = ()
    """What could not be read, and may hide a cause."""


async def diagnose(reader: Reader, kind: Kind, name: str, namespace: str = "") -> Diagnosis:
    """Raises what `Reader` raises for the object itself alone."""
    trace = await tracing.trace(reader, kind, name, namespace)
    if all(each.health.state is State.HEALTHY for each in trace.nodes):
        return Diagnosis(trace, ())
    known = await circumstances.gather(reader, trace)
    return Diagnosis(trace, tuple(ranked(known)), tuple(known.unread))


def ranked(known: circumstances.Circumstances) -> list[Cause]:
    troubled = [each for each in known.trace.nodes if each.health.state is not State.HEALTHY]
    found = [cause for node in troubled for cause in _causes(node, known)]
    found += _unexplained(known) if not found else []
    return sorted(found, key=lambda each: -each.weight)


_GENERAL = frozenset({"composing-failed", "managed-failed", "package-failed", "unwell"})
"""What is said in default of anything better."""


def _causes(node: Node, known: circumstances.Circumstances) -> list[Cause]:
    found = [cause for rule in RULES if (cause := rule(node, known)) is not None]
    better = [each for each in found if each.name not in _GENERAL]
    return [each for each in found if not better or each.name not in _GENERAL]


def _unexplained(known: circumstances.Circumstances) -> list[Cause]:
    """What is only on its way says so."""
    deepest = max(
        (each for each in known.trace.nodes if each.health.state is not State.HEALTHY),
        key=lambda each: (each.health.is_trouble, each.depth),
    )
    under_way = deepest.health.state is State.PROGRESSING
    what = f"{deepest.reference} is on its way" if under_way else f"{deepest.reference} is {deepest.health.state.value}"
    said = ": ".join(filter(None, (deepest.health.reason, deepest.health.message)))
    evidence = tuple(filter(None, (said, *known.warnings(deepest)[:3])))
    name = "under-way" if under_way else "unexplained"
    remedy, following = "look again in a while", steps.look_at(deepest.reference, deepest.categories)
    if deepest.health.reason in _UNHEARD:
        remedy += f"; if it stays so, whoever looks after it does not run, or {_RIGHTS}"
        following = Next((Step("control_plane_status"), *following.calls), _RUNS)
    return [Cause(name, deepest.reference, what, evidence, remedy, following, 10)]


_RIGHTS = "lacks the rights that Crossplane's RBAC manager gives it"
_UNHEARD = frozenset({"NoConditions", "StaleConditions"})
_RUNS = "kubectl get deployments -A -l 'app in (crossplane,crossplane-rbac-manager)'"
