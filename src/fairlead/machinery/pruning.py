"""Unknown fields: dropped, and named for `fieldValidation`.

The rules are those of `apiextensions-apiserver/pkg/apiserver/schema/pruning`. Two are easily missed. Below
`x-kubernetes-preserve-unknown-fields` only fields that the schema specifies are pruned again, and only inside. And
`additionalProperties: true` admits every key but specifies no value, so objects inside such values lose everything.
"""

from typing import Any

from fairlead.machinery.structural import Node

_TYPE_AND_METADATA = frozenset(("apiVersion", "kind", "metadata"))
_NOTHING = Node({})


def _fields(*names: str, **more: Any) -> dict[str, Any]:
    return {"properties": {name: {} for name in names} | more}


_ANY_MAP: dict[str, Any] = {"additionalProperties": {}}
_OWNER = _fields("apiVersion", "blockOwnerDeletion", "controller", "kind", "name", "uid")
_MANAGED = _fields(
    "apiVersion", "fieldsType", "manager", "operation", "subresource", "time",
    fieldsV1={"x-kubernetes-preserve-unknown-fields": True},
)  # fmt: skip
METADATA = Node(
    _fields(
        "name", "generateName", "namespace", "selfLink", "uid", "resourceVersion", "generation", "creationTimestamp",
        "deletionTimestamp", "deletionGracePeriodSeconds", "finalizers",
        labels=_ANY_MAP, annotations=_ANY_MAP, ownerReferences={"items": _OWNER}, managedFields={"items": _MANAGED},
    )
)  # fmt: skip
"""The fields of meta/v1 ObjectMeta, for every kind; which types they have is the storage's affair."""


def prune(value: Any, node: Node | None, *, is_root: bool = True) -> list[str]:
    """Changes `value` in place and returns the paths dropped, sorted: `spec.a`, `spec.list[0].b`.

    `is_root`: the value is a whole object, whose apiVersion, kind and metadata are never unknown.
    """
    dropped: list[str] = []
    _prune(value, node or (_NOTHING if is_root else None), "", dropped, is_resource=is_root)
    return sorted(dropped)


def _prune(value: Any, node: Node | None, path: str, dropped: list[str], *, is_resource: bool = False) -> None:
    preserves = node is not None and node.preserves_unknown
    is_resource = is_resource or (node is not None and node.embedded_resource)
    if isinstance(value, dict):
        for name in list(value):
            inner_path = f"{path}.{name}" if path else name
            if is_resource and name in _TYPE_AND_METADATA:
                if name == "metadata":
                    _prune(value[name], METADATA, inner_path, dropped)
                continue
            if node is not None and (name in node.properties or node.allows_additional):
                _prune(value[name], node.field(name), inner_path, dropped)
            elif not preserves:
                dropped.append(inner_path)
                del value[name]
    elif isinstance(value, list):
        for index, each in enumerate(value):
            items = node.items if node is not None else None
            if preserves and (items is None or not items.preserves_unknown):
                items = _preserving(items)
            _prune(each, items, f"{path}[{index}]", dropped)


def _preserving(node: Node | None) -> Node:
    """Items of a list whose own schema preserves unknown fields are preserved too."""
    return Node({**(node.source if node else {}), "x-kubernetes-preserve-unknown-fields": True},
                node.definitions if node else {})  # fmt: skip
