"""CustomResourceDefinitions: what a valid one is, and the kinds that it brings.

A CRD is data that becomes API while the server runs. Only conversion `None` is served, since webhooks belong to a real
cluster; then every version shows the same object under its own apiVersion.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fairlead.embedded import metadata
from fairlead.embedded.kinds import STATUS_VERBS, Kind
from fairlead.machinery import names, statuses, tables
from fairlead.machinery.discovery import Subresource
from fairlead.machinery.fielderrors import invalid, required
from fairlead.machinery.jsonpath import PathError, compile_path
from fairlead.machinery.schemas import Schema
from fairlead.machinery.shapes import Shape, object_shape
from fairlead.machinery.structural import SchemaError

Object = dict[str, Any]
Cause = dict[str, Any]

FINALIZER = "customresourcecleanup.apiextensions.k8s.io"
# In the order in which the real server lists them for custom resources.
_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")


def prepare(obj: Object, old: Object | None) -> None:
    spec = obj.setdefault("spec", {})
    accepted = spec.setdefault("names", {})
    if accepted.get("kind"):
        accepted.setdefault("singular", accepted["kind"].lower())
        accepted.setdefault("listKind", f"{accepted['kind']}List")
    spec.setdefault("conversion", {"strategy": "None"})
    if old is None:
        obj["status"] = {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": None}


def validate(obj: Object, old: Object | None) -> list[Cause]:
    spec = obj["spec"]
    causes = _name_causes(obj["metadata"].get("name", ""), spec)
    if spec.get("scope") not in ("Cluster", "Namespaced"):
        text = f'Unsupported value: "{spec.get("scope", "")}": supported values: "Cluster", "Namespaced"'
        causes.append(
            required("spec.scope")
            if not spec.get("scope")
            else statuses.cause("spec.scope", text, "FieldValueNotSupported")
        )
    causes += _version_causes(spec.get("versions") or [])
    strategy = (spec.get("conversion") or {}).get("strategy")
    if strategy != "None":
        why = f'Unsupported value: "{strategy}": supported values: "None"'
        causes.append(statuses.cause("spec.conversion.strategy", why, "FieldValueNotSupported"))
    if old is not None and _is_established(old):
        for field, path in ((("scope",), "spec.scope"), (("names", "kind"), "spec.names.kind")):
            if _at(spec, field) != _at(old["spec"], field):
                causes.append(invalid(path, _at(spec, field), "field is immutable"))
    return causes


def _at(value: Any, path: Iterable[str]) -> Any:
    for each in path:
        value = value.get(each)
    return value


def _name_causes(name: str, spec: Object) -> list[Cause]:
    group, accepted = spec.get("group", ""), spec.get("names") or {}
    causes = []
    plural = accepted.get("plural", "")
    if name != f"{plural}.{group}":
        causes.append(invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group'))
    if not group:
        causes.append(required("spec.group"))
    elif "." not in group:
        causes.append(invalid("spec.group", group, "should be a domain with at least one dot"))
    else:
        causes += [invalid("spec.group", group, each) for each in names.subdomain(group)]
    for field in ("plural", "singular", "kind", "listKind"):
        value = accepted.get(field, "")
        if not value:
            causes.append(required(f"spec.names.{field}"))
        else:
            checked = value.lower() if field in ("kind", "listKind") else value
            causes += [invalid(f"spec.names.{field}", value, each) for each in names.label_1035(checked)]
    if accepted.get("kind") and accepted.get("kind") == accepted.get("listKind"):
        causes.append(invalid("spec.names.listKind", accepted["listKind"], "kind and listKind may not be the same"))
    return causes


def _version_causes(versions: list[Object]) -> list[Cause]:
    causes = []
    if [each.get("storage") for each in versions].count(True) != 1:
        why = "must have exactly one version marked as storage version"
        causes.append(invalid("spec.versions", [dict(each) for each in versions], why))
    for index, version in enumerate(versions):
        path = f"spec.versions[{index}]"
        causes += [
            invalid(f"{path}.name", version.get("name", ""), each) for each in names.label_1035(version.get("name", ""))
        ]
        causes += _schema_causes(version, f"{path}.schema.openAPIV3Schema")
        for position, column in enumerate(version.get("additionalPrinterColumns") or ()):
            causes += _column_causes(column, f"{path}.additionalPrinterColumns[{position}]")
    return causes


def _schema_causes(version: Object, path: str) -> list[Cause]:
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    if schema is None:
        return [statuses.cause(path, "Required value: schemas are required", "FieldValueRequired")]
    if not schema.get("type"):
        return [statuses.cause(f"{path}.type", "Required value: must not be empty at the root", "FieldValueRequired")]
    if schema["type"] != "object":
        return [invalid(f"{path}.type", schema["type"], "must be object at the root")]
    try:
        for _ in Schema.compile(schema).node.walk():
            pass
    except SchemaError as error:
        return [invalid(path, "", str(error))]
    return []


def _column_causes(column: Object, path: str) -> list[Cause]:
    text = column.get("jsonPath", "")
    if not text:
        return [statuses.cause(f"{path}.jsonPath", "Required value: JSONPath is required", "FieldValueRequired")]
    try:
        compile_path(text)
    except PathError as error:
        return [invalid(f"{path}.jsonPath", text, f"is an invalid json path: {error}")]
    return []


def _is_established(definition: Object) -> bool:
    conditions = (definition.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)


# --- what a CRD becomes ---


def collection(definition: Object) -> tuple[str, str]:
    return (definition["spec"]["group"], definition["spec"]["names"]["plural"])


def kinds(definition: Object) -> list[Kind]:
    """One for each served version."""
    shapes = _shapes(definition)
    return [_kind(definition, each, shapes) for each in definition["spec"]["versions"] if each.get("served")]


def _shapes(definition: Object) -> Callable[[], Mapping[str, Shape]]:
    group = definition["spec"]["group"]
    found: dict[str, Shape] = {}

    def shapes() -> Mapping[str, Shape]:
        if not found:
            for version in definition["spec"]["versions"]:
                schema = Schema.compile(version["schema"]["openAPIV3Schema"])
                found[f"{group}/{version['name']}"] = object_shape(schema.node)
        return found

    return shapes


def _kind(definition: Object, version: Object, shapes: Callable[[], Mapping[str, Shape]]) -> Kind:
    spec, accepted = definition["spec"], definition["spec"]["names"]
    schema = Schema.compile(version["schema"]["openAPIV3Schema"])
    wanted = version.get("subresources") or {}
    subresources = []
    if "status" in wanted:
        subresources.append(Subresource("status", accepted["kind"], STATUS_VERBS))
    if wanted.get("scale"):
        subresources.append(Subresource("scale", "Scale", STATUS_VERBS, "autoscaling", "v1"))
    return Kind(
        spec["group"],
        version["name"],
        accepted["kind"],
        accepted["plural"],
        spec["scope"] == "Namespaced",
        accepted.get("singular") or accepted["kind"].lower(),
        tuple(accepted.get("shortNames") or ()),
        tuple(accepted.get("categories") or ()),
        _VERBS,
        tuple(subresources),
        printer=tables.for_custom_resource(version.get("additionalPrinterColumns") or ()),
        schema=lambda: schema,
        versions=shapes,
        custom=True,
        generation=True,
        selectable=_selectable(version),
        scale=wanted.get("scale"),
    )


def _selectable(version: Object) -> Mapping[str, Callable[[Object], str]]:
    def reader(path: str) -> Callable[[Object], str]:
        compiled = compile_path(path)
        return lambda obj: next((tables.text(each) for each in compiled.find(obj)), "")

    paths = [each["jsonPath"] for each in version.get("selectableFields") or ()]
    return {path.removeprefix("."): reader(path) for path in paths}


def version_order(version: str) -> tuple[int, int, int, str]:
    """Sorts versions as kube does: v2, v1, v1beta2, v1beta1, v1alpha1, then anything else by name."""
    found = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", version)
    if not found:
        return (3, 0, 0, version)
    stage = {None: 0, "beta": 1, "alpha": 2}[found[2]]
    return (stage, -int(found[1]), -int(found[3] or 0), "")


def accepted_status(definition: Object, others: Iterable[Object], now: str) -> Object:
    """The status of a CRD beside the accepted names of the others in its group: its names are free, or why not.

    Source: `pkg/controller/status/naming_controller.go` of k8s.io/apiextensions-apiserver.
    """
    spec = definition["spec"]
    status = dict(definition.get("status") or {})
    stored = [each["name"] for each in spec["versions"] if each.get("storage")]
    known = list(status.get("storedVersions") or [])
    status["storedVersions"] = known + [each for each in stored if each not in known]
    taken = _taken(spec["names"], others)
    accepted = {key: value for key, value in spec["names"].items() if key not in taken}
    before = status.get("acceptedNames") or {}
    status["acceptedNames"] = {
        "plural": "",
        "kind": "",
        **{key: before[key] for key in taken if key in before},
    } | accepted
    status["conditions"] = _conditions(status.get("conditions") or [], now, taken)
    return status


def _taken(wanted: Object, others: Iterable[Object]) -> dict[str, str]:
    """The fields of `spec.names` that clash, each with the first word that is in use."""
    resources: set[str] = set()
    kinds: set[str] = set()
    for each in others:
        resources |= {each.get("plural", ""), each.get("singular", ""), *(each.get("shortNames") or ())}
        kinds |= {each.get("kind", ""), each.get("listKind", "")}
    found: dict[str, str] = {}
    for field, used in (
        ("plural", resources), ("singular", resources), ("shortNames", resources), ("kind", kinds), ("listKind", kinds),
    ):  # fmt: skip
        words = wanted.get(field) or []
        for word in [words] if isinstance(words, str) else words:
            if word and word in used:
                found.setdefault(field, word)
    return found


def _conditions(existing: list[Object], now: str, taken: Mapping[str, str]) -> list[Object]:
    found = {each["type"]: each for each in existing}
    if taken:
        field, word = list(taken.items())[-1]
        reason = f"{field[0].upper()}{field[1:]}Conflict"
        wanted = [("NamesAccepted", "False", reason, f'"{word}" is already in use')]
        if "Established" not in found:
            wanted.append(("Established", "False", "NotAccepted", "not all names are accepted"))
    else:
        wanted = [
            ("NamesAccepted", "True", "NoConflicts", "no conflicts found"),
            ("Established", "True", "InitialNamesAccepted", "the initial names have been accepted"),
        ]
    for kind, status, reason, message in wanted:
        before = found.get(kind)
        since = before["lastTransitionTime"] if before is not None and before["status"] == status else now
        found[kind] = {
            "type": kind, "status": status, "lastTransitionTime": since, "reason": reason, "message": message,
        }  # fmt: skip
    return list(found.values())


def condemn(stored: Object) -> Object:
    """A CRD goes after its instances: its own finalizer holds it."""
    finalizers = [*(stored["metadata"].get("finalizers") or ()), FINALIZER]
    status = dict(stored.get("status") or {})
    terminating = {
        "type": "Terminating",
        "status": "True",
        "lastTransitionTime": metadata.now(),
        "reason": "InstanceDeletionInProgress",
        "message": "CustomResource deletion is in progress",
    }
    status["conditions"] = [*(status.get("conditions") or ()), terminating]
    return {
        **stored,
        "metadata": {**stored["metadata"], "finalizers": list(dict.fromkeys(finalizers))},
        "status": status,
    }
