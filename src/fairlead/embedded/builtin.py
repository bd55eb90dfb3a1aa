"""The kinds that every playground serves, as data."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from fairlead.embedded import builtin_schemas, definitions, printing, strategies
from fairlead.embedded.kinds import ALL_VERBS, APISERVICES, CRDS, STATUS_VERBS, Kind
from fairlead.machinery import names
from fairlead.machinery.discovery import Subresource
from fairlead.machinery.schemas import Schema
from fairlead.machinery.shapes import Shape, object_shape

Object = dict[str, Any]

RBAC = "rbac.authorization.k8s.io"
AUTHENTICATION = "authentication.k8s.io"
AUTHORIZATION = "authorization.k8s.io"


def _field(*path: str) -> Callable[[Object], str]:
    def read(obj: Object) -> str:
        value: Any = obj
        for each in path:
            value = value.get(each) if isinstance(value, dict) else None
        return "" if value is None else str(value)

    return read


@cache
def _shapes(api_version: str, kind: str) -> Mapping[str, Shape]:
    return {api_version: object_shape(builtin_schemas.node(api_version, kind))}


@cache
def _definitions() -> Mapping[str, Any]:
    """Components without a type hold any JSON (the parts of a CRD's own schema): nothing in them is unknown."""
    return {
        name: each if "type" in each else {**each, "x-kubernetes-preserve-unknown-fields": True}
        for name, each in builtin_schemas.definitions().items()
    }


@cache
def _schema(api_version: str, kind: str) -> Schema | None:
    name = builtin_schemas.component(api_version, kind)
    return Schema.compile(_definitions()[name], _definitions()) if name else None


def _with_schema(kind: Kind) -> Kind:
    return replace(
        kind,
        schema=lambda: _schema(kind.api_version, kind.kind),
        versions=lambda: _shapes(kind.api_version, kind.kind),
    )


def _status(kind: str) -> Subresource:
    return Subresource("status", kind, STATUS_VERBS)


_EVENT_FIELDS = {
    f"involvedObject.{name}": _field("involvedObject", name)
    for name in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
} | {
    "reason": _field("reason"),
    "reportingComponent": _field("reportingComponent"),
    "source": _field("source", "component"),
    "type": _field("type"),
}
_NEW_EVENT_FIELDS = {name.replace("involvedObject", "regarding"): read for name, read in _EVENT_FIELDS.items()} | {
    "reportingController": _field("reportingComponent")
}


def _review(group: str, kind: str, *, namespaced: bool = False) -> Kind:
    return Kind(group, "v1", kind, f"{kind.lower()}s", namespaced, verbs=("create",))


_KINDS = (
    Kind(
        "", "v1", "ConfigMap", "configmaps", short_names=("cm",), printer=printing.CONFIGMAPS,
        validate=strategies.validate_configmap,
    ),
    Kind(
        "", "v1", "Event", "events", short_names=("ev",), printer=printing.EVENTS, selectable=_EVENT_FIELDS,
        validate=strategies.validate_event,
    ),
    Kind(
        "", "v1", "Namespace", "namespaces", False, short_names=("ns",),
        verbs=tuple(each for each in ALL_VERBS if each != "deletecollection"),
        subresources=(Subresource("finalize", "Namespace", ("update",)), _status("Namespace")),
        printer=printing.NAMESPACES, check_name=names.label, prepare=strategies.prepare_namespace,
        condemn=strategies.condemn_namespace,
        selectable={"status.phase": _field("status", "phase")},
    ),
    Kind(
        "", "v1", "Secret", "secrets", printer=printing.SECRETS, prepare=strategies.prepare_secret,
        validate=strategies.validate_secret, selectable={"type": _field("type")},
    ),
    Kind("", "v1", "ServiceAccount", "serviceaccounts", short_names=("sa",), printer=printing.NAMES),
    Kind(
        "", "v1", "Service", "services", short_names=("svc",), categories=("all",), printer=printing.SERVICES,
        subresources=(_status("Service"),), check_name=names.label_1035,
        prepare=strategies.prepare_service, validate=strategies.validate_service,
        selectable={"spec.type": _field("spec", "type"), "spec.clusterIP": _field("spec", "clusterIP")},
    ),
    Kind(
        *APISERVICES[:1], "v1", "APIService", "apiservices", False, categories=("api-extensions",),
        printer=printing.API_SERVICES, subresources=(_status("APIService"),),
        prepare=strategies.prepare_api_service, validate=strategies.validate_api_service, check_name=names.path_segment,
    ),
    Kind(
        "events.k8s.io", "v1", "Event", "events", short_names=("ev",), printer=printing.EVENTS,
        stored_as=("", "events"), selectable=_NEW_EVENT_FIELDS,
        convert=strategies.event_to_new, restore=strategies.event_to_core,
    ),
    _review(AUTHENTICATION, "SelfSubjectReview"),
    _review(AUTHENTICATION, "TokenReview"),
    _review(AUTHORIZATION, "LocalSubjectAccessReview", namespaced=True),
    _review(AUTHORIZATION, "SelfSubjectAccessReview"),
    _review(AUTHORIZATION, "SelfSubjectRulesReview"),
    _review(AUTHORIZATION, "SubjectAccessReview"),
    Kind(
        RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings", False, printer=printing.BINDINGS,
        check_name=names.path_segment, prepare=strategies.prepare_binding, validate=strategies.validate_binding,
    ),
    Kind(
        RBAC, "v1", "ClusterRole", "clusterroles", False, printer=printing.ROLES, check_name=names.path_segment,
        prepare=strategies.prepare_role, validate=strategies.validate_role,
    ),
    Kind(
        RBAC, "v1", "RoleBinding", "rolebindings", printer=printing.BINDINGS, check_name=names.path_segment,
        prepare=strategies.prepare_binding, validate=strategies.validate_binding,
    ),
    Kind(
        RBAC, "v1", "Role", "roles", printer=printing.ROLES, check_name=names.path_segment,
        prepare=strategies.prepare_role, validate=strategies.validate_role,
    ),
    Kind(
        *CRDS[:1], "v1", "CustomResourceDefinition", "customresourcedefinitions", False,
        short_names=("crd", "crds"), categories=("api-extensions",), printer=printing.ROLES, generation=True,
        subresources=(_status("CustomResourceDefinition"),),
        prepare=definitions.prepare, validate=definitions.validate, condemn=definitions.condemn,
    ),
    Kind("coordination.k8s.io", "v1", "Lease", "leases", printer=printing.LEASES),
)  # fmt: skip

KINDS: tuple[Kind, ...] = tuple(map(_with_schema, _KINDS))
