"""What is composed: of a kind that is not served, refused by the API server, or changing without end."""

import re

from fairlead.crossplane.judging import State
from fairlead.crossplane.references import Reference
from fairlead.crossplane.tracing import Node
from fairlead.crossplane.understanding import steps
from fairlead.crossplane.understanding.causes import Cause, Rule, failure, message, said
from fairlead.crossplane.understanding.circumstances import Circumstances
from fairlead.crossplane.understanding.rules import compositions
from fairlead.machinery import conditions

_CULPRIT = re.compile(r"watch events from (?P<who>.+?)\. ")


def circuit_open(node: Node, known: Circumstances) -> Cause | None:
    """Crossplane 2.3 writes this condition only where its last look failed; a composite that is well stays silent."""
    found = conditions.get(node.obj or {}, "Responsive") or {}
    if found.get("status") != "False":
        return None
    culprit = _CULPRIT.search(f"{found.get('message')} ")
    who = culprit["who"] if culprit else "something"
    what = f"{node.reference} is reconciled only now and then: {who} changes without end"
    remedy = "stop what changes it; the circuit closes some minutes after, and a reconcile can be asked for"
    following = steps.reconcile(node.reference, "now")
    return Cause("circuit-open", node.reference, what, (said(node, "Responsive"),), remedy, following, 94)


_UNSERVED = re.compile(r'no matches for kind "(?P<kind>[^"]+)" in version "(?P<version>[^"]+)"')


def composed_kind_unserved(node: Node, known: Circumstances) -> Cause | None:
    """What it composes is of a kind that was not installed, or not activated; it has no reference to it yet."""
    if "composite" not in node.categories or node.health.state is State.HEALTHY:
        return None
    text = failure(node, known, "Synced")
    found = _UNSERVED.search(text)
    if found is None:
        return None
    kind, version = found["kind"], found["version"]
    if inactive := known.inactive_definition(Reference(version, kind, "")):
        what = f"{node.reference} composes a kind whose definition {inactive} is not active"
        about = Reference("apiextensions.crossplane.io/v1alpha1", "ManagedResourceDefinition", inactive)
        following = steps.activate_definition(inactive)
        return Cause("definition-inactive", about, what, (text,), f"activate {inactive}", following, 91)
    what = f"{node.reference} composes a {kind} of {version}, which this server does not serve"
    remedy = "install the provider that brings this kind in this version, or mend what the composition names"
    return Cause("kind-not-served", node.reference, what, (text,), remedy, steps.providers(), 90)


_NAMESPACE = re.compile(r"spec\.resourceRefs\[\d+\]\.namespace: field not declared in schema")


def composes_namespaced(node: Node, known: Circumstances) -> Cause | None:
    """Crossplane 1.x keeps no namespace of what it composes; it says so of a schema that nobody has written."""
    text = message(node, "Synced")
    if "composite" not in node.categories or not _NAMESPACE.search(text):
        return None
    what = f"{node.reference} composes something that is in a namespace, which Crossplane 1.x cannot"
    remedy = "compose what is cluster-scoped, e.g. an Object of provider-kubernetes around it, or move to Crossplane 2"
    return Cause("composes-namespaced", node.reference, what, (text,), remedy, compositions.following(node, known), 60)


def composing_failed(node: Node, known: Circumstances) -> Cause | None:
    """Whatever else keeps a composite from being synced, in Crossplane's own words."""
    synced = conditions.get(node.obj or {}, "Synced") or {}
    if "composite" not in node.categories or synced.get("status") != "False" or node.health.state is State.DELETING:
        return None
    warnings = known.warnings(node)
    evidence = (said(node, "Synced"), *warnings[:2])
    what, remedy = f"{node.reference} cannot be composed", "see what the message names"
    told = str(synced.get("message") or "")
    refused = next((each for each in map(_REFUSED.search, (told, *warnings)) if each), None)
    weight = 50
    if refused and (refused.string == told or _is_unsynced(refused["name"], told)):
        (what, remedy), weight = _refusal(node, refused["name"], refused["why"]), 72
    return Cause(
        "composing-failed", node.reference, what, evidence, remedy, compositions.following(node, known), weight
    )


_REFUSED = re.compile(r'cannot apply composed resource "(?P<name>[^"]+)": (?P<why>.+)', re.DOTALL)
_OWNED = re.compile(r'Found "true" in references for (?P<one>\S+) and (?P<two>\S+)')


def _is_unsynced(name: str, told: str) -> bool:
    """Crossplane names there what it could not apply, and says why in an event alone."""
    return told.startswith("Unsynced resources: ") and name in re.split(r"[:,\s]+", told)


def _refusal(node: Node, name: str, why: str) -> tuple[str, str]:
    if owned := _OWNED.search(why):
        other = next((each for each in owned.groups() if not each.endswith(f"/{node.reference.name}")), owned["one"])
        what = f"what {node.reference} composes as {name} belongs to {other} already"
        return what, "have the composition give it a name of its own, e.g. by leaving the name out"
    what = f"the API server refuses what {node.reference} composes as {name}"
    if re.search(r'namespaces "[^"]+" not found', why):
        return what, "create the namespace that it names, or have the composition name another"
    return what, "mend what the composition makes of it, or the rule that refuses it"


RULES: tuple[Rule, ...] = (circuit_open, composed_kind_unserved, composes_namespaced, composing_failed)
