"""What keeps a claim or composite from being made: its composition, the functions of that, and what changes it."""

import re

from fairlead.crossplane import packages
from fairlead.crossplane.judging import State
from fairlead.crossplane.references import Reference, machinery
from fairlead.crossplane.tracing import Node
from fairlead.crossplane.understanding import steps
from fairlead.crossplane.understanding.causes import (
    FINALIZERS,
    OF_CLAIMS,
    Cause,
    Object,
    Rule,
    could_read,
    failure,
    health_of,
    message,
    said,
)
from fairlead.crossplane.understanding.circumstances import Circumstances
from fairlead.crossplane.understanding.steps import Next
from fairlead.machinery import conditions
from fairlead.resources.kinds import UnknownKindError

_V1 = "apiextensions.crossplane.io/v1"
_UNBOUND = "that is not bound to this claim"


def no_composition(node: Node, known: Circumstances) -> Cause | None:
    if "composite" not in node.categories or node.obj is None or node.health.state is State.HEALTHY:
        return None
    if not could_read(known, "Composition"):
        return None
    wanted = _composition_name(node.obj)
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
            following = _look_at_composition(name)
        return Cause("no-composition", node.reference, what, evidence, remedy, following, 95)
    selector = (machinery(node.obj).get("compositionSelector") or {}).get("matchLabels")
    if selector:
        what = f"no composition for {node.reference.kind} has the labels that {node.reference} selects by"
        wants = ",".join(f"{key}={value}" for key, value in selector.items())
        remedy = f"label one of {', '.join(own)} so, or change the selector"
        following = _look_at_composition(own[0])
        return Cause("no-match", node.reference, what, (f"it selects {wants}", *evidence), remedy, following, 95)
    return None


def _composition_name(obj: Object) -> str:
    return str((machinery(obj).get("compositionRef") or {}).get("name") or "")


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


def _look_at_composition(name: str) -> Next:
    return steps.look_at(Reference(_V1, "Composition", name))


def _its_composition(node: Node, known: Circumstances) -> Next:
    name = _composition_name(node.obj or {})
    is_there = any(each["metadata"]["name"] == name for each in known.compositions)
    return _look_at_composition(name) if is_there else steps.compositions()


def _pipeline(node: Node, known: Circumstances) -> list[Object]:
    """Of the revision that the composite uses, or else of its composition; an operation has its own."""
    if node.reference.kind == "Operation":
        return list(((node.obj or {}).get("spec") or {}).get("pipeline") or ())
    revision = (machinery(node.obj or {}).get("compositionRevisionRef") or {}).get("name")
    named = [each for each in known.revisions if each["metadata"]["name"] == revision]
    wanted = _composition_name(node.obj or {})
    named += [each for each in known.compositions if each["metadata"]["name"] == wanted]
    return list((named[0].get("spec") or {}).get("pipeline") or ()) if named else []


def function_missing(node: Node, known: Circumstances) -> Cause | None:
    calls = "composite" in node.categories or node.reference.kind == "Operation"
    if not calls or node.health.state is State.HEALTHY or not could_read(known, "FunctionRevision"):
        return None
    active = packages.active(known.function_revisions)
    for each in _pipeline(node, known):
        name = str((each.get("functionRef") or {}).get("name"))
        if name in active:
            continue
        step = f"the step {each.get('step')} of the pipeline of {node.reference}"
        what = f"{step} calls the function {name}, which has no active revision"
        installed = [one for one in known.functions if one["metadata"]["name"] == name]
        remedy = (
            "see why it is not healthy" if installed else f"install the function {name}, or mend the step's functionRef"
        )
        following = _its_composition(node, known) if "composite" in node.categories else steps.look_at(node.reference)
        if installed:
            following = steps.diagnose(Reference("pkg.crossplane.io/v1", "Function", name))
        evidence = (health_of(node), *known.warnings(node)[:1])
        return Cause("function-missing", node.reference, what, evidence, remedy, following, 93)
    return None


def invalid_pipeline(node: Node, known: Circumstances) -> Cause | None:
    name = (machinery(node.obj or {}).get("compositionRevisionRef") or {}).get("name")
    revision = next((each for each in known.revisions if each["metadata"]["name"] == name), {})
    found = conditions.get(revision, "ValidPipeline") or {}
    if found.get("status") != "False":
        return None
    what = f"the pipeline of {name} cannot run: {found.get('reason')}"
    remedy = "use functions that have the capability `composition`"
    evidence = (str(found.get("message")),)
    return Cause("invalid-pipeline", node.reference, what, evidence, remedy, _its_composition(node, known), 92)


_FAILED_STEP = re.compile(r'pipeline step "(?P<step>[^"]+)"(?P<rest>.*)', re.DOTALL)
_UNREACHED = re.compile(
    r"code = (Unavailable|DeadlineExceeded)|cannot gRPC dial|empty status\.endpoint|connection refused"
)
_FUNCTION = re.compile(r'Function "(?P<name>[^"]+)"')


