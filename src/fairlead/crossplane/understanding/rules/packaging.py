"""What keeps a platform API, a package or an operation from being well."""

import re

from fairlead.crossplane import operating, packages
from fairlead.crossplane.judging import State
from fairlead.crossplane.packaging import locking, upgrades
from fairlead.crossplane.references import Reference
from fairlead.crossplane.tracing import Node
from fairlead.crossplane.understanding import steps
from fairlead.crossplane.understanding.causes import Cause, Rule, health_of
from fairlead.crossplane.understanding.circumstances import Circumstances
from fairlead.machinery import conditions


def definition_failed(node: Node, known: Circumstances) -> Cause | None:
    warnings = known.warnings(node)
    failed = node.health.state is State.UNHEALTHY or (node.health.state is State.UNKNOWN and warnings)
    if node.reference.kind != "CompositeResourceDefinition" or not failed:
        return None
    what = f"{node.reference} offers nothing: Crossplane cannot make its CRDs"
    evidence = tuple(warnings[:3]) or (health_of(node),)
    following = steps.look_at(node.reference)
    return Cause("definition-failed", node.reference, what, evidence, "mend what the event names", following, 85)


def definition_inactive(node: Node, known: Circumstances) -> Cause | None:
    """Of a managed resource; asked about itself it is well, but nobody can use it."""
    spec = (node.obj or {}).get("spec") or {}
    if node.reference.kind != "ManagedResourceDefinition" or spec.get("state") == "Active":
        return None
    what = f"{node.reference} is not active, so that its kind is not served"
    remedy = "activate it, alone or by an activation policy; that cannot be taken back"
    following = steps.activate_definition(node.reference.name)
    return Cause("definition-inactive", node.reference, what, (health_of(node),), remedy, following, 85)


def _is_packaged(node: Node) -> bool:
    """And not well; what is not installed is told of by who needs it."""
    if packages.is_source(node.reference):
        return False
    return node.reference.api_version.startswith("pkg.crossplane.io/") and node.health.state is not State.HEALTHY


def not_activated(node: Node, known: Circumstances) -> Cause | None:
    status, spec = ((node.obj or {}).get(each) or {} for each in ("status", "spec"))
    waits = spec.get("revisionActivationPolicy") == "Manual" and node.status("Installed") != "True"
    if not _is_packaged(node) or not waits or not status.get("currentRevision"):
        return None
    what = f"{node.reference} has a new revision that nobody has activated; the old one is switched off already"
    current = str(status["currentRevision"])
    remedy = f"set spec.desiredState of {current} to Active"
    following = steps.activate_revision(node.reference, current)
    return Cause("not-activated", node.reference, what, (health_of(node),), remedy, following, 92)


_DEPENDENCY = re.compile(r"dependenc|constraint|incompatible", re.IGNORECASE)
_CONTROLLED = re.compile(r"already controlled by (?P<who>\w+ \S+)")


def conflict(node: Node, known: Circumstances) -> Cause | None:
    """Two packages that bring the same kinds."""
    warnings = known.warnings(node)
    found = next((each for each in map(_CONTROLLED.search, (health_of(node), *warnings)) if each), None)
    if found is None or not _is_packaged(node):
        return None
    evidence = (health_of(node), *warnings[:2])
    if former := upgrades.held_back(_owner(node).name, found[0]):
        what = f"{former} has not let go yet of what it and the new revision of {_owner(node)} both bring"
        remedy = "wait a minute: Crossplane tries again; if in vain, go back, wait for health, and upgrade again"
        return Cause("former-revision", node.reference, what, evidence, remedy, _package(node), 93)
    what = f"{node.reference} brings kinds that belong to {found['who']} already"
    remedy = "uninstall one of the two: a package is upgraded under its own name, not installed beside itself"
    return Cause("control-conflict", node.reference, what, evidence, remedy, _package(node), 93)


