"""Selectors: what a client asks for, narrowed to what is its own.

Every list, watch and deletecollection that goes to the control plane carries a label selector that we built; the
client's terms can only narrow it, for a comma is an AND. They are read all the same: a term on a reserved label must
behave as on a label that is not there, or it would show what is hidden. Field selectors on name and namespace speak of
names that the control plane does not know.

Source: reference/aggregation-layer.md §8.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from fairlead.connector import compositenames
from fairlead.connector.naming import (
    APP_CLUSTER,
    APP_NAMESPACE,
    APP_RESOURCE_NAME,
    COMPOSITE_PREFIX,
    Identity,
    Scope,
    is_label_value,
    is_reserved,
)
from fairlead.machinery import statuses
from fairlead.machinery.selectors import FieldSelector, FieldTerm, LabelSelector, Requirement

_NOTHING = f"!{APP_CLUSTER}"
"""Beside the requirement that the label has a value, this is fulfilled by no object."""


_LONGEST_MANAGER = 128


class UnscopedError(Exception):
    """A request for a collection lacks the selector that keeps it to this app cluster: a bug, never sent."""


@dataclass(frozen=True)
class Selection:
    labels: str
    fields: str


def select(scope: Scope, prefix: str, namespace: str, labels: str = "", fields: str = "") -> Selection:
    """`namespace` is the app cluster's, empty for all. Raises `BadRequest` for what is no selector."""
    label_terms = list(_own(scope, namespace))
    kept_fields: list[str] = []
    for requirement in LabelSelector.parse(labels).requirements:
        label_terms += _label_term(requirement, scope, prefix, namespace)
    for term in FieldSelector.parse(fields).terms:
        more_labels, more_fields = _field_term(term, scope, prefix, namespace)
        label_terms += more_labels
        kept_fields += more_fields
    return Selection(",".join(label_terms), ",".join(kept_fields))


def _own(scope: Scope, namespace: str) -> Iterator[str]:
    """A namespace that no label can name holds nothing, as a kube-apiserver answers for one that is not there."""
    yield f"{APP_CLUSTER}={scope.cluster}"
    if namespace:
        yield f"{APP_NAMESPACE}={namespace}" if is_label_value(namespace) else _NOTHING


def _label_term(requirement: Requirement, scope: Scope, prefix: str, namespace: str) -> list[str]:
    if requirement.key == compositenames.LABEL and prefix == COMPOSITE_PREFIX:
        return [compositenames.selected(requirement, scope, namespace)]
    if not is_reserved(requirement.key):
        return [str(requirement)]
    return [] if requirement.matches({}) else [_NOTHING]


def _field_term(term: FieldTerm, scope: Scope, prefix: str, namespace: str) -> tuple[list[str], list[str]]:
    """What a term asks of labels and of fields."""
    if term.field == "metadata.name" and namespace:
        stored = Identity(scope.cluster, namespace, term.value).backend(prefix)
        return [], [str(FieldTerm(term.field, term.operator, stored))]
    label = {"metadata.name": APP_RESOURCE_NAME, "metadata.namespace": APP_NAMESPACE}.get(term.field)
    if label is None:
        return [], [str(term)]
    if term.value and is_label_value(term.value):
        return [f"{label}{term.operator}{term.value}"], []
    return ([_NOTHING] if term.operator == "=" else []), []


def check(labels: str, scope: Scope, namespace: str) -> None:
    """The last look before a request for a collection is sent. Raises `UnscopedError`."""
    try:
        found = LabelSelector.parse(labels).requirements
    except statuses.BadRequest as error:
        raise UnscopedError(str(error)) from error
    for wanted in LabelSelector.parse(",".join(_own(scope, namespace))).requirements:
        if wanted not in found:
            raise UnscopedError(f"{wanted} is not part of {labels!r}")


def check_numbers(parameters: Mapping[str, str]) -> None:
    """Options are read before selectors are. Raises `BadRequest`."""
    for key in ("timeoutSeconds", "limit"):
        value = parameters.get(key, "")
        if value and not re.fullmatch(r"[+-]?\d+", value):
            raise statuses.BadRequest(f'strconv.ParseInt: parsing "{value}": invalid syntax')


def are_usual(parameters: Mapping[str, str]) -> bool:
    """Whether no option of a write is one that the API server may refuse."""
    manager = parameters.get("fieldManager", "")
    return (
        parameters.get("dryRun", "All") in ("", "All")
        and parameters.get("fieldValidation", "") in ("", "Ignore", "Strict", "Warn")
        and len(manager.encode()) <= _LONGEST_MANAGER
        and manager.isprintable()
    )


# -- query parameters --------------------------------------------------------------------------------------------------

_WRITE = ("dryRun", "fieldManager", "fieldValidation")
_PASSED: Mapping[str, tuple[str, ...]] = {
    "get": ("resourceVersion",),
    "list": ("limit", "continue", "resourceVersion", "resourceVersionMatch", "sendInitialEvents", "timeoutSeconds"),
    "watch": ("resourceVersion", "resourceVersionMatch", "sendInitialEvents", "allowWatchBookmarks", "timeoutSeconds"),
    "create": _WRITE,
    "update": _WRITE,
    "patch": (*_WRITE, "force"),
    "delete": (),
    "deletecollection": ("dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy", "resourceVersion",
                         "resourceVersionMatch", "limit", "continue"),
}  # fmt: skip


def passed(verb: str, parameters: Mapping[str, str], leave_out: Iterable[str] = ()) -> dict[str, str]:
    """The client's options that the control plane is to see, each once; the rest is ours to say, or nobody's."""
    return {key: parameters[key] for key in _PASSED[verb] if key in parameters and key not in leave_out}
