"""Why an object is not well: each rule looks for one known cause, and says what shows it and what to do next.

Rules are kept apart because they are what grows: each is one function from a node and its circumstances to at most one
cause, and knows nothing of the others. Which cause is the root is decided by weight alone: what stops everything above
it weighs more than what is only the echo of something below.

Source: reference/crossplane.md §1 (conditions and reasons), §7 (what users are stopped by).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fairlead.crossplane import packages
from fairlead.crossplane.circumstances import Circumstances, provider_of
from fairlead.crossplane.judging import State, judge
from fairlead.crossplane.references import Reference, machinery
from fairlead.crossplane.tracing import Node
from fairlead.machinery import conditions

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """What to call next, in the words of the tools."""

    tool: str
    arguments: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"{self.tool} {' '.join(f'{key}={value}' for key, value in self.arguments)}".rstrip()


@dataclass(frozen=True)
class Cause:
    name: str
    """Of the rule, for programs."""
    about: Reference
    what: str
    """One sentence."""
    evidence: tuple[str, ...]
    remedy: str
    next: Step | None
    weight: int


Rule = Callable[[Node, Circumstances], Cause | None]


def look_at(reference: Reference, tool: str = "resources_get") -> Step:
    given = [("kind", reference.kind), ("api_version", reference.api_version), ("name", reference.name)]
    given += [("namespace", reference.namespace)] if reference.namespace else []
    return Step(tool, tuple(given))


def _said(node: Node, kind: str) -> str:
    found = conditions.get(node.obj or {}, kind) or {}
    said = ": ".join(str(found[key]) for key in ("reason", "message") if found.get(key))
    return f"{kind} is {found.get('status')}: {said}" if found else f"it has no condition {kind}"


def _message(node: Node, *kinds: str) -> str:
    found = (conditions.get(node.obj or {}, each) or {} for each in kinds)
    return " ".join(str(each.get("message") or "") for each in found if each.get("status") != "True")


# -- Any object --------------------------------------------------------------------------------------------------------


def paused(node: Node, known: Circumstances) -> Cause | None:
    if node.health.state is not State.PAUSED:
        return None
    return Cause(
        "paused",
        node.reference,
        f"{node.reference} is paused by an annotation, so nothing happens to it, deletion included",
        ("metadata.annotations: crossplane.io/paused: true",),
        "remove the annotation once the reason for it is gone",
        look_at(node.reference),
        85,
    )


def unreadable(node: Node, known: Circumstances) -> Cause | None:
    if node.obj is not None or node.health.state is State.HEALTHY:
        return None
    plain = node.health.message
    if node.health.reason == "UnknownKindError":
        inactive = _inactive_definition(node, known)
        remedy = f"activate {inactive}" if inactive else "install or repair the provider that brings this kind"
        what = f"the server does not serve {node.reference.kind} of {node.reference.api_version}"
        what += f": its definition {inactive} is not active" if inactive else ""
        name = "definition-inactive" if inactive else "kind-not-served"
        return Cause(name, node.reference, what, (plain,), remedy, Step("resources_list", (("kind", "providers"),)), 90)
    what = f"{node.reference} is listed by what composes it, and cannot be read"
    return Cause("unreadable", node.reference, what, (plain,), "see whether it was deleted by hand", None, 70)


def _inactive_definition(node: Node, known: Circumstances) -> str:
    group = node.reference.api_version.rpartition("/")[0]
    for each in known.definitions:
        spec = each.get("spec") or {}
        named = (spec.get("names") or {}).get("kind") == node.reference.kind
        if spec.get("group") == group and named and spec.get("state") != "Active":
            return str(each["metadata"]["name"])
    return ""


def held(node: Node, known: Circumstances) -> Cause | None:
    """A deletion that waits."""
    if node.health.state is not State.DELETING or node.obj is None:
        return None
    blocking = known.protecting(node)
    if blocking:
        names = ", ".join(f"{each['kind']} {each['metadata']['name']}" for each in blocking)
        what = f"{node.reference} cannot go: it is in use"
        return Cause("in-use", node.reference, what, (names,), "delete what uses it first", None, 95)
    finalizers = [str(each) for each in node.obj["metadata"].get("finalizers") or ()]
    removers = tuple(f"{each}: {FINALIZERS.get(each, 'whoever put it there removes it')}" for each in finalizers)
    warnings = tuple(known.warnings(node)[:2])
    what = f"{node.reference} is being deleted and waits for {', '.join(finalizers) or 'its collector'}"
    remedy = "see why whoever has to remove the finalizer does not; taking it off by hand leaks what it guards"
    return Cause("held", node.reference, what, removers + warnings, remedy, look_at(node.reference), 60 + node.depth)


FINALIZERS = {
    "finalizer.apiextensions.crossplane.io": "the claim controller, when its composite is gone",
    "composite.apiextensions.crossplane.io": "the composite controller, at once",
    "finalizer.managedresource.crossplane.io": "the provider, when the external resource is gone",
    "in-use.crossplane.io": "the provider, when no managed resource uses the config",
    "usage.apiextensions.crossplane.io": "the usage controller, when the using resource is gone",
    "revision.pkg.crossplane.io": "the package manager, when the revision's objects are given up",
    "watchoperation.ops.crossplane.io": "the operation controller, when it watches no more",
    "defined.apiextensions.crossplane.io": "the definition controller, when every composite is gone",
    "offered.apiextensions.crossplane.io": "the offering controller, when every claim is gone",
    "customresourcecleanup.apiextensions.k8s.io": "the API server, when every object of the kind is gone",
    "foregroundDeletion": "the garbage collector, when what it owns is gone",
}


# -- Composites --------------------------------------------------------------------------------------------------------


def no_composition(node: Node, known: Circumstances) -> Cause | None:
    if "composite" not in node.categories or node.obj is None or node.health.state is State.HEALTHY:
        return None
    wanted = _composition_name(node.obj)
    names = {each["metadata"]["name"] for each in known.compositions}
    own = [each["metadata"]["name"] for each in known.compositions if _composes(each, node.reference)]
    said = [each for each in known.warnings(node) if "omposition" in each][:2]
    evidence = (_said(node, "Synced"), *said)
    if wanted and wanted not in names:
        what = f"{node.reference} asks for the composition {wanted}, which does not exist"
        there = f"for this kind there are: {', '.join(own)}" if own else "there is none for this kind either"
        return Cause("composition-missing", node.reference, what, evidence, there, _list("compositions"), 95)
    if wanted:
        return None
    if not own:
        what = f"no composition is for {node.reference.kind} of {node.reference.api_version}"
        remedy = "create one whose compositeTypeRef names this kind in its referenceable version"
        return Cause("no-composition", node.reference, what, evidence, remedy, _list("compositions"), 95)
    selector = (machinery(node.obj).get("compositionSelector") or {}).get("matchLabels")
    if selector:
        what = f"no composition for {node.reference.kind} has the labels that {node.reference} selects by"
        wants = ",".join(f"{key}={value}" for key, value in selector.items())
        remedy = f"label one of {', '.join(own)} so, or change the selector"
        return Cause("no-match", node.reference, what, (f"it selects {wants}", *evidence), remedy, None, 95)
    return None


def _composition_name(obj: Object) -> str:
    return str((machinery(obj).get("compositionRef") or {}).get("name") or "")


def _composes(composition: Object, reference: Reference) -> bool:
    kind = (composition.get("spec") or {}).get("compositeTypeRef") or {}
    return (kind.get("apiVersion"), kind.get("kind")) == (reference.api_version, reference.kind)


def _list(kind: str) -> Step:
    return Step("resources_list", (("kind", f"{kind}"),))


def _pipeline(node: Node, known: Circumstances) -> list[Object]:
    """Of the revision that the composite uses, or else of its composition."""
    revision = (machinery(node.obj or {}).get("compositionRevisionRef") or {}).get("name")
    named = [each for each in known.revisions if each["metadata"]["name"] == revision]
    wanted = _composition_name(node.obj or {})
    named += [each for each in known.compositions if each["metadata"]["name"] == wanted]
    return list((named[0].get("spec") or {}).get("pipeline") or ()) if named else []


def function_missing(node: Node, known: Circumstances) -> Cause | None:
    if "composite" not in node.categories or node.health.state is State.HEALTHY:
        return None
    active = packages.active(known.function_revisions)
    for each in _pipeline(node, known):
        name = str((each.get("functionRef") or {}).get("name"))
        if name in active:
            continue
        what = f"the step {each.get('step')} of the pipeline calls the function {name}, which has no active revision"
        installed = [one for one in known.functions if one["metadata"]["name"] == name]
        remedy = (
            "see why it is not healthy" if installed else f"install the function {name}, or mend the step's functionRef"
        )
        evidence = (_said(node, "Synced"), *known.warnings(node)[:1])
        return Cause("function-missing", node.reference, what, evidence, remedy, _list("functions"), 93)
    return None


def invalid_pipeline(node: Node, known: Circumstances) -> Cause | None:
    name = (machinery(node.obj or {}).get("compositionRevisionRef") or {}).get("name")
    revision = next((each for each in known.revisions if each["metadata"]["name"] == name), {})
    found = conditions.get(revision, "ValidPipeline") or {}
    if found.get("status") != "False":
        return None
    what = f"the pipeline of {name} cannot run: {found.get('reason')}"
    remedy = "use functions that have the capability `composition`"
    return Cause("invalid-pipeline", node.reference, what, (str(found.get("message")),), remedy, None, 92)


_FAILED_STEP = re.compile(r'pipeline step "(?P<step>[^"]+)"(?P<rest>.*)', re.DOTALL)


def pipeline_failed(node: Node, known: Circumstances) -> Cause | None:
    if "composite" not in node.categories:
        return None
    said = _message(node, "Synced")
    found = next((each for each in map(_FAILED_STEP.search, (said, *known.warnings(node))) if each), None)
    if found is None:
        return None
    what = f"the step {found['step']} of the pipeline of {node.reference} fails"
    evidence = (" ".join(found["rest"].lstrip(": ").split()), *known.warnings(node)[:1])
    return Cause("pipeline-failed", node.reference, what, evidence, "mend the step's input, or the function", None, 90)


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
    return Cause(
        "never-ready",
        node.reference,
        what,
        (_said(node, "Ready"), f"pipeline: {', '.join(functions)}"),
        remedy,
        None,
        80,
    )


def circuit_open(node: Node, known: Circumstances) -> Cause | None:
    found = conditions.get(node.obj or {}, "Responsive") or {}
    if found.get("status") != "False":
        return None
    what = f"{node.reference} is reconciled no more for now: something changes it without end"
    return Cause("circuit-open", node.reference, what, (_said(node, "Responsive"),), "stop what changes it", None, 88)


def composing_failed(node: Node, known: Circumstances) -> Cause | None:
    """Whatever else keeps a composite from being synced, in Crossplane's own words."""
    synced = conditions.get(node.obj or {}, "Synced") or {}
    if "composite" not in node.categories or synced.get("status") != "False":
        return None
    what = f"{node.reference} cannot be composed"
    evidence = (_said(node, "Synced"), *known.warnings(node)[:2])
    return Cause("composing-failed", node.reference, what, evidence, "see what the message names", None, 50)


