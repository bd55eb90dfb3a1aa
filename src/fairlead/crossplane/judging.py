"""How any object is, in one word: kinds of Crossplane by conditions that decide for them, native ones by their state.

Crossplane's own tools read `Ready` and `Synced` of everything, so that a package revision of 2.x is blank and a
Deployment that a composition made says nothing. Which conditions decide is known for each kind of Crossplane's; the
rest of the world is judged by its phase, its replicas or its `Ready`. Messages are never cut here.

Source: reference/crossplane.md §1, §5; sigs.k8s.io/cli-utils `pkg/kstatus`.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from fairlead.machinery import conditions

Object = Mapping[str, Any]
PAUSED = "crossplane.io/paused"


class State(Enum):
    HEALTHY = "healthy"
    PROGRESSING = "progressing"
    UNHEALTHY = "unhealthy"
    PAUSED = "paused"
    DELETING = "deleting"
    UNKNOWN = "unknown"
    """Nothing has said anything about it yet."""


@dataclass(frozen=True)
class Health:
    state: State
    reason: str = ""
    message: str = ""

    @property
    def is_trouble(self) -> bool:
        """Whether somebody should look: not for what is well, on its way or paused on purpose."""
        return self.state in (State.UNHEALTHY, State.UNKNOWN)


HEALTHY = Health(State.HEALTHY)
_PACKAGE = ("Installed", "Healthy")
_REVISION = ("Healthy", "RevisionHealthy", "RuntimeHealthy")
_COMPOSED = ("Synced", "LastAsyncOperation", "Responsive", "Ready")
_RECONCILED = frozenset({"claim", "composite", "managed"})
_DECIDING: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("apiextensions.crossplane.io", "CompositeResourceDefinition"): ("Established", "Offered"),
    ("apiextensions.crossplane.io", "CompositionRevision"): ("ValidPipeline",),
    ("apiextensions.crossplane.io", "ManagedResourceDefinition"): ("Established",),
    ("apiextensions.crossplane.io", "ManagedResourceActivationPolicy"): ("Healthy",),
    ("apiextensions.crossplane.io", "Usage"): ("Ready",),
    ("protection.crossplane.io", "Usage"): ("Ready",),
    ("protection.crossplane.io", "ClusterUsage"): ("Ready",),
    ("pkg.crossplane.io", "Provider"): _PACKAGE,
    ("pkg.crossplane.io", "Configuration"): _PACKAGE,
    ("pkg.crossplane.io", "Function"): _PACKAGE,
    ("pkg.crossplane.io", "ProviderRevision"): _REVISION,
    ("pkg.crossplane.io", "ConfigurationRevision"): _REVISION,
    ("pkg.crossplane.io", "FunctionRevision"): _REVISION,
    ("pkg.crossplane.io", "Lock"): ("Resolved",),
    ("ops.crossplane.io", "Operation"): ("Succeeded", "ValidPipeline", "Synced"),
    ("ops.crossplane.io", "CronOperation"): ("Scheduling", "Synced"),
    ("ops.crossplane.io", "WatchOperation"): ("Watching", "Synced"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): ("NamesAccepted", "Established"),
    ("apiregistration.k8s.io", "APIService"): ("Available",),
}
"""The conditions by which a kind is judged; those that it does not carry are passed over."""
_SILENT = frozenset({"CompositionRevision"})
"""Of which Crossplane 1.x says nothing as long as they are well."""

_UNDER_WAY = frozenset(
    {
        "AwaitingActivation",
        "Creating",
        "InactiveManagedResource",
        "PendingManagedResource",
        "PipelineRunning",
        "UnpackingPackage",
        "UnknownPackageRevisionHealth",
        "Waiting",
    }
)
"""Reasons of a condition that is not true yet, and is expected to be."""

# Kinds without a controller that would say anything, and native ones that are well by being there.
_STATUSLESS_GROUPS = frozenset({"", "rbac.authorization.k8s.io", "policy", "networking.k8s.io", "discovery.k8s.io"})
_STATUSLESS = frozenset({"Composition", "EnvironmentConfig", "DeploymentRuntimeConfig", "ImageConfig", "StoreConfig"})


def is_paused(obj: Object) -> bool:
    """By its annotation, whose value Crossplane compares to the letter: `True` pauses nothing."""
    return bool(((obj.get("metadata") or {}).get("annotations") or {}).get(PAUSED) == "true")


def judge(obj: Object, categories: Collection[str] = ()) -> Health:
    """Of one object as the API server shows it; `categories` of its kind tell claims, composites and managed apart."""
    metadata = obj.get("metadata") or {}
    if metadata.get("deletionTimestamp"):
        held = ", ".join(metadata.get("finalizers") or ()) or "no finalizer"
        return Health(State.DELETING, "Deleting", f"since {metadata['deletionTimestamp']}, held by {held}")
    if is_paused(obj):
        return Health(State.PAUSED, "ReconcilePaused", f"the annotation {PAUSED} stops it; deletion waits too")
    if (obj.get("spec") or {}).get("managementPolicies") == []:
        return Health(State.PAUSED, "ReconcilePaused", "its empty managementPolicies stop it; deletion waits too")
    group, kind = str(obj.get("apiVersion", "")).rpartition("/")[0], str(obj.get("kind", ""))
    native = _NATIVE.get((group, kind))
    if native is not None:
        return native(obj)
    deciding = _DECIDING.get((group, kind))
    if deciding is not None:
        return _decided(obj, deciding, expected=kind not in _SILENT)
    if kind in _STATUSLESS or (group in _STATUSLESS_GROUPS and not conditions.conditions(obj)):
        return HEALTHY
    carried = {each.get("type") for each in conditions.conditions(obj)}
    if carried & {"Synced", "Ready"} or not _RECONCILED.isdisjoint(categories):
        return _decided(obj, _COMPOSED, expected=True)
    return _decided(obj, _POSITIVE, expected=False)


_POSITIVE = ("Ready", "Available", "Healthy", "Established", "Accepted", "Complete", "Succeeded")


def _decided(obj: Object, kinds: tuple[str, ...], *, expected: bool) -> Health:
    """The first that is against it; `expected` says that nothing at all means that nobody has looked yet."""
    found = [each for each in (conditions.get(obj, kind) for kind in kinds) if each is not None]
    found = [each for each in found if not _is_left_over(obj, each)]
    if not found:
        said = "no condition says anything yet; its events may say why"
        return Health(State.UNKNOWN, "NoConditions", said) if expected else HEALTHY
    generation = (obj.get("metadata") or {}).get("generation") or 0
    against = sorted((each for each in found if each.get("status") != "True"), key=_is_under_way)
    for each in against:
        state = State.PROGRESSING if _is_under_way(each) else State.UNHEALTHY
        return Health(state, _reason(each), str(each.get("message") or ""))
    if any(generation > each["observedGeneration"] for each in found if _is_dated(each)):
        return Health(State.PROGRESSING, "StaleConditions", "its conditions speak of an earlier generation")
    if kinds is _COMPOSED and expected and found[-1].get("type") != "Ready":
        return Health(State.PROGRESSING, "not Ready", "nothing says yet whether it is ready")
    return Health(State.HEALTHY, str(found[-1].get("reason") or ""))


def _is_dated(condition: Object) -> bool:
    """`Responsive` is not written anew with every reconcile (seen on Crossplane 2.3)."""
    return bool(condition.get("observedGeneration")) and condition.get("type") != "Responsive"


def _is_left_over(obj: Object, condition: Object) -> bool:
    """A cron operation that goes on after a pause says so in `Scheduling`; `Synced` it writes with its next run."""
    late = obj.get("kind") == "CronOperation" and condition.get("type") == "Synced"
    return late and condition.get("reason") == "ReconcilePaused"


def _is_under_way(condition: Object) -> bool:
    return condition.get("status") == "Unknown" or condition.get("reason") in _UNDER_WAY


def _reason(condition: Object) -> str:
    kind, reason = str(condition.get("type")), str(condition.get("reason") or "")
    return f"{kind}: {reason}" if reason else f"not {kind}"


# -- Native kinds ------------------------------------------------------------------------------------------------------


def _behind(obj: Object) -> bool:
    seen = (obj.get("status") or {}).get("observedGeneration")
    return seen is not None and seen < ((obj.get("metadata") or {}).get("generation") or 0)


def _replicated(wanted: str, *counted: str) -> Callable[[Object], Health]:
    def judged(obj: Object) -> Health:
        spec, status = obj.get("spec") or {}, obj.get("status") or {}
        if _behind(obj):
            return Health(State.PROGRESSING, "StaleStatus", "its controller has not seen the last change")
        progressing = conditions.get(obj, "Progressing") or {}
        if progressing.get("status") == "False":
            return Health(State.UNHEALTHY, str(progressing.get("reason") or ""), str(progressing.get("message") or ""))
        aim = status.get(wanted) if wanted.startswith("desired") else spec.get(wanted, 1)
        short = [f"{status.get(each) or 0} of {aim} {each}" for each in counted if (status.get(each) or 0) < (aim or 0)]
        return Health(State.PROGRESSING, "Replicas", ", ".join(short)) if short else HEALTHY

    return judged


def _job(obj: Object) -> Health:
    failed = conditions.get(obj, "Failed") or {}
    if failed.get("status") == "True":
        return Health(State.UNHEALTHY, str(failed.get("reason") or "Failed"), str(failed.get("message") or ""))
    return HEALTHY if conditions.is_true(obj, "Complete") else Health(State.PROGRESSING, "Running")


def _pod(obj: Object) -> Health:
    status = obj.get("status") or {}
    phase = status.get("phase")
    if phase == "Succeeded" or conditions.is_true(obj, "Ready"):
        return HEALTHY
    for each in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting = (each.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            return Health(
                State.UNHEALTHY, str(waiting["reason"]), f"{each.get('name')}: {waiting.get('message') or ''}"
            )
    if phase == "Failed":
        return Health(State.UNHEALTHY, str(status.get("reason") or "Failed"), str(status.get("message") or ""))
    scheduled = conditions.get(obj, "PodScheduled") or {}
    if scheduled.get("status") == "False":
        return Health(State.UNHEALTHY, str(scheduled.get("reason") or ""), str(scheduled.get("message") or ""))
    return Health(State.PROGRESSING, str(phase or "Pending"))


def _service(obj: Object) -> Health:
    waits = (obj.get("spec") or {}).get("type") == "LoadBalancer" and not (
        ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress")
    )
    return Health(State.PROGRESSING, "LoadBalancerPending", "it has no address yet") if waits else HEALTHY


def _bound(obj: Object) -> Health:
    phase = (obj.get("status") or {}).get("phase")
    states = {"Bound": State.HEALTHY, "Available": State.HEALTHY, "Lost": State.UNHEALTHY, "Failed": State.UNHEALTHY}
    return Health(states.get(str(phase), State.PROGRESSING), str(phase or "Pending"))


def _namespace(obj: Object) -> Health:
    phase = (obj.get("status") or {}).get("phase", "Active")
    return HEALTHY if phase == "Active" else Health(State.DELETING, str(phase))


_NATIVE: Mapping[tuple[str, str], Callable[[Object], Health]] = {
    ("apps", "Deployment"): _replicated("replicas", "updatedReplicas", "availableReplicas"),
    ("apps", "StatefulSet"): _replicated("replicas", "readyReplicas"),
    ("apps", "ReplicaSet"): _replicated("replicas", "readyReplicas"),
    ("apps", "DaemonSet"): _replicated("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable"),
    ("batch", "Job"): _job,
    ("", "Pod"): _pod,
    ("", "Service"): _service,
    ("", "PersistentVolumeClaim"): _bound,
    ("", "PersistentVolume"): _bound,
    ("", "Namespace"): _namespace,
}
