"""Who looks after an object when it is told to pause, to go on, or to be looked at now; and what proves that it was.

Crossplane is told by annotations, and an annotation that nobody reads is the worst answer: it looks like a pause and
is none. So the kinds whose controllers heed it are known here, and for each what it leaves behind as a proof. A claim
hands its annotations on to its composite, whose event then speaks for both. A cron operation is looked at only when its
spec changes or a run is due: paused, the next run finds out; resumed, nobody would ever look at it again, so its spec
is touched and put back.

Source: reference/crossplane.md §1.8; Crossplane 2.3.4, `internal/controller` (who asks `IsPaused`, and predicates).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fairlead.crossplane.judging import PAUSED, is_paused
from fairlead.crossplane.references import Reference
from fairlead.crossplane.tracing import Node, Trace
from fairlead.machinery import conditions
from fairlead.machinery.errors import FairleadError
from fairlead.resources.reading import Query, Reader

Object = Mapping[str, Any]
PAUSE, RESUME, NOW = "pause", "resume", "now"
ACTIONS = (PAUSE, RESUME, NOW)
REQUESTED = "crossplane.io/reconcile-requested-at"
HANDLED = "ReconcileRequestHandled"
PAUSED_EVENT = "ReconciliationPaused"
_PAUSED_REASONS = frozenset({"ReconcilePaused", "SchedulePaused", "WatchPaused"})
_MADE = frozenset({"claim", "composite", "managed"})
_EXTENSIONS, _PACKAGES = "apiextensions.crossplane.io", "pkg.crossplane.io"
_OPERATIONS, _PROTECTION = "ops.crossplane.io", "protection.crossplane.io"
_PACKAGE_KINDS = ("Provider", "Configuration", "Function")
_QUIET = frozenset({(_EXTENSIONS, "ManagedResourceDefinition"), (_EXTENSIONS, "ManagedResourceActivationPolicy")})
"""They say that they are paused in an event alone."""
CRON = (_OPERATIONS, "CronOperation")
_PAUSABLE = (
    _QUIET
    | {(_PACKAGES, f"{kind}{suffix}") for kind in _PACKAGE_KINDS for suffix in ("", "Revision")}
    | {CRON, (_OPERATIONS, "WatchOperation")}
)
_LOOKED_AFTER = _PAUSABLE | {
    (_EXTENSIONS, "CompositeResourceDefinition"),
    (_EXTENSIONS, "CompositionRevision"),
    (_EXTENSIONS, "Usage"),
    (_PROTECTION, "Usage"),
    (_PROTECTION, "ClusterUsage"),
    (_PACKAGES, "Lock"),
}
_INSTEAD = {
    (_EXTENSIONS, "Composition"): "pin composites to a revision (compositionUpdatePolicy Manual) to hold a change back",
    (_EXTENSIONS, "CompositeResourceDefinition"): "pause the claims and composites that it makes",
    (_OPERATIONS, "Operation"): "an operation runs once; rerun_operation runs it again, delete_operation ends it",
    (_PROTECTION, "Usage"): "delete_usage ends its protection",
    (_PROTECTION, "ClusterUsage"): "delete_usage ends its protection",
    (_EXTENSIONS, "Usage"): "delete_usage ends its protection",
}


class UnheardError(FairleadError):
    """Nobody would heed it."""


def _key(obj: Object) -> tuple[str, str]:
    return str(obj.get("apiVersion", "")).rpartition("/")[0], str(obj.get("kind", ""))


def is_cron(obj: Object) -> bool:
    return _key(obj) == CRON


def heeds(obj: Object, categories: Collection[str], action: str) -> bool:
    if not _MADE.isdisjoint(categories):
        return True
    return _key(obj) in (_LOOKED_AFTER if action == NOW else _PAUSABLE) and not (action == NOW and is_cron(obj))


def check(obj: Object, categories: Collection[str], action: str) -> None:
    """Raises `UnheardError` where it would change nothing."""
    kind = str(obj.get("kind"))
    if not heeds(obj, categories, action):
        if is_cron(obj):
            remedy = "rerun_operation type=cron runs its pipeline now"
            raise UnheardError("a CronOperation is reconciled when a run is due, not on request", "", remedy)
        what = f"nobody {'reconciles' if action == NOW else 'pauses'} a {kind} by an annotation"
        known = _key(obj)[0] in (_EXTENSIONS, _PACKAGES, _OPERATIONS, _PROTECTION)
        why = "" if known else "it is no claim, composite, managed resource or kind of Crossplane's own"
        raise UnheardError(what, why, _INSTEAD.get(_key(obj), "do so to what owns it"))
    if action == NOW and is_paused(obj):
        raise UnheardError(f"the {kind} is paused, so it would not be reconciled", "", "resume it first")


def patch(action: str, token: str) -> dict[str, Any]:
    """The merge patch; `token` has to be another one each time."""
    wanted: dict[str, Any] = {PAUSED: "true"} if action == PAUSE else {PAUSED: None}
    return {"metadata": {"annotations": {REQUESTED: token} if action == NOW else wanted}}


def below(trace: Trace, action: str) -> tuple[list[Node], list[str]]:
    """What of a tree heeds it, and why something is left out.

    Of a package these are its revisions: what it depends on serves others too.
    """
    package = _key(trace.root.obj or {}) in {(_PACKAGES, kind) for kind in _PACKAGE_KINDS}
    found, left = list[Node](), list[str]()
    for node in trace.nodes[1:]:
        if package and not (node.depth == 1 and node.reference.kind == f"{trace.root.reference.kind}Revision"):
            continue
        if node.obj is None:
            left += [f"{node.reference} cannot be read and is left as it is"] if node.reference.kind != "Secret" else []
        elif action == NOW and heeds(node.obj, node.categories, action) and is_paused(node.obj):
            left.append(f"{node.reference} is paused and stays so")
        elif heeds(node.obj, node.categories, action) and not _is_so(node.obj, action):
            found.append(node)
    left += [f"{node.reference}: {node.cut}" for node in trace.nodes if node.cut]
    return found, left


def _is_so(obj: Object, action: str) -> bool:
    return action != NOW and is_paused(obj) == (action == PAUSE)


def notes(obj: Object, categories: Collection[str], action: str, *, tree: bool) -> list[str]:
    """What whoever asks for it may not expect."""
    found = []
    if action == PAUSE and "claim" in categories and not tree:
        found.append("its composite goes on; tree=true pauses it and what it is made of too")
    elif action == PAUSE and "composite" in categories and not tree:
        found.append("what it is made of goes on; tree=true pauses that too")
    if action == PAUSE and not _MADE.isdisjoint(categories):
        found.append("while it is paused it cannot be deleted either")
    if action == RESUME and not is_paused(obj):
        found.append("it is not paused by an annotation")
    if action == RESUME and (obj.get("spec") or {}).get("managementPolicies") == []:
        found.append("its empty spec.managementPolicies pause it as well: set_management_policies")
    if action == RESUME and is_cron(obj):
        late = (
            "" if (obj.get("spec") or {}).get("startingDeadlineSeconds") else "; a run that is overdue starts at once"
        )
        found.append(f"its spec is touched and put back, or nobody would see that it goes on{late}")
    return found


@dataclass(frozen=True)
class Asked:
    """What has to be looked at for the proof."""

    reference: Reference
    uid: str
    action: str
    token: str
    event: str
    """The reason of the event that proves it; empty where a condition or nothing does."""
    events: int = 0
    """How often it had happened before."""


def asked(obj: Object, reference: Reference, categories: Collection[str], action: str, token: str) -> Asked:
    uid = str((obj.get("metadata") or {}).get("uid") or "")
    made = not _MADE.isdisjoint(categories)
    event = HANDLED if action == NOW and made else PAUSED_EVENT if action == PAUSE and _key(obj) in _QUIET else ""
    return Asked(reference, uid, action, token, event)


def provable(obj: Object, one: Asked) -> bool:
    """Whether anything will ever show that it was heeded."""
    if one.action == NOW:
        return bool(one.event)
    if is_cron(obj):
        return one.action == RESUME
    return one.action == PAUSE or _key(obj) not in _QUIET


async def happened(reader: Reader, one: Asked) -> int:
    """How often the event has been seen. Raises what `Reader.page` raises."""
    query = Query(
        namespace=one.reference.namespace or "default",
        field_selector=f"involvedObject.uid={one.uid},reason={one.event}",
        limit=100,
    )
    page = await reader.page(await reader.kind("events", "v1"), query, table=False)
    return sum(int(each.get("count") or 1) for each in page.document.get("items") or ())


def proof(obj: Object, one: Asked, events: int) -> str:
    """What shows that it was heeded; empty while nothing does."""
    if one.action == NOW:
        if (obj.get("status") or {}).get("lastHandledReconcileAt") == one.token:
            return "status.lastHandledReconcileAt is the request's"
        return f"event {one.event}" if one.event and events > one.events else ""
    if one.action == PAUSE and one.event:
        return f"event {one.event}" if events > one.events else ""
    paused = _paused_conditions(obj)
    if one.action == PAUSE:
        return f"{paused[0].get('type')}: {paused[0].get('reason')}" if paused else ""
    deciding = [each for each in paused if not (is_cron(obj) and each.get("type") == "Synced")]
    return "" if deciding else "no condition says that it is paused"


def _paused_conditions(obj: Object) -> Sequence[Object]:
    return [each for each in conditions.conditions(obj) if each.get("reason") in _PAUSED_REASONS]
