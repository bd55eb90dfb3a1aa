"""Which objects an object of Crossplane's is made of, as its spec says: the edges of a trace.

A claim has one composite; a composite has what its composition made, and where its scope is a legacy one the references
lie at another place. Where a reference says no namespace it is the composite's own: it can compose into no other.

Source: reference/crossplane.md §3, §5 (trace).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Object = Mapping[str, Any]
_LEAVES = {("v1", "Secret"), ("apiextensions.crossplane.io/v1beta1", "EnvironmentConfig")}


@dataclass(frozen=True, order=True)
class Reference:
    api_version: str
    kind: str
    name: str
    namespace: str = ""

    def __str__(self) -> str:
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.kind}/{self.name}{where}"


def of(obj: Object) -> Reference:
    metadata = obj.get("metadata") or {}
    return Reference(
        str(obj.get("apiVersion", "")),
        str(obj.get("kind", "")),
        str(metadata.get("name", "")),
        str(metadata.get("namespace", "")),
    )


def machinery(obj: Object) -> Object:
    """Where a composite keeps what is Crossplane's own: in `spec.crossplane`, or in a legacy `spec` itself."""
    spec = obj.get("spec") or {}
    found = spec.get("crossplane")
    return found if isinstance(found, Mapping) else spec


def children(obj: Object, *, secrets: bool = False) -> list[Reference]:
    """In the order of version, kind and name; `secrets` adds the connection secret."""
    own = of(obj)
    spec = obj.get("spec") or {}
    if (own.api_version, own.kind) in _LEAVES or own.kind == "Usage" or not isinstance(spec, Mapping):
        return []
    found = [_reference(spec["resourceRef"], "")] if isinstance(spec.get("resourceRef"), Mapping) else []
    if not found:
        crossplane = spec.get("crossplane") if isinstance(spec.get("crossplane"), Mapping) else {}
        lists = ((crossplane or {}).get("resourceRefs"), spec.get("resourceRefs"))
        found = [
            _reference(each, own.namespace) for many in lists if isinstance(many, list) for each in many if _whole(each)
        ]
    secret = spec.get("writeConnectionSecretToRef")
    if secrets and isinstance(secret, Mapping) and secret.get("name"):
        found.append(Reference("v1", "Secret", str(secret["name"]), str(secret.get("namespace") or own.namespace)))
    return sorted(set(found))


def _whole(reference: Any) -> bool:
    """A composite lists a resource before it has a name."""
    return isinstance(reference, Mapping) and bool(reference.get("name"))


def _reference(found: Object, namespace: str) -> Reference:
    return Reference(
        str(found.get("apiVersion") or ""),
        str(found.get("kind") or ""),
        str(found.get("name") or ""),
        str(found.get("namespace") or namespace),
    )
