"""ResourceQuotas that count objects, checked as the API server's admission checks them.

Only what `status.hard` names counts, which the quota controller has copied from the spec: a quota that it has not seen
yet forbids nothing, one that it could not count yet forbids everything. A quota with scopes never matches an object
that is only counted.

Source: `pkg/admission/plugin/resourcequota` and `pkg/quota/v1/generic` of k8s.io/apiserver.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import Resource
from fairlead.machinery.quantities import Quantity

Object = dict[str, Any]

_ONE = Quantity.parse("1")


class QuotaError(FairleadError):
    """A quota forbids one more; the message is the part after `is forbidden: `."""


def counted(resource: Resource) -> str:
    """Under which name quotas count the objects of a resource."""
    return f"count/{resource.qualified}"


def covering(quotas: Iterable[Object], name: str) -> list[Object]:
    """Those that limit it, in the order of their names."""
    found = [each for each in quotas if name in _listed(each, "hard") and not _scoped(each)]
    return sorted(found, key=lambda each: str(each["metadata"]["name"]))


def charged(quota: Object, name: str) -> Object:
    """The quota with one more used. Raises `QuotaError`."""
    called, hard, used = quota["metadata"]["name"], _listed(quota, "hard"), _listed(quota, "used")
    if name not in used:
        raise QuotaError(f"status unknown for quota: {called}, resources: {name}")
    before, limit = Quantity.parse(str(used[name])), Quantity.parse(str(hard[name]))
    after = before + _ONE
    if after > limit:
        raise QuotaError(
            f"exceeded quota: {called}, requested: {name}={_ONE}, used: {name}={before}, limited: {name}={limit}"
        )
    return {**quota, "status": {**quota["status"], "used": {**used, name: str(after)}}}


def _listed(quota: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    return (quota.get("status") or {}).get(key) or {}


def _scoped(quota: Mapping[str, Any]) -> bool:
    spec = quota.get("spec") or {}
    return bool(spec.get("scopes") or (spec.get("scopeSelector") or {}).get("matchExpressions"))
