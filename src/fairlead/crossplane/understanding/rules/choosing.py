"""Which composition a composite is made by, and which revision of it: those that are asked for may not be there."""

import re

from fairlead.crossplane.judging import State
from fairlead.crossplane.references import Reference, machinery
from fairlead.crossplane.tracing import Node
from fairlead.crossplane.understanding import steps
from fairlead.crossplane.understanding.causes import Cause, Object, Rule, could_read, failure, said
from fairlead.crossplane.understanding.circumstances import Circumstances
from fairlead.crossplane.understanding.rules import compositions


def no_composition(node: Node, known: Circumstances) -> Cause | None:
    if "composite" not in node.categories or node.obj is None or node.health.state is State.HEALTHY:
        return None
    if not could_read(known, "Composition"):
        return None
    wanted = compositions.name(node.obj)
    names = {each["metadata"]["name"] for each in known.compositions}
    own = [each["metadata"]["name"] for each in known.compositions if _composes(each, node.reference)]
    warned = [each for each in known.warnings(node) if "omposition" in each][:2]
    evidence = (said(node, "Synced"), *warned)
    if wanted and wanted not in names:
        what = f"{node.reference} asks for the composition {wanted}, which does not exist"
        there = f"for this kind there are: {', '.join(own)}" if own else "there is none for this kind either"
        return Cause("composition-missing", node.reference, what, evidence, there, steps.compositions(), 95)
    if wanted:
        return None
    if not own:
        what = f"no composition is for {node.reference.kind} of {node.reference.api_version}"
        remedy = "create one whose compositeTypeRef names this kind in its referenceable version"
        following = steps.compositions()
        if other := _of_another_version(known, node.reference):
            name, version = str(other["metadata"]["name"]), other["spec"]["compositeTypeRef"]["apiVersion"]
            what += f": {name} is for its version {version}"
            remedy = f"make one like it for {node.reference.api_version}: a composition's compositeTypeRef is immutable"
            following = compositions.look_at(name)
        return Cause("no-composition", node.reference, what, evidence, remedy, following, 95)
    selector = (machinery(node.obj).get("compositionSelector") or {}).get("matchLabels")
    if selector:
        what = f"no composition for {node.reference.kind} has the labels that {node.reference} selects by"
        wants = ",".join(f"{key}={value}" for key, value in selector.items())
        remedy = f"label one of {', '.join(own)} so, or change the selector"
        following = compositions.look_at(own[0])
        return Cause("no-match", node.reference, what, (f"it selects {wants}", *evidence), remedy, following, 95)
    return None


def _composes(composition: Object, reference: Reference) -> bool:
    kind = (composition.get("spec") or {}).get("compositeTypeRef") or {}
    return (kind.get("apiVersion"), kind.get("kind")) == (reference.api_version, reference.kind)


def _of_another_version(known: Circumstances, reference: Reference) -> Object | None:
    group = reference.api_version.partition("/")[0]
    for each in known.compositions:
        kind = (each.get("spec") or {}).get("compositeTypeRef") or {}
        if (str(kind.get("apiVersion")).partition("/")[0], kind.get("kind")) == (group, reference.kind):
            return each
    return None


_LOST_REVISION = re.compile(r'CompositionRevision\S* "(?P<name>[^"]+)" not found|no compatible CompositionRevisions')


def no_revision(node: Node, known: Circumstances) -> Cause | None:
    """Its composition is there, and the revision of it that is asked for is not."""
    found = _LOST_REVISION.search(failure(node, known, "Synced"))
    if "composite" not in node.categories or found is None:
        return None
    composition = compositions.name(node.obj or {})
    labels = (machinery(node.obj or {}).get("compositionRevisionSelector") or {}).get("matchLabels") or {}
    asked = f"the revision {found['name']}, which does not exist"
    remedy = f"pin it to a revision of {composition} that there is, or let it follow automatically"
    if not found["name"]:
        asked = f"a revision labelled {','.join(f'{key}={value}' for key, value in labels.items())}, and none is"
        remedy = f"label {composition} so, which makes a revision of it with these labels, or mend the selector"
    what = f"{node.reference} asks for {asked}"
    following = steps.revisions_of(composition)
    return Cause("no-revision", node.reference, what, (said(node, "Synced"),), remedy, following, 92)


RULES: tuple[Rule, ...] = (no_composition, no_revision)