# -- Managed resources -------------------------------------------------------------------------------------------------

_PENDING, _SUCCEEDED, _FAILED = (f"crossplane.io/external-create-{each}" for each in ("pending", "succeeded", "failed"))


def creation_unknown(node: Node, known: Circumstances) -> Cause | None:
    annotations = ((node.obj or {}).get("metadata") or {}).get("annotations") or {}
    pending = annotations.get(_PENDING, "")
    if not pending or pending <= max(annotations.get(_SUCCEEDED, ""), annotations.get(_FAILED, "")):
        return None
    external = annotations.get("crossplane.io/external-name", "none")
    what = (
        f"the provider does not know whether it has created {node.reference}, and has stopped so as not to do it twice"
    )
    evidence = (f"{_PENDING}: {pending}", f"external name: {external}")
    remedy = (
        f"look in the cloud; if it is not there, or its external name is set right, remove the annotation {_PENDING}"
    )
    return Cause("creation-unknown", node.reference, what, evidence, remedy, look_at(node.reference), 92)


def no_controller(node: Node, known: Circumstances) -> Cause | None:
    if "managed" not in node.categories or node.obj is None:
        return None
    provider = provider_of(known, node.reference)
    if provider is not None and (health := judge(provider)).state is not State.HEALTHY:
        name = provider["metadata"]["name"]
        what = f"the provider {name}, which looks after {node.reference}, is not well"
        step = Step("diagnose_resource", (("kind", "Provider"), ("name", name)))
        return Cause(
            "provider-unwell",
            node.reference,
            what,
            (f"{health.reason}: {health.message}",),
            "mend the provider first",
            step,
            94,
        )
    if node.health.state is State.UNKNOWN and provider is None:
        what = f"nobody looks after {node.reference}: no provider's package has brought its kind"
        evidence = (f"{node.health.reason}: {node.health.message}",)
        return Cause("no-provider", node.reference, what, evidence, "install the provider", _list("providers"), 90)
    return None


