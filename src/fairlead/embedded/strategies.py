"""Defaults and rules of the built-in kinds, as far as a playground without nodes needs them."""

import base64
import binascii
from typing import Any

from fairlead.machinery import names, statuses
from fairlead.machinery.fielderrors import invalid, required

Object = dict[str, Any]
Cause = dict[str, Any]

_RBAC = "rbac.authorization.k8s.io"


def _frozen(obj: Object, old: Object | None, field: str) -> list[Cause]:
    if old is None or obj.get(field) == old.get(field):
        return []
    return [invalid(field, obj.get(field), "field is immutable")]


# --- namespaces ---


def prepare_namespace(obj: Object, old: Object | None) -> None:
    metadata = obj["metadata"]
    metadata["labels"] = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata.get("name", "")}
    if old is None:
        obj["spec"] = {"finalizers": ["kubernetes"]}
        obj["status"] = {"phase": "Active"}
    else:
        obj["spec"] = old.get("spec", {})


def condemn_namespace(stored: Object) -> Object:
    return {**stored, "status": {**(stored.get("status") or {}), "phase": "Terminating"}}


# --- configmaps and secrets ---


def validate_configmap(obj: Object, old: Object | None) -> list[Cause]:
    causes = [invalid(f"data[{key}]", key, each) for key in obj.get("data") or {} for each in names.config_key(key)]
    for key in obj.get("binaryData") or {}:
        causes += [invalid(f"binaryData[{key}]", key, each) for each in names.config_key(key)]
        if key in (obj.get("data") or {}):
            causes.append(invalid(f"binaryData[{key}]", key, "duplicate of key present in data"))
    return causes + _immutable_data(obj, old, ("data", "binaryData"))


def _immutable_data(obj: Object, old: Object | None, fields: tuple[str, ...]) -> list[Cause]:
    if old is None or not old.get("immutable"):
        return []
    why = "Forbidden: field is immutable when `immutable` is set"
    return [
        statuses.cause(field, why, "FieldValueForbidden")
        for field in ("immutable", *fields)
        if obj.get(field) != old.get(field)
    ]


def prepare_secret(obj: Object, old: Object | None) -> None:
    given = obj.pop("stringData", None) or {}
    if given:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in given.items()}
        obj["data"] = {**(obj.get("data") or {}), **encoded}
    obj.setdefault("type", "Opaque")


def validate_secret(obj: Object, old: Object | None) -> list[Cause]:
    causes = []
    for key, value in (obj.get("data") or {}).items():
        causes += [invalid(f"data[{key}]", key, each) for each in names.config_key(key)]
        _check_base64(value)
    return causes + _frozen(obj, old, "type") + _immutable_data(obj, old, ("data",))


def _check_base64(value: str) -> None:
    try:
        base64.b64decode(value, validate=True)
    except binascii.Error:
        raise statuses.BadRequest(
            'Secret in version "v1" cannot be handled as a Secret: illegal base64 data in a value of data'
        ) from None


# --- services ---


def prepare_service(obj: Object, old: Object | None) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    if spec["type"] != "ExternalName":
        spec.setdefault("internalTrafficPolicy", "Cluster")
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        if "targetPort" not in port and "port" in port:
            port["targetPort"] = port["port"]
    if old is None:
        obj["status"] = {"loadBalancer": {}}


def validate_service(obj: Object, old: Object | None) -> list[Cause]:
    spec = obj["spec"]
    causes = []
    if spec["type"] == "ExternalName":
        if not spec.get("externalName"):
            causes.append(required("spec.externalName"))
    elif not spec.get("ports") and spec.get("clusterIP") != "None":
        causes.append(required("spec.ports"))
    if spec["type"] not in ("ClusterIP", "ExternalName", "NodePort", "LoadBalancer"):
        allowed = '"ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'
        text = f'Unsupported value: "{spec["type"]}": supported values: {allowed}'
        causes.append(statuses.cause("spec.type", text, "FieldValueNotSupported"))
    for index, port in enumerate(spec.get("ports") or ()):
        if not 0 < port.get("port", 0) < 65536:
            why = "must be between 1 and 65535, inclusive"
            causes.append(invalid(f"spec.ports[{index}].port", port.get("port", 0), why))
    return causes


# --- roles and bindings ---


def prepare_role(obj: Object, old: Object | None) -> None:
    obj.setdefault("rules", None)


