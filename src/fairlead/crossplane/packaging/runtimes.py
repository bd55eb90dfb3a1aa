"""Deployment runtime configs: how the Pods of providers and functions run, changed by what people want of them.

What people want is a flag, a variable or a limit of one container; what they have to write is a Deployment with a
selector and a template that must be there and may be empty, and a container whose name they have to know. So fields are
put where they belong, whatever is already there beside them kept.

Source: reference/crossplane.md §1.5.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from fairlead.crossplane.building import BuildError

Object = dict[str, Any]
CONTAINER = "package-runtime"


def changed(
    spec: Mapping[str, Any],
    *,
    template: Mapping[str, Any] | None = None,
    replicas: int | None = None,
    args: Sequence[str] | None = None,
    env: Sequence[str] = (),
    resources: Mapping[str, Any] | None = None,
    service_account: str = "",
    service_account_annotations: Mapping[str, str] | None = None,
) -> Object:
    """`template` replaces the whole deployment template, and the rest goes on top. Raises `BuildError`."""
    after = deepcopy(dict(spec))
    if template is not None:
        after["deploymentTemplate"] = deepcopy(dict(template))
    if replicas is not None:
        _deployment(after)["replicas"] = replicas
    if args is not None:
        _container(after)["args"] = list(args)
    if env:
        container = _container(after)
        container["env"] = _environment(container.get("env") or (), env)
    if resources is not None:
        _container(after)["resources"] = dict(resources)
    account = _account(after, service_account, service_account_annotations or {})
    return after | ({"serviceAccountTemplate": account} if account else {})


def _deployment(spec: Object) -> Object:
    found: Object = spec.setdefault("deploymentTemplate", {}).setdefault("spec", {})
    found.setdefault("selector", {})
    found.setdefault("template", {})
    return found


def _container(spec: Object) -> Object:
    containers: list[Object] = _deployment(spec)["template"].setdefault("spec", {}).setdefault("containers", [])
    for each in containers:
        if each.get("name") == CONTAINER:
            return each
    containers.insert(0, {"name": CONTAINER})
    return containers[0]


def _environment(before: Sequence[Mapping[str, Any]], wanted: Sequence[str]) -> list[Object]:
    """Variables keep their places; `KEY=value` sets one, `KEY-` takes it away. Raises `BuildError`."""
    found = {str(each.get("name")): dict(each) for each in before}
    for each in wanted:
        key, sign, value = each.partition("=")
        if sign and key:
            found[key] = {"name": key, "value": value}
        elif key.endswith("-") and len(key) > 1:
            found.pop(key[:-1], None)
        else:
            raise BuildError(f"{key!r} sets no variable", "", "write KEY=value, or KEY- to remove it")
    return list(found.values())


def _account(spec: Mapping[str, Any], name: str, annotations: Mapping[str, str]) -> Object:
    if not name and not annotations:
        return {}
    found = deepcopy(dict(spec.get("serviceAccountTemplate") or {}))
    metadata = found.setdefault("metadata", {})
    if name:
        metadata["name"] = name
    if annotations:
        metadata["annotations"] = {**(metadata.get("annotations") or {}), **annotations}
    return found
