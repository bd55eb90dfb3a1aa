"""How far a rollout is, what it was before, and how it is begun anew or undone, for what controllers roll out.

Each of these is kubectl's own way, read from its behaviour: a restart is a time in an annotation of the pods' template,
an undo is the template of an older revision written over the present one. There is no API for either, so whoever does
it otherwise starts rollouts that `kubectl rollout` then does not understand.

Source: kubectl rollout; `k8s.io/kubectl/pkg/polymorphichelpers`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import Resource
from fairlead.machinery.values import same
from fairlead.resources import patching
from fairlead.resources.kinds import Kind
from fairlead.resources.planning import Change
from fairlead.resources.reading import Reader
from fairlead.resources.waiting import Reached

Object = dict[str, Any]
RESTARTED = "kubectl.kubernetes.io/restartedAt"
REVISION = "deployment.kubernetes.io/revision"
CAUSE = "kubernetes.io/change-cause"
_HASH = "pod-template-hash"
_REPLICA_SETS = Resource("apps", "v1", "replicasets")
_REVISIONS = Resource("apps", "v1", "controllerrevisions")
_KINDS = ("deployments.apps", "statefulsets.apps", "daemonsets.apps")


class NoRolloutError(FairleadError):
    """The kind is not rolled out, or the rollout cannot be done as it stands."""


@dataclass(frozen=True)
class Revision:
    number: int
    cause: str
    template: Object | None
    """Of a Deployment's pods."""
    data: Object | None
    """The patch that a StatefulSet or a DaemonSet keeps."""


def check(kind: Kind) -> None:
    """Raises `NoRolloutError`."""
    if kind.resource.qualified not in _KINDS:
        raise NoRolloutError(f"{kind.resource.qualified} are not rolled out", "", f"there are: {', '.join(_KINDS)}")


def judge(obj: Object | None) -> Reached:
    """How far it is, in the words of `kubectl rollout status`."""
    if obj is None:
        return Reached(False, "not there")
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    if int(obj["metadata"].get("generation") or 0) > int(status.get("observedGeneration") or 0):
        return Reached(False, "its controller has not seen the last change yet")
    kinds = {"Deployment": _deployment, "StatefulSet": _stateful_set, "DaemonSet": _daemon_set}
    return kinds[obj["kind"]](spec, status)


def _failed(status: Mapping[str, Any]) -> str:
    """Why waiting will not help; empty where it may."""
    for each in status.get("conditions") or ():
        if each.get("type") == "Progressing" and each.get("reason") == "ProgressDeadlineExceeded":
            return str(each.get("message") or "it has exceeded its progress deadline")
    return ""