def validate_role(obj: Object, old: Object | None) -> list[Cause]:
    causes = []
    for index, rule in enumerate(obj.get("rules") or ()):
        path = f"rules[{index}]"
        if not rule.get("verbs"):
            causes.append(_required(f"{path}.verbs", "verbs must contain at least one value"))
        if rule.get("nonResourceURLs"):
            continue
        if not rule.get("apiGroups"):
            causes.append(_required(f"{path}.apiGroups", "resource rules must supply at least one api group"))
        if not rule.get("resources"):
            causes.append(_required(f"{path}.resources", "resource rules must supply at least one resource"))
    return causes


def _required(path: str, why: str) -> Cause:
    return statuses.cause(path, f"Required value: {why}", "FieldValueRequired")


def prepare_binding(obj: Object, old: Object | None) -> None:
    if isinstance(obj.get("roleRef"), dict):
        obj["roleRef"].setdefault("apiGroup", _RBAC)
    for subject in obj.get("subjects") or ():
        if subject.get("kind") in ("User", "Group"):
            subject.setdefault("apiGroup", _RBAC)


def validate_binding(obj: Object, old: Object | None) -> list[Cause]:
    role = obj.get("roleRef") or {}
    causes = []
    if role.get("kind") not in ("Role", "ClusterRole"):
        allowed = '"Role", "ClusterRole"' if obj["kind"] == "RoleBinding" else '"ClusterRole"'
        text = f'Unsupported value: "{role.get("kind", "")}": supported values: {allowed}'
        causes.append(statuses.cause("roleRef.kind", text, "FieldValueNotSupported"))
    if not role.get("name"):
        causes.append(required("roleRef.name"))
    for index, subject in enumerate(obj.get("subjects") or ()):
        causes += _subject_causes(subject, f"subjects[{index}]", namespaced=obj["kind"] == "RoleBinding")
    if old is not None and old.get("roleRef") != role:
        causes.append(invalid("roleRef", role, "cannot change roleRef"))
    return causes


def _subject_causes(subject: Object, path: str, *, namespaced: bool) -> list[Cause]:
    causes = [] if subject.get("name") else [required(f"{path}.name")]
    kind = subject.get("kind", "")
    if kind == "ServiceAccount":
        if not namespaced and not subject.get("namespace"):
            causes.append(required(f"{path}.namespace"))
    elif kind not in ("User", "Group"):
        text = f'Unsupported value: "{kind}": supported values: "Group", "ServiceAccount", "User"'
        causes.append(statuses.cause(f"{path}.kind", text, "FieldValueNotSupported"))
    return causes


# --- events: one collection, two APIs ---

_EVENT_NAMES = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}


def event_to_new(stored: Object) -> Object:
    """From core v1, as events are stored, to events.k8s.io/v1."""
    renamed = {_EVENT_NAMES.get(key, key): value for key, value in stored.items()}
    return {**renamed, "apiVersion": "events.k8s.io/v1"}


def event_to_core(shown: Object) -> Object:
    back = {new: old for old, new in _EVENT_NAMES.items()}
    return {**{back.get(key, key): value for key, value in shown.items()}, "apiVersion": "v1"}


def validate_event(obj: Object, old: Object | None) -> list[Cause]:
    about = obj.get("involvedObject") or {}
    namespace = obj["metadata"].get("namespace", "")
    if about.get("namespace") and about["namespace"] != namespace:
        return [invalid("involvedObject.namespace", about["namespace"], "does not match event.namespace")]
    return []


# --- extension API servers ---


def prepare_api_service(obj: Object, old: Object | None) -> None:
    service = (obj.get("spec") or {}).get("service")
    if service is not None:
        service.setdefault("port", 443)


def validate_api_service(obj: Object, old: Object | None) -> list[Cause]:
    spec, causes = obj.get("spec") or {}, []
    name = obj["metadata"].get("name", "")
    expected = f"{spec.get('version', '')}.{spec.get('group', '')}"
    if name != expected:
        causes.append(invalid("metadata.name", name, f'must be `spec.version+"."+spec.group`: {expected!r}'))
    for field, most in (("groupPriorityMinimum", 20000), ("versionPriority", 1000)):
        if not 0 < (spec.get(field) or 0) <= most:
            why = f"must be positive and less than {most}"
            causes.append(invalid(f"spec.{field}", spec.get(field) or 0, why))
    service = spec.get("service")
    if service is None:
        return causes
    causes += [required(f"spec.service.{part}") for part in ("namespace", "name") if not service.get(part)]
    if spec.get("insecureSkipTLSVerify") and spec.get("caBundle"):
        why = "may not be true if caBundle is present"
        causes.append(invalid("spec.insecureSkipTLSVerify", True, why))
    return causes
