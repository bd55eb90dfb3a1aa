"""The columns of the built-in kinds, as a real kube-apiserver 1.36 prints them.

Descriptions are the fields' own where the real server takes them from the schema; they are cut to what a reader of
`kubectl get` could ever see, which is nothing: no client prints them.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fairlead.machinery import durations
from fairlead.machinery.tables import AGE, CREATED_AT, NAME, Column, Printer, age, created, name

Object = Mapping[str, Any]


def _part(obj: Object, *path: str) -> Any:
    value: Any = obj
    for each in path:
        value = value.get(each) if isinstance(value, Mapping) else None
    return value


NAMES = Printer((NAME, AGE), lambda obj, now: [name(obj), age(obj, now)])
NAMESPACES = Printer(
    (NAME, Column("Status", description="The status of the namespace"), AGE),
    lambda obj, now: [name(obj), _part(obj, "status", "phase") or "", age(obj, now)],
)
CONFIGMAPS = Printer(
    (NAME, Column("Data"), AGE),
    lambda obj, now: [name(obj), len(obj.get("data") or {}) + len(obj.get("binaryData") or {}), age(obj, now)],
)
SECRETS = Printer(
    (NAME, Column("Type"), Column("Data"), AGE),
    lambda obj, now: [name(obj), obj.get("type", ""), len(obj.get("data") or {}), age(obj, now)],
)
LEASES = Printer(
    (NAME, Column("Holder"), AGE),
    lambda obj, now: [name(obj), _part(obj, "spec", "holderIdentity") or "", age(obj, now)],
)
ROLES = Printer((NAME, CREATED_AT), lambda obj, now: [name(obj), created(obj)])


def _ports(obj: Object) -> str:
    found = []
    for port in _part(obj, "spec", "ports") or ():
        node = f":{port['nodePort']}" if port.get("nodePort") else ""
        found.append(f"{port.get('port')}{node}/{port.get('protocol', 'TCP')}")
    return ",".join(found) or "<none>"


def _external(obj: Object) -> str:
    if _part(obj, "spec", "type") == "ExternalName":
        return str(_part(obj, "spec", "externalName") or "")
    return ",".join(_part(obj, "spec", "externalIPs") or ()) or "<none>"


def _selector(obj: Object) -> str:
    pairs = sorted((_part(obj, "spec", "selector") or {}).items())
    return ",".join(f"{key}={value}" for key, value in pairs) or "<none>"


SERVICES = Printer(
    (
        NAME, Column("Type"), Column("Cluster-IP"), Column("External-IP"), Column("Port(s)"), AGE,
        Column("Selector", priority=1),
    ),
    lambda obj, now: [
        name(obj), _part(obj, "spec", "type") or "", _part(obj, "spec", "clusterIP") or "<none>", _external(obj),
        _ports(obj), age(obj, now), _selector(obj),
    ],
)  # fmt: skip


def _subjects(obj: Object, kind: str) -> str:
    wanted = [each for each in obj.get("subjects") or () if each.get("kind") == kind]
    if kind == "ServiceAccount":
        return ", ".join(f"{each.get('namespace', '')}/{each['name']}" for each in wanted)
    return ", ".join(each["name"] for each in wanted)


def _binding(obj: Object, now: datetime) -> list[Any]:
    role = obj.get("roleRef") or {}
    named = [_subjects(obj, kind) for kind in ("User", "Group", "ServiceAccount")]
    return [name(obj), f"{role.get('kind', '')}/{role.get('name', '')}", age(obj, now), *named]


BINDINGS = Printer(
    (NAME, Column("Role"), AGE, *(Column(each, priority=1) for each in ("Users", "Groups", "ServiceAccounts"))),
    _binding,
)


def _available(obj: Object) -> str:
    conditions = _part(obj, "status", "conditions") or ()
    found = next((each for each in conditions if each.get("type") == "Available"), None)
    if found is None:
        return "Unknown"
    return "True" if found["status"] == "True" else f"{found['status']} ({found.get('reason', '')})"


def _service(obj: Object) -> str:
    service = _part(obj, "spec", "service")
    return f"{service.get('namespace')}/{service.get('name')}" if service else "Local"


API_SERVICES = Printer(
    (
        NAME,
        Column("Service", description="The reference to the service that hosts this API endpoint."),
        Column("Available", description="Whether this service is available."),
        AGE,
    ),
    lambda obj, now: [name(obj), _service(obj), _available(obj), age(obj, now)],
)


def _moment(obj: Object, now: datetime, *fields: str) -> str:
    for each in fields:
        value = _part(obj, *each.split("."))
        if value:
            return durations.since(value, now)
    return durations.UNKNOWN


def _object(obj: Object) -> str:
    about = obj.get("involvedObject") or obj.get("regarding") or {}
    kind = str(about.get("kind", "")).lower()
    return f"{kind}/{about.get('name', '')}"


def _source(obj: Object) -> str:
    source = obj.get("source") or obj.get("deprecatedSource") or {}
    component = source.get("component") or obj.get("reportingComponent") or obj.get("reportingController") or ""
    host = source.get("host") or obj.get("reportingInstance") or ""
    return f"{component}, {host}" if host else str(component)


def _event(obj: Object, now: datetime) -> list[Any]:
    first = _moment(obj, now, "firstTimestamp", "deprecatedFirstTimestamp", "eventTime")
    last = _moment(
        obj, now, "series.lastObservedTime", "lastTimestamp", "deprecatedLastTimestamp", "eventTime", "firstTimestamp"
    )
    about = obj.get("involvedObject") or obj.get("regarding") or {}
    message = str(obj.get("message") or obj.get("note") or "").strip()
    count = _part(obj, "series", "count") or obj.get("count") or obj.get("deprecatedCount") or 1
    return [
        last, obj.get("type", ""), obj.get("reason", ""), _object(obj), about.get("fieldPath", ""), _source(obj),
        message, first, count, name(obj),
    ]  # fmt: skip


EVENTS = Printer(
    (
        Column("Last Seen"), Column("Type"), Column("Reason"), Column("Object"), Column("Subobject", priority=1),
        Column("Source", priority=1), Column("Message"), Column("First Seen", priority=1), Column("Count", priority=1),
        Column("Name", format="name", description=NAME.description, priority=1),
    ),
    _event,
)  # fmt: skip