_CONFIG = re.compile(
    r"(cannot get (referenced )?(Cluster)?Provider ?Config|(Cluster)?ProviderConfig[^:]*not found)", re.IGNORECASE
)
_CREDENTIALS = re.compile(
    r"credential|unauthori[sz]ed|forbidden|access ?denied|invalid_grant|expired ?token", re.IGNORECASE
)


def managed_failed(node: Node, known: Circumstances) -> Cause | None:
    if "managed" not in node.categories or node.health.state is not State.UNHEALTHY:
        return None
    said = " ".join((_message(node, "Synced", "LastAsyncOperation", "Ready"), *known.warnings(node)[:3]))
    evidence = tuple(_said(node, each) for each in ("Synced", "Ready") if node.status(each) != "-")
    evidence += tuple(known.warnings(node)[:2])
    if _CONFIG.search(said):
        what = f"the provider config of {node.reference} is not there"
        return Cause("provider-config", node.reference, what, evidence, "create it, or name another one", None, 89)
    if _CREDENTIALS.search(said):
        what = f"the provider is not allowed to do what {node.reference} needs"
        remedy = "see the credentials that its provider config names, and their rights"
        return Cause("credentials", node.reference, what, evidence, remedy, None, 88)
    what = f"{node.reference} cannot be brought to what it should be"
    return Cause(
        "managed-failed", node.reference, what, evidence, "see what the provider says", look_at(node.reference), 75
    )


