"""What operations are made of and have come to: runs, tries, times, what they stand on, and the next run.

Crossplane writes neither when an operation began nor when it ended, nor which cron operation it was for in its spec:
all that follows from its labels, annotations and conditions. An operation runs once; to run it again is to make another
one of the same pipeline, without what ties the first to its owner, whose history it would otherwise fill.

Source: reference/crossplane.md §1.6; Crossplane 2.3.4, `internal/controller/ops`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fairlead.crossplane import building, crontab, packages
from fairlead.crossplane.references import Reference
from fairlead.machinery import conditions

Object = Mapping[str, Any]
VERSION = f"{building.OPERATIONS}/v1alpha1"
KINDS = {"operation": "Operation", "cron": "CronOperation", "watch": "WatchOperation"}
OWNERS = {"CronOperation": "ops.crossplane.io/cronoperation", "WatchOperation": "ops.crossplane.io/watchoperation"}
"""The label by which a run says whose it is."""
_WATCHED = "ops.crossplane.io/watched-resource-"
RETRIES = 5
"""What the controller takes where an operation says nothing."""


def operation_spec(obj: Object) -> Object:
    """Of an operation, or of those that a cron or watch operation makes."""
    spec: Object = obj.get("spec") or {}
    found: Object = spec if obj.get("kind") == "Operation" else (spec.get("operationTemplate") or {}).get("spec") or {}
    return found


def pipeline(obj: Object) -> list[dict[str, Any]]:
    return list(operation_spec(obj).get("pipeline") or ())


def tries(obj: Object) -> tuple[int, int]:
    """Failures, and how many there may be."""
    limit = (obj.get("spec") or {}).get("retryLimit")
    return int((obj.get("status") or {}).get("failures") or 0), RETRIES if limit is None else int(limit)


def is_over(obj: Object) -> bool:
    """Of an operation: ended, it never runs again. What repeats never says so."""
    return (conditions.get(obj, "Succeeded") or {}).get("status") in ("True", "False")


def is_unheard(obj: Object) -> bool:
    return not obj.get("status")


UNHEARD = "nobody has taken it up: Crossplane runs without --enable-operations, or is not there"


def times(obj: Object) -> str:
    """There is no start or completion time: they follow from the object's own and the condition's."""
    began = str((obj.get("metadata") or {}).get("creationTimestamp") or "")
    ended = str((conditions.get(obj, "Succeeded") or {}).get("lastTransitionTime") or "")
    if not is_over(obj):
        return f"since {began}"
    seconds = (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()
    return f"from {began} to {ended} ({seconds:.0f} s)"


def origin(obj: Object) -> str:
    """Whose run it is and what set it off; empty for one that somebody made."""
    metadata = obj.get("metadata") or {}
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    owner = next((f"run of {kind} {labels[label]}" for kind, label in OWNERS.items() if labels.get(label)), "")
    kind, name = annotations.get(f"{_WATCHED}kind"), annotations.get(f"{_WATCHED}name")
    if not (owner and name):
        return owner
    seen = Reference("", str(kind), str(name), str(annotations.get(f"{_WATCHED}namespace") or ""))
    return f"{owner} for {seen}"


def trigger(obj: Object) -> str:
    """When a cron or watch operation runs."""
    spec = obj.get("spec") or {}
    if obj.get("kind") == "CronOperation":
        return str(spec.get("schedule") or "")
    watch = spec.get("watch") or {}
    labels = ",".join(f"{key}={value}" for key, value in (watch.get("matchLabels") or {}).items())
    where = f" in {watch['namespace']}" if watch.get("namespace") else ""
    return f"watches {watch.get('kind')}{where}{f' with {labels}' if labels else ''}"


def next_runs(schedule: str, now: datetime | None = None, count: int = 3) -> str:
    """In one line. Raises `crontab.ScheduleError`."""
    found = crontab.upcoming(schedule, now or datetime.now(UTC), count)
    if not found:
        return "next runs: never, there is no such day"
    zone = "" if schedule.startswith(("TZ=", "CRON_TZ=")) else ", where Crossplane's own zone is UTC"
    every = " after the last" if schedule.startswith("@every") else ""
    return f"next runs{every}: {', '.join(f'{each:%a %Y-%m-%d %H:%M:%SZ}' for each in found)}{zone}"


def function_notes(revisions: Iterable[Object], steps: Sequence[Object]) -> list[str]:
    """Functions that cannot run here; Crossplane finds out only when it runs them. What says nothing only composes."""
    active = {packages.owner(each): each for each in revisions if packages.is_active(each)}
    found = []
    for name in sorted({str((each.get("functionRef") or {}).get("name")) for each in steps}):
        able = (active.get(name, {}).get("status") or {}).get("capabilities") or ["composition"]
        if name not in active:
            found.append(f"the function {name} is not installed")
        elif "operation" not in able:
            found.append(f"the function {name} cannot run in operations: it is made for {', '.join(able)}")
    return found


def again(obj: Object, name: str) -> dict[str, Any]:
    """Another operation of the same pipeline, which belongs to nobody."""
    return {
        "apiVersion": VERSION,
        "kind": "Operation",
        "metadata": {"name": name},
        "spec": dict(operation_spec(obj)),
    }


def free_name(base: str, taken: Iterable[str], number: int = 2) -> str:
    """`base-2`, or what is free after it; short enough for a name."""
    known = set(taken)
    while (name := f"{base[:58].rstrip('-.')}-{number}") in known:
        number += 1
    return name
