"""Embedded resources (`x-kubernetes-embedded-resource`): whole objects inside an object.

Each needs an apiVersion and a kind of the right shape. Their metadata is checked only for being what metadata is: the
rules for names and labels belong to whoever creates that object.
"""

import re
from typing import Any

from fairlead.machinery import fielderrors
from fairlead.machinery.fielderrors import Cause
from fairlead.machinery.structural import Node

_LABEL = r"[a-z]([-a-z0-9]*[a-z0-9])?"
_DNS_1035 = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    f"and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '{_LABEL}')"
)


def validate(value: Any, node: Node | None, path: str = "") -> list[Cause]:
    if node is None:
        return []
    if isinstance(value, list):
        return [cause for i, each in enumerate(value) for cause in validate(each, node.items, f"{path}[{i}]")]
    if not isinstance(value, dict):
        return []
    causes = _resource(value, path) if node.embedded_resource else []
    for name, each in value.items():
        if name in node.properties:
            causes += validate(each, node.properties[name], f"{path}.{name}" if path else name)
        else:
            causes += validate(each, node.additional, f"{path}[{name}]")
    return causes


def _resource(value: dict[str, Any], path: str) -> list[Cause]:
    causes = [fielderrors.required(f"{path}.{name}") for name in ("apiVersion", "kind") if name not in value]
    for name in value:
        problem = _PROBLEMS[name](value[name]) if name in _PROBLEMS else ""
        if problem:
            causes.append(fielderrors.invalid(f"{path}.{name}", value[name], problem))
    return causes


def _api_version(value: Any) -> str:
    if not isinstance(value, str):
        return "must be a string"
    if not value:
        return "must not be empty"
    return f"unexpected GroupVersion string: {value}" if value.count("/") > 1 else ""


def _kind(value: Any) -> str:
    if not isinstance(value, str):
        return "must be a string"
    if not value:
        return "must not be empty"
    if len(value) > 63:
        return "may have mixed case, but should otherwise match: must be no more than 63 characters"
    if not re.fullmatch(_LABEL, value.lower()):
        return f"may have mixed case, but should otherwise match: {_DNS_1035}"
    return ""


_PROBLEMS = {"apiVersion": _api_version, "kind": _kind}