_TWICE = re.compile(r"node (?P<source>\S+) already exists")


def installed_twice(node: Node, known: Circumstances) -> Cause | None:
    """One source under two names: the graph of dependencies cannot be built, for any package."""
    resolved = conditions.get(known.lock, "Resolved") or {}
    said = (health_of(node), *known.warnings(node), str(resolved.get("message") or ""))
    found = next((each for each in map(_TWICE.search, said) if each), None)
    if found is None or not _is_packaged(node):
        return None
    what = f"the package {found['source']} is installed twice, and no dependency is resolved until one of the two goes"
    names = [
        str(each.get("name")) for each in known.lock.get("packages") or () if each.get("source") == found["source"]
    ]
    evidence = tuple(filter(None, (f"it is installed as {', '.join(names)}" if names else "", said[0])))
    following = steps.dependencies_of(_owner(node))
    return Cause("installed-twice", node.reference, what, evidence, "uninstall one of the two", following, 95)


def runtime_failed(node: Node, known: Circumstances) -> Cause | None:
    """The revision is installed, and what it runs does not run."""
    runtime = known.runtimes.get(node.reference.name) if node.reference.kind.endswith("Revision") else None
    if runtime is None or not _is_packaged(node) or not runtime.troubles:
        return None
    where, why = runtime.troubles[0]
    if not runtime.fails:
        what = f"{where}, which is to run {node.reference}, is on its way"
        following = steps.look_at(where)
        return Cause("runtime-starting", node.reference, what, (why,), "look again in a while", following, 72)
    what = f"{where}, which runs {node.reference}, is not well: {why.partition(':')[0]}"
    evidence = (*(f"{each}: {said}" for each, said in runtime.troubles[:3]), health_of(node))
    reason = why.partition(":")[0]
    remedy = _RUNTIME_REMEDIES.get(reason, "see its events and logs")
    following = steps.logs(where) if where == runtime.pod and reason in _PRINTED else steps.look_at(where)
    return Cause("runtime-failed", node.reference, what, evidence, remedy, following, 93)


_PRINTED = frozenset({"CrashLoopBackOff", "Error", "Running", "Failed"})
"""Of a container that has run."""
_RUNTIME_REMEDIES = {
    "CrashLoopBackOff": "see what it printed before it ended",
    "ErrImagePull": "see whether the image is there, and whether the pull secrets are right",
    "ImagePullBackOff": "see whether the image is there, and whether the pull secrets are right",
    "InvalidImageName": "mend the image in its runtime config",
    "CreateContainerConfigError": "see which Secret or ConfigMap its runtime config names in vain",
}


_ANOTHER = re.compile(r"package meta type is not (?P<kind>Provider|Configuration|Function)")
_CROSSPLANE = re.compile(r"incompatible Crossplane version: (?P<why>.+)")
_FETCHING = re.compile(r"cannot resolve|cannot unpack package")
"""As Crossplane says it since 2.2, and said it before."""
_UNFETCHED = (
    (
        re.compile(r"UNAUTHORIZED|DENIED|status code 40[13]"),
        "its registry does not let Crossplane in, or has no such package",
        "see the name; where it is right, give it a pull secret, by itself or by an ImageConfig",
    ),
    (
        re.compile(r"MANIFEST_UNKNOWN|NAME_UNKNOWN|status code 404"),
        "its registry has no such version",
        "see which tags there are, and upgrade or roll back to one of them",
    ),
    (
        re.compile(r"no such host|connection refused|i/o timeout|network is unreachable|x509|deadline exceeded"),
        "its registry cannot be reached",
        "see the name of the registry, and the way to it; an ImageConfig may send Crossplane to a mirror",
    ),
)
"""What a registry says, whose fault that is, and what mends it."""


