"""An object with what is said about it: its conditions, its containers, and the events that name it.

What is wrong comes first, because that is what is asked for: conditions that do not hold, containers that do not run;
then what the object is, then what has happened lately. Whether a condition's False is bad news depends on its type, so
none is called bad; those that are not True merely stand on top. Events are asked for together with the object, by kind
and name, and those of an earlier object of that name are told apart by its uid. Not being allowed to read events is no
reason to say nothing.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fairlead.machinery import conditions, durations, encoding, redacting, statuses
from fairlead.resources import cleaning
from fairlead.resources.gathering import both
from fairlead.resources.happening import EVENTS, when
from fairlead.resources.kinds import Kind
from fairlead.resources.reading import Reader
from fairlead.resources.tabulating import Rows, render

Object = dict[str, Any]
_MOST_EVENTS = 20
_MOST_ASKED = 500
_LONG = 120
_STATUSES = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")


@dataclass(frozen=True)
class Described:
    object: Object
    events: list[Object]
    """The newest last."""
    lacking: str = ""
    """Why there are no events, where they could not be read."""


async def describe(reader: Reader, kind: Kind, name: str, namespace: str = "") -> Described:
    """Raises what `Reader.one` raises."""
    found, (events, lacking) = await both(reader.one(kind, name, namespace), _events(reader, kind, name, namespace))
    uid = (found.get("metadata") or {}).get("uid")
    mine = [each for each in events if (each.get("involvedObject") or {}).get("uid") in (uid, None, "")]
    return Described(found, sorted(mine, key=when)[-_MOST_EVENTS:], lacking)


async def _events(reader: Reader, kind: Kind, name: str, namespace: str) -> tuple[list[Object], str]:
    selector = f"involvedObject.kind={kind.api.kind},involvedObject.name={name}"
    query = {"fieldSelector": selector, "limit": str(_MOST_ASKED)}
    path = EVENTS.path(namespace if kind.resource.namespaced else None)
    try:
        return list((await reader.client.read(path, query)).get("items") or ()), ""
    except statuses.StatusError as error:
        return [], str(error)


def text(described: Described, now: datetime) -> str:
    """Without secrets."""
    obj = cleaning.cleaned(described.object)
    status = dict(obj.get("status") or {}) if isinstance(obj.get("status"), Mapping) else {}
    is_pod = (obj.get("apiVersion"), obj.get("kind")) == ("v1", "Pod")
    parts = [
        _head(obj, now),
        _conditions(obj, now),
        _containers(status, now) if is_pod else "",
        _rest(obj, status, ("conditions", *_STATUSES) if is_pod else ("conditions",)),
        _told(described, now),
    ]
    return "\n\n".join(each for each in parts if each)


def _head(obj: Mapping[str, Any], now: datetime) -> str:
    metadata = obj["metadata"]
    place = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
    age = durations.since(metadata.get("creationTimestamp"), now)
    lines = [f"{obj['kind']} {place}{metadata['name']} ({obj['apiVersion']}), {age} old"]
    if metadata.get("deletionTimestamp"):
        left = ", ".join(metadata.get("finalizers") or ()) or "none"
        since = durations.since(metadata["deletionTimestamp"], now)
        lines.append(f"being deleted since {since}; finalizers left: {left}")
    lines += [f"owned by {each['kind']} {each['name']}" for each in metadata.get("ownerReferences") or ()]
    lines += [f"{name}: {_pairs(metadata[name])}" for name in ("labels", "annotations") if metadata.get(name)]
    return "\n".join(lines)


def _pairs(found: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={_short(value)}" for key, value in found.items())


def _short(value: Any) -> str:
    line = " ".join(str(value).split())
    return line if len(line) <= _LONG else f"{line[:_LONG]}…"


def _conditions(obj: Mapping[str, Any], now: datetime) -> str:
    found = sorted(conditions.conditions(obj), key=lambda each: each.get("status") == "True")
    cells = [
        (
            str(each.get("type") or ""),
            str(each.get("status") or ""),
            str(each.get("reason") or ""),
            durations.since(str(each["lastTransitionTime"]), now) if each.get("lastTransitionTime") else "",
            " ".join(str(each.get("message") or "").split()),
        )
        for each in found
    ]
    return render(Rows(("CONDITION", "STATUS", "REASON", "SINCE", "MESSAGE"), tuple(cells))) if cells else ""


def _containers(status: Mapping[str, Any], now: datetime) -> str:
    cells = [
        (
            each["name"],
            str(each.get("ready", "")).lower(),
            str(each.get("restartCount", "")),
            _state(each.get("state"), now),
            _state(each.get("lastState"), now),
        )
        for key in _STATUSES
        for each in status.get(key) or ()
    ]
    return render(Rows(("CONTAINER", "READY", "RESTARTS", "STATE", "BEFORE"), tuple(cells))) if cells else ""


def _state(state: Mapping[str, Any] | None, now: datetime) -> str:
    for name, told in (state or {}).items():
        if name == "running":
            return f"running {durations.since(told.get('startedAt'), now)}"
        code = f" with {told['exitCode']}" if "exitCode" in told else ""
        why = ": ".join(_short(told[key]) for key in ("reason", "message") if told.get(key))
        return f"{name}{code} {why}".rstrip()
    return ""


def _rest(obj: Mapping[str, Any], status: Mapping[str, Any], shown: Collection[str]) -> str:
    """All that does not stand above."""
    kept = {key: value for key, value in obj.items() if key not in ("apiVersion", "kind", "metadata", "status")}
    left = {key: value for key, value in status.items() if key not in shown}
    kept |= {"status": left} if left else {}
    return encoding.to_yaml(kept).rstrip() if kept else ""


def _told(described: Described, now: datetime) -> str:
    if described.lacking:
        return f"events could not be read: {redacting.text(described.lacking)}"
    cells = [
        (
            durations.since(when(each), now),
            str(each.get("type") or ""),
            str(each.get("reason") or ""),
            str((each.get("series") or {}).get("count") or each.get("count") or 1),
            redacting.text(" ".join(str(each.get("message") or "").split())),
        )
        for each in described.events
    ]
    return render(Rows(("EVENT", "TYPE", "REASON", "COUNT", "MESSAGE"), tuple(cells))) if cells else "no events"