# -- Definitions and packages ------------------------------------------------------------------------------------------


def definition_failed(node: Node, known: Circumstances) -> Cause | None:
    if node.reference.kind != "CompositeResourceDefinition" or node.health.state is State.HEALTHY:
        return None
    warnings = known.warnings(node)
    what = f"{node.reference} offers nothing: Crossplane cannot make its CRDs"
    evidence = tuple(warnings[:3]) or (f"{node.health.reason}: {node.health.message}",)
    return Cause("definition-failed", node.reference, what, evidence, "mend what the event names", None, 85)


_DEPENDENCY = re.compile(r"dependenc|constraint|incompatible", re.IGNORECASE)


def package_failed(node: Node, known: Circumstances) -> Cause | None:
    if not node.reference.api_version.startswith("pkg.crossplane.io/") or node.health.state is State.HEALTHY:
        return None
    obj = node.obj or {}
    status, spec = obj.get("status") or {}, obj.get("spec") or {}
    warnings = known.warnings(node)
    said = f"{node.health.reason}: {node.health.message}"
    if (
        spec.get("revisionActivationPolicy") == "Manual"
        and node.status("Installed") != "True"
        and status.get("currentRevision")
    ):
        what = f"{node.reference} has a new revision that nobody has activated; the old one is switched off already"
        remedy = f"set spec.desiredState of {status['currentRevision']} to Active"
        return Cause("not-activated", node.reference, what, (said,), remedy, None, 92)
    resolved = conditions.get(known.lock, "Resolved") or {}
    if resolved.get("status") == "False" or _DEPENDENCY.search(" ".join((said, *warnings))):
        what = f"the dependencies of {node.reference} cannot be resolved"
        evidence = (str(resolved.get("message") or ""), said, *warnings[:2])
        return Cause(
            "dependencies", node.reference, what, tuple(filter(None, evidence)), "see the constraints", None, 86
        )
    what = f"{node.reference} is not installed and healthy"
    remedy = "see what the event says of its image" if warnings else "see its revisions"
    return Cause("package-failed", node.reference, what, (said, *warnings[:3]), remedy, None, 70 + node.depth)


def operation_failed(node: Node, known: Circumstances) -> Cause | None:
    if not node.reference.api_version.startswith("ops.crossplane.io/") or node.health.state is State.HEALTHY:
        return None
    said = f"{node.health.reason}: {node.health.message}"
    unheard = node.health.state is State.UNKNOWN
    what = f"{node.reference} has not been taken up" if unheard else f"{node.reference} did not succeed"
    remedy = (
        "start Crossplane with --enable-operations"
        if unheard
        else "see its events, then make a new one: it never runs twice"
    )
    return Cause("operation-failed", node.reference, what, (said, *known.warnings(node)[:3]), remedy, None, 80)


def native_failed(node: Node, known: Circumstances) -> Cause | None:
    if node.categories and not {"claim", "composite", "managed"}.isdisjoint(node.categories):
        return None
    if node.health.state is not State.UNHEALTHY or "crossplane.io/" in node.reference.api_version:
        return None
    what = f"{node.reference} is not well: {node.health.reason}"
    evidence = tuple(filter(None, (node.health.message, *known.warnings(node)[:2])))
    return Cause(
        "native-failed", node.reference, what, evidence, "see its events and logs", look_at(node.reference), 78
    )


RULES: tuple[Rule, ...] = (
    paused,
    unreadable,
    held,
    no_composition,
    function_missing,
    invalid_pipeline,
    pipeline_failed,
    never_ready,
    circuit_open,
    composing_failed,
    creation_unknown,
    no_controller,
    managed_failed,
    definition_failed,
    package_failed,
    operation_failed,
    native_failed,
)