def package_failed(node: Node, known: Circumstances) -> Cause | None:
    if not _is_packaged(node) or not_activated(node, known) is not None:
        return None
    warnings = known.warnings(node)
    if node.health.state is State.UNKNOWN and not warnings:
        return None
    told = " ".join((health_of(node), *warnings))
    found = next((each for each in map(_CROSSPLANE.search, (health_of(node), *warnings)) if each), None)
    if found is not None:
        what = f"{node.reference} is made for another Crossplane: {found['why']}"
        remedy = "take a version of it for this one, or set ignore_crossplane_constraints where you know better"
        return Cause("crossplane-version", node.reference, what, (health_of(node),), remedy, _package(node), 92)
    if other := _ANOTHER.search(told):
        what = f"the package of {node.reference} holds no {other['kind']}, but another kind of package"
        remedy = "uninstall it, and install it as what it is: a provider, configuration or function"
        return Cause("package-kind", node.reference, what, (health_of(node),), remedy, _package(node), 92)
    resolved = conditions.get(known.lock, "Resolved") or {}
    if _DEPENDENCY.search(told):
        what = f"the dependencies of {node.reference} cannot be resolved"
        evidence = tuple(filter(None, (str(resolved.get("message") or ""), health_of(node), *warnings[:2])))
        evidence += tuple(locking.conflicts(locking.entries(known.lock), _owner(node).name))
        following = steps.dependencies_of(_owner(node))
        return Cause("dependencies", node.reference, what, evidence, "see the constraints", following, 86)
    what = f"{node.reference} is not installed and healthy"
    remedy = "see what the event says of its image" if warnings else "see its revisions"
    for each, reason, mends in _UNFETCHED:
        if _FETCHING.search(told) and each.search(told):
            what, remedy = f"{node.reference} cannot be fetched: {reason}", mends
            break
    evidence = (health_of(node), *warnings[:3])
    return Cause("package-failed", node.reference, what, evidence, remedy, _package(node), 70 + node.depth)


def _owner(node: Node) -> Reference:
    """The package of a revision; itself, where it is one."""
    if not node.reference.kind.endswith("Revision"):
        return node.reference
    name = packages.owner(node.obj or {})
    kind = node.reference.kind.removesuffix("Revision")
    return Reference(node.reference.api_version, kind, name) if name else node.reference


def _package(node: Node) -> steps.Next:
    return steps.look_at(_owner(node))


def operation_failed(node: Node, known: Circumstances) -> Cause | None:
    if not node.reference.api_version.startswith("ops.crossplane.io/") or node.health.state is State.HEALTHY:
        return None
    what, remedy, following = _operation(node)
    evidence = (health_of(node), *known.warnings(node)[:3])
    return Cause("operation-failed", node.reference, what, evidence, remedy, following, 80)


def _operation(node: Node) -> tuple[str, str, steps.Next]:
    look, obj = steps.look_at(node.reference), node.obj or {}
    if node.health.state is State.UNKNOWN:
        return f"{node.reference} has not been taken up", "start Crossplane with --enable-operations", look
    if (conditions.get(obj, "Scheduling") or {}).get("reason") == "SchedulePaused":
        what = f"{node.reference} is paused no more, and its controller has not looked at it since it was"
        return what, "resume it so that it is looked at", steps.reconcile(node.reference, "resume")
    if node.reference.kind == "Operation" and not operating.is_over(obj):
        failures, most = operating.tries(obj)
        what = f"{node.reference} fails, and is tried again: {failures} failures of {most}"
        return what, "see what its functions say", look
    if node.reference.kind != "Operation":
        remedy = "mend what it names in its spec; what it runs are operations of their own"
        return f"{node.reference} runs nothing: {node.health.reason}", remedy, look
    return f"{node.reference} did not succeed", "mend what its events name, then run it anew: it never runs twice", look


RULES: tuple[Rule, ...] = (
    definition_failed,
    definition_inactive,
    not_activated,
    conflict,
    installed_twice,
    runtime_failed,
    package_failed,
    operation_failed,
)