def pipeline_failed(node: Node, known: Circumstances) -> Cause | None:
    if "composite" not in node.categories or node.health.state is State.HEALTHY:
        return None
    found = _FAILED_STEP.search(failure(node, known, "Synced"))
    if found is None or function_missing(node, known) is not None:
        return None
    rest = " ".join(found["rest"].lstrip(": ").split())
    evidence = (rest, *known.warnings(node)[:1])
    function = _FUNCTION.search(rest)
    if _UNREACHED.search(rest):
        name = function["name"] if function else ""
        what = f"the function {name} of the step {found['step']} cannot be reached"
        remedy = "see whether its Deployment runs; the composition is not to blame"
        following = steps.diagnose(Reference("pkg.crossplane.io/v1", "Function", name)) if _has(known, name) else None
        return Cause(
            "function-unreachable",
            node.reference,
            what,
            evidence,
            remedy,
            following or _its_composition(node, known),
            91,
        )
    what = f"the step {found['step']} of the pipeline of {node.reference} fails"
    remedy = "mend the step's input, or the function"
    return Cause("pipeline-failed", node.reference, what, evidence, remedy, _its_composition(node, known), 90)


def _has(known: Circumstances, function: str) -> bool:
    return any(each["metadata"]["name"] == function for each in known.functions)


def never_ready(node: Node, known: Circumstances) -> Cause | None:
    """Readiness is the pipeline's to say, whatever the composed resources say of themselves."""
    ready = conditions.get(node.obj or {}, "Ready") or {}
    if "composite" not in node.categories or ready.get("status") == "True" or ready.get("reason") != "Creating":
        return None
    if not conditions.is_true(node.obj or {}, "Synced"):
        return None
    below = known.trace.children(node)
    if not below or any(each.health.state is not State.HEALTHY for each in below):
        return None
    functions = [str((each.get("functionRef") or {}).get("name")) for each in _pipeline(node, known)]
    what = f"all that {node.reference} is made of is well, but no function of its pipeline says that it is ready"
    remedy = "add a step with function-auto-ready at the end, or have the function set ready"
    evidence = (said(node, "Ready"), f"pipeline: {', '.join(functions)}")
    return Cause("never-ready", node.reference, what, evidence, remedy, _its_composition(node, known), 80)


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


def not_reconciled(node: Node, known: Circumstances) -> Cause | None:
    """A function that does not answer holds up the first look for minutes, in which nothing is said anywhere."""
    if "composite" not in node.categories or node.obj is None or node.health.state is not State.UNKNOWN:
        return None
    functions = ", ".join(str((each.get("functionRef") or {}).get("name")) for each in _pipeline(node, known))
    what = f"Crossplane has not said anything of {node.reference} yet"
    evidence = (f"its pipeline calls {functions}" if functions else "it has no composition yet", node.health.message)
    remedy = "look again in a minute; if nothing has come, a function does not answer, or Crossplane does not run"
    following = _its_composition(node, known) if functions else steps.compositions()
    return Cause("not-reconciled", node.reference, what, evidence, remedy, following, 45)


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


_LOST_REVISION = re.compile(r'CompositionRevision\S* "(?P<name>[^"]+)" not found|no compatible CompositionRevisions')


def no_revision(node: Node, known: Circumstances) -> Cause | None:
    """Its composition is there, and the revision of it that is asked for is not."""
    found = _LOST_REVISION.search(failure(node, known, "Synced"))
    if "composite" not in node.categories or found is None:
        return None
    composition = _composition_name(node.obj or {})
    labels = (machinery(node.obj or {}).get("compositionRevisionSelector") or {}).get("matchLabels") or {}
    asked = f"the revision {found['name']}, which does not exist"
    remedy = f"pin it to a revision of {composition} that there is, or let it follow automatically"
    if not found["name"]:
        asked = f"a revision labelled {','.join(f'{key}={value}' for key, value in labels.items())}, and none is"
        remedy = f"label {composition} so, which makes a revision of it with these labels, or mend the selector"
    what = f"{node.reference} asks for {asked}"
    following = steps.revisions_of(composition)
    return Cause("no-revision", node.reference, what, (said(node, "Synced"),), remedy, following, 92)


_NAMESPACE = re.compile(r"spec\.resourceRefs\[\d+\]\.namespace: field not declared in schema")


def composes_namespaced(node: Node, known: Circumstances) -> Cause | None:
    """Crossplane 1.x keeps no namespace of what it composes; it says so of a schema that nobody has written."""
    text = message(node, "Synced")
    if "composite" not in node.categories or not _NAMESPACE.search(text):
        return None
    what = f"{node.reference} composes something that is in a namespace, which Crossplane 1.x cannot"
    remedy = "compose what is cluster-scoped, e.g. an Object of provider-kubernetes around it, or move to Crossplane 2"
    return Cause("composes-namespaced", node.reference, what, (text,), remedy, _its_composition(node, known), 60)


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
    return Cause("composing-failed", node.reference, what, evidence, remedy, _its_composition(node, known), weight)


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


RULES: tuple[Rule, ...] = (
    stranded,
    bound_otherwise,
    no_composition,
    function_missing,
    invalid_pipeline,
    pipeline_failed,
    never_ready,
    circuit_open,
    composed_kind_unserved,
    no_revision,
    composes_namespaced,
    composing_failed,
    not_reconciled,
)
