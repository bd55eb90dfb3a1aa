"""A claim that has lost its composite: gone with its kind, bound under another version, or another claim's."""

from fairlead.crossplane.judging import State
from fairlead.crossplane.tracing import Node
from fairlead.crossplane.understanding import steps
from fairlead.crossplane.understanding.causes import FINALIZERS, OF_CLAIMS, Cause, Rule, message
from fairlead.crossplane.understanding.circumstances import Circumstances
from fairlead.resources.kinds import UnknownKindError

_UNBOUND = "that is not bound to this claim"


def stranded(node: Node, known: Circumstances) -> Cause | None:
    """A claim whose composite went together with its kind, which its controller goes on asking for."""
    finalizers = ((node.obj or {}).get("metadata") or {}).get("finalizers") or ()
    if node.health.state is not State.DELETING or OF_CLAIMS not in finalizers:
        return None
    below = [each for each in known.trace.nodes if each.parent == node.id]
    lost = next((each for each in below if each.health.reason == UnknownKindError.__name__), None)
    if lost is None:
        return None
    what = f"{node.reference} is being deleted and waits for {lost.reference}, whose kind is not served any more"
    evidence = (f"{OF_CLAIMS}: {FINALIZERS[OF_CLAIMS]}", *known.warnings(node)[:2])
    remedy = "the composite went with its kind, which Crossplane does not see: take the finalizer off"
    following = steps.remove_finalizer(node.reference, OF_CLAIMS, [each for each in finalizers if each != OF_CLAIMS])
    return Cause("stranded-claim", node.reference, what, evidence, remedy, following, 97)


def bound_otherwise(node: Node, known: Circumstances) -> Cause | None:
    """Crossplane compares the whole reference back to the claim, its version included."""
    told = message(node, "Synced")  # and not its events, which are remembered for an hour after it was mended
    composite = next((each for each in known.trace.nodes if each.parent == node.id and each.obj is not None), None)
    if "claim" not in node.categories or _UNBOUND not in told or composite is None:
        return None
    bound = ((composite.obj or {}).get("spec") or {}).get("claimRef") or {}
    evidence = (told, f"spec.claimRef of {composite.reference}: {bound.get('apiVersion')} {bound.get('name')}")
    following = steps.look_at(composite.reference, composite.categories)
    if (bound.get("namespace"), bound.get("name")) == (node.reference.namespace, node.reference.name):
        what = f"{node.reference} was bound under another version, so Crossplane neither reconciles nor deletes it"
        remedy = "write the referenceable version of its XRD into spec.claimRef.apiVersion of its composite"
    else:
        what = f"{node.reference} names {composite.reference}, which is another claim's"
        remedy = "let the claim name a composite of its own, or none"
    return Cause("bound-otherwise", node.reference, what, evidence, remedy, following, 96)


RULES: tuple[Rule, ...] = (stranded, bound_otherwise)
