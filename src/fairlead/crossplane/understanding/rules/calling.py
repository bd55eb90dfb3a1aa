"""The functions that a pipeline calls: not installed, not able, not reached, failing, or silent on what is ready."""

import re

from fairlead.crossplane import packages
from fairlead.crossplane.judging import State
from fairlead.crossplane.references import Reference, machinery
from fairlead.crossplane.tracing import Node
from fairlead.crossplane.understanding import steps
from fairlead.crossplane.understanding.causes import Cause, Rule, could_read, failure, health_of, said
from fairlead.crossplane.understanding.circumstances import Circumstances
from fairlead.crossplane.understanding.rules import compositions
from fairlead.machinery import conditions


def function_missing(node: Node, known: Circumstances) -> Cause | None:
    calls = "composite" in node.categories or node.reference.kind == "Operation"
    if not calls or node.health.state is State.HEALTHY or not could_read(known, "FunctionRevision"):
        return None
    active = packages.active(known.function_revisions)
    for each in compositions.pipeline(node, known):
        name = str((each.get("functionRef") or {}).get("name"))
        if name in active:
            continue
        step = f"the step {each.get('step')} of the pipeline of {node.reference}"
        what = f"{step} calls the function {name}, which has no active revision"
        installed = [one for one in known.functions if one["metadata"]["name"] == name]
        remedy = (
            "see why it is not healthy" if installed else f"install the function {name}, or mend the step's functionRef"
        )
        following = (
            compositions.following(node, known) if "composite" in node.categories else steps.look_at(node.reference)
        )
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
    return Cause("invalid-pipeline", node.reference, what, evidence, remedy, compositions.following(node, known), 92)


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
            following or compositions.following(node, known),
            91,
        )
    what = f"the step {found['step']} of the pipeline of {node.reference} fails"
    remedy = "mend the step's input, or the function"
    return Cause("pipeline-failed", node.reference, what, evidence, remedy, compositions.following(node, known), 90)


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
    functions = compositions.functions(node, known)
    what = f"all that {node.reference} is made of is well, but no function of its pipeline says that it is ready"
    remedy = "add a step with function-auto-ready at the end, or have the function set ready"
    evidence = (said(node, "Ready"), f"pipeline: {', '.join(functions)}")
    return Cause("never-ready", node.reference, what, evidence, remedy, compositions.following(node, known), 80)


def not_reconciled(node: Node, known: Circumstances) -> Cause | None:
    """A function that does not answer holds up the first look for minutes, in which nothing is said anywhere."""
    if "composite" not in node.categories or node.obj is None or node.health.state is not State.UNKNOWN:
        return None
    functions = ", ".join(
        str((each.get("functionRef") or {}).get("name")) for each in compositions.pipeline(node, known)
    )
    what = f"Crossplane has not said anything of {node.reference} yet"
    evidence = (f"its pipeline calls {functions}" if functions else "it has no composition yet", node.health.message)
    remedy = "look again in a minute; if nothing has come, a function does not answer, or Crossplane does not run"
    following = compositions.following(node, known) if functions else steps.compositions()
    return Cause("not-reconciled", node.reference, what, evidence, remedy, following, 45)


RULES: tuple[Rule, ...] = (function_missing, invalid_pipeline, pipeline_failed, never_ready, not_reconciled)
