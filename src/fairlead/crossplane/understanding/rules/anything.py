"""What can be wrong with an object of any kind: paused, gone, kept from going, or native and not well."""

import re

from fairlead.crossplane import packages
from fairlead.crossplane.judging import State, is_paused
from fairlead.crossplane.references import of as reference_of
from fairlead.crossplane.tracing import Node
from fairlead.crossplane.understanding import steps
from fairlead.crossplane.understanding.causes import FINALIZERS, OF_CLAIMS, Cause, Rule, health_of
from fairlead.crossplane.understanding.circumstances import Circumstances
from fairlead.machinery import conditions, statuses

_WAITING_ABOVE = frozenset({OF_CLAIMS, "foregroundDeletion"})
"""Finalizers that only wait for what is below."""


def paused(node: Node, known: Circumstances) -> Cause | None:
    """By its annotation, or a managed resource by policies that let its provider do nothing."""
    if node.health.state is not State.PAUSED:
        return None
    way, seen, remedy = "an annotation", "metadata.annotations: crossplane.io/paused: true", "remove the annotation"
    following = steps.reconcile(node.reference, "resume")
    if not is_paused(node.obj or {}):
        way, seen, remedy = "empty policies", "spec.managementPolicies: []", "set policies that let its provider act"
        following = steps.unpause_policies(node.reference)
    what = f"{node.reference} is paused by {way}, so nothing happens to it, deletion included"
    return Cause("paused", node.reference, what, (seen,), f"{remedy} once the reason is gone", following, 85)


def unreadable(node: Node, known: Circumstances) -> Cause | None:
    if node.obj is not None or node.health.state is State.HEALTHY or packages.is_source(node.reference):
        return None
    plain = node.health.message
    if node.health.reason == "UnknownKindError":
        return _not_served(node, known.inactive_definition(node.reference), plain)
    above = known.trace.nodes[node.parent or 0]
    if node.health.reason == statuses.Forbidden.__name__:
        what = f"{node.reference} is a part of {above.reference} that you may not read, so what ails it is not known"
        remedy = f"ask whoever grants rights for get on {node.reference.kind}, or have somebody diagnose who may"
        return Cause("unreadable", node.reference, what, (plain,), remedy, steps.look_at(above.reference), 20)
    if node.health.reason != statuses.NotFound.__name__:
        what = f"{node.reference} is a part of {above.reference}, and cannot be read"
        return Cause("unreadable", node.reference, what, (plain,), "ask again", steps.look_at(above.reference), 70)
    return _missing(node, above, plain)


def _missing(node: Node, above: Node, plain: str) -> Cause | None:
    """What composes it makes it again as soon as it looks, so that it is missing is the echo of why it does not."""
    if "composite" in above.categories and (conditions.get(above.obj or {}, "Synced") or {}).get("status") == "False":
        return None
    what = f"{above.reference} lists {node.reference}, which does not exist: not made yet, or deleted by hand"
    if conditions.is_true(above.obj or {}, "Synced") and above.health.state is not State.PAUSED:
        remedy = f"have {above.reference} reconciled, which makes it anew"
        following = steps.reconcile(above.reference, "now")
        return Cause("unreadable", node.reference, what, (plain,), remedy, following, 70)
    remedy = f"see why {above.reference} does not make it"
    following = steps.look_at(above.reference, above.categories)
    return Cause("unreadable", node.reference, what, (plain,), remedy, following, 45)


def _not_served(node: Node, inactive: str, plain: str) -> Cause:
    what = f"the server does not serve {node.reference.kind} of {node.reference.api_version}"
    if inactive:
        what += f": its definition {inactive} is not active"
        following = steps.activate_definition(inactive)
        return Cause("definition-inactive", node.reference, what, (plain,), f"activate {inactive}", following, 90)
    remedy = "install or repair the provider that brings this kind"
    return Cause("kind-not-served", node.reference, what, (plain,), remedy, steps.providers(), 90)