def _deployment(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Reached:
    failed = _failed(status)
    if failed:
        return Reached(False, f"failed: {failed}", is_hopeless=True)
    wanted, there = spec.get("replicas", 1), status.get("replicas", 0)
    new, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if new < wanted:
        return Reached(False, f"{new} of {wanted} new replicas have been made{_paused(spec)}")
    if there > new:
        return Reached(False, f"{there - new} old replicas are still ending{_paused(spec)}")
    if available < new:
        return Reached(False, f"{available} of {new} new replicas are available{_paused(spec)}")
    return Reached(True, f"rolled out, {available} of {wanted} replicas are available")


def _paused(spec: Mapping[str, Any]) -> str:
    return "; it is paused (spec.paused)" if spec.get("paused") else ""


def _stateful_set(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Reached:
    strategy, wanted = spec.get("updateStrategy") or {}, spec.get("replicas", 1)
    ready, new = status.get("readyReplicas", 0), status.get("updatedReplicas", 0)
    if strategy.get("type") == "OnDelete":
        return Reached(True, "it is updated by deleting its pods (OnDelete), nothing is rolled out")
    if ready < wanted:
        return Reached(False, f"{ready} of {wanted} replicas are ready")
    partition = (strategy.get("rollingUpdate") or {}).get("partition") or 0
    if partition:
        left = wanted - partition
        return Reached(new >= left, f"{new} of {left} new replicas have been made beyond its partition {partition}")
    if status.get("updateRevision") != status.get("currentRevision"):
        return Reached(False, f"{new} of {wanted} replicas are at revision {status.get('updateRevision')}")
    return Reached(True, f"rolled out, {ready} of {wanted} replicas are ready")


def _daemon_set(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Reached:
    if (spec.get("updateStrategy") or {}).get("type") == "OnDelete":
        return Reached(True, "it is updated by deleting its pods (OnDelete), nothing is rolled out")
    wanted = status.get("desiredNumberScheduled", 0)
    new, available = status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0)
    if new < wanted:
        return Reached(False, f"{new} of {wanted} new pods have been made")
    if available < wanted:
        return Reached(False, f"{available} of {wanted} pods are available")
    return Reached(True, f"rolled out, {available} of {wanted} pods are available")


async def history(reader: Reader, kind: Kind, obj: Mapping[str, Any]) -> list[Revision]:
    """The newest last. Raises what `Client` raises."""
    metadata = obj["metadata"]
    source = _REPLICA_SETS if kind.api.kind == "Deployment" else _REVISIONS
    items = (await reader.client.list(source, metadata["namespace"])).items
    own = [each for each in items if any(_owns(owner, metadata["uid"]) for owner in _owners(each))]
    return sorted(map(_revision, own), key=lambda each: each.number)


def _owners(obj: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(obj["metadata"].get("ownerReferences") or ())


def _owns(owner: Mapping[str, Any], uid: str) -> bool:
    return bool(owner.get("controller")) and owner.get("uid") == uid


def _revision(obj: Mapping[str, Any]) -> Revision:
    annotations = obj["metadata"].get("annotations") or {}
    cause = str(annotations.get(CAUSE) or "")
    if "revision" in obj:
        return Revision(int(obj["revision"]), cause, None, obj.get("data"))
    return Revision(int(annotations.get(REVISION) or 0), cause, (obj.get("spec") or {}).get("template"), None)


async def restarted(reader: Reader, kind: Kind, name: str, namespace: str) -> Change:
    """All its pods are replaced. Raises `NoRolloutError`, and as `patching.planned`."""
    check(kind)
    await _check_runs(reader, kind, name, namespace)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    patch = {"spec": {"template": {"metadata": {"annotations": {RESTARTED: now}}}}}
    note = "all its pods are replaced, as its update strategy has it"
    return await patching.planned(
        reader, kind, name, namespace, patch, verb="restart", wanted="restart", notes=(note,), removes_more=True
    )


async def _check_runs(reader: Reader, kind: Kind, name: str, namespace: str) -> Object:
    found = await reader.one(kind, name, namespace)
    if (found.get("spec") or {}).get("paused"):
        raise NoRolloutError(f"{kind.api.kind} {name} is paused", "", "set spec.paused to false first")
    return found


async def undone(reader: Reader, kind: Kind, name: str, namespace: str, number: int = 0) -> Change:
    """Back to a revision, by default to the one before the last. Raises as `restarted`."""
    check(kind)
    obj = await _check_runs(reader, kind, name, namespace)
    revision = _chosen(await history(reader, kind, obj), number, f"{kind.api.kind} {name}")
    note = f"back to revision {revision.number}{f' ({revision.cause})' if revision.cause else ''}"
    form, patch = _way_back(revision)
    change = await patching.planned(
        reader, kind, name, namespace, patch, form, verb="undo", notes=(note,), removes_more=True
    )
    if same(change.before["spec"]["template"] if change.before else None, (change.after or {})["spec"]["template"]):
        raise NoRolloutError(f"{kind.api.kind} {name} is at revision {revision.number} already")
    return change


def _chosen(revisions: list[Revision], number: int, what: str) -> Revision:
    there = ", ".join(str(each.number) for each in revisions) or "none"
    if number:
        found = next((each for each in revisions if each.number == number), None)
        if found is None:
            raise NoRolloutError(f"{what} has no revision {number}", "", f"there are: {there}")
        return found
    if len(revisions) < 2:
        raise NoRolloutError(f"{what} has no revision before this one", f"there are: {there}")
    return revisions[-2]


def _way_back(revision: Revision) -> tuple[str, Any]:
    if revision.template is None:
        return "strategic", revision.data or {}
    return "json", [{"op": "replace", "path": "/spec/template", "value": _without_hash(revision.template)}]


def _without_hash(template: Mapping[str, Any]) -> Object:
    metadata = dict(template.get("metadata") or {})
    metadata["labels"] = {key: value for key, value in (metadata.get("labels") or {}).items() if key != _HASH}
    return {**template, "metadata": metadata}