def held(node: Node, known: Circumstances) -> Cause | None:
    """A deletion that waits."""
    if node.health.state is not State.DELETING or node.obj is None:
        return None
    if node.reference.api_version == "v1" and node.reference.kind == "Namespace":
        return _namespace_held(node)
    if in_use := _part_in_use(node, known):
        return in_use
    finalizers = [str(each) for each in node.obj["metadata"].get("finalizers") or ()]
    removers = tuple(f"{each}: {FINALIZERS.get(each, 'whoever put it there removes it')}" for each in finalizers)
    warnings = tuple(known.warnings(node)[:2])
    what = f"{node.reference} is being deleted and waits for {', '.join(finalizers) or 'its collector'}"
    remedy = "see why whoever has to remove the finalizer does not; taking it off by hand leaks what it guards"
    weight = 60 + node.depth - (20 if _WAITING_ABOVE.issuperset(finalizers) and node.depth else 0)
    following = steps.explain_deletion(node.reference)
    return Cause("held", node.reference, what, removers + warnings, remedy, following, weight)


def _part_in_use(node: Node, known: Circumstances) -> Cause | None:
    """A usage refuses deletions that are asked for: that of a part, not one that has begun."""
    for each in known.trace.children(node):
        if each.health.state is State.DELETING or not (blocking := known.protecting(each)):
            continue
        names = ", ".join(f"{usage['kind']} {usage['metadata']['name']}" for usage in blocking)
        what = f"{node.reference} is being deleted and waits for {each.reference}, which is in use"
        remedy = f"end what uses it, then the usages: {each.reference} goes with the next attempt"
        following = steps.usages_of(each.reference, reference_of(blocking[0]))
        return Cause("in-use", each.reference, what, (names,), remedy, following, 95)
    return None


_LEFT = re.compile(r"(?P<resource>\S+) has \d+ resource instances")


def _namespace_held(node: Node) -> Cause:
    """Its controller says what is left, kind by kind."""
    told = [each for each in conditions.conditions(node.obj or {}) if each.get("status") == "True"]
    evidence = tuple(str(each.get("message") or each.get("reason")) for each in told)
    left = next((each for each in map(_LEFT.search, evidence) if each), None)
    name, following = node.reference.name, steps.look_at(node.reference)
    if left is None:
        what, remedy = f"{node.reference} is being deleted, and its content goes", "look again in a while"
    else:
        resource = left["resource"].rstrip(".")  # of the core group
        what = f"{node.reference} is being deleted and waits for the {resource} in it"
        remedy = "see what each of them waits for; the namespace goes with the last of them"
        following = steps.objects_in(name, resource)
    return Cause("held", node.reference, what, evidence, remedy, following, 60)


def native_failed(node: Node, known: Circumstances) -> Cause | None:
    if node.categories and not {"claim", "composite", "managed"}.isdisjoint(node.categories):
        return None
    if node.health.state is not State.UNHEALTHY or "crossplane.io/" in node.reference.api_version:
        return None
    what = f"{node.reference} is not well: {node.health.reason}"
    evidence = tuple(filter(None, (node.health.message, *known.warnings(node)[:2])))
    following = steps.look_at(node.reference)
    return Cause("native-failed", node.reference, what, evidence, "see its events and logs", following, 78)


def unheard(node: Node, known: Circumstances) -> Cause | None:
    """Of Crossplane's own kinds, whatever no other rule knows."""
    if "crossplane.io/" not in node.reference.api_version or node.health.state is not State.UNHEALTHY:
        return None
    if not {"claim", "composite", "managed"}.isdisjoint(node.categories) or node.obj is None:
        return None
    if node.reference.api_version.partition("/")[0] in ("pkg.crossplane.io", "ops.crossplane.io"):
        return None  # they have rules of their own
    what = f"{node.reference} is not well: {node.health.reason}"
    evidence = (health_of(node), *known.warnings(node)[:3])
    return Cause("unwell", node.reference, what, evidence, "see what it says", steps.look_at(node.reference), 40)


RULES: tuple[Rule, ...] = (paused, unreadable, held, native_failed, unheard)
