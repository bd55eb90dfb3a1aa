"""Patches for a real API server to apply; `data/patch_answers.json` holds what kube-apiserver v1.36.3 made of each."""

from typing import Any

Case = tuple[Any, Any]
"""What `spec` holds before, and the patch (of `spec` for merge patches, of the whole object for JSON patches)."""


def _op(op: str, path: str | None = None, **members: Any) -> dict[str, Any]:
    return {"op": op, **({"path": path} if path is not None else {}), **members}


_DOC = {"a": {"b": 1, "n": None}, "l": [1, 2, 3], "s": "x", "a/b": 1, "m~n": 2, "t": True}

JSON: dict[str, Case] = {
    "add-member": (_DOC, [_op("add", "/spec/c", value={"d": None})]),
    "add-replaces": (_DOC, [_op("add", "/spec/s", value="y")]),
    "add-to-list": (_DOC, [_op("add", "/spec/l/1", value=9)]),
    "add-to-list-end": (_DOC, [_op("add", "/spec/l/-", value=9), _op("add", "/spec/l/4", value=10)]),
    "add-beyond-list": (_DOC, [_op("add", "/spec/l/9", value=9)]),
    "add-negative": (_DOC, [_op("add", "/spec/l/-1", value=9)]),
    "add-not-a-number": (_DOC, [_op("add", "/spec/l/x", value=9)]),
    "add-parent-missing": (_DOC, [_op("add", "/spec/q/r", value=1)]),
    "add-below-scalar": (_DOC, [_op("add", "/spec/s/r", value=1)]),
    "add-below-null": (_DOC, [_op("add", "/spec/a/n/r", value=1)]),
    "add-without-value": (_DOC, [_op("add", "/spec/q")]),
    "add-without-path": (_DOC, [_op("add", value=1)]),
    "add-escaped": (_DOC, [_op("add", "/spec/x~1y~0z", value=1)]),
    "add-relative-path": (_DOC, [_op("add", "spec/q", value=1)]),
    "remove": (_DOC, [_op("remove", "/spec/a/b"), _op("remove", "/spec/l/0")]),
    "remove-escaped": (_DOC, [_op("remove", "/spec/a~1b"), _op("remove", "/spec/m~0n")]),
    "remove-missing": (_DOC, [_op("remove", "/spec/q")]),
    "remove-below-missing": (_DOC, [_op("remove", "/spec/q/r")]),
    "remove-beyond-list": (_DOC, [_op("remove", "/spec/l/7")]),
    "remove-last": (_DOC, [_op("remove", "/spec/l/-1")]),
    "remove-without-path": (_DOC, [_op("remove")]),
    "replace": (_DOC, [_op("replace", "/spec/l/2", value={"z": 1}), _op("replace", "/spec/a", value=2)]),
    "replace-missing": (_DOC, [_op("replace", "/spec/q", value=1)]),
    "replace-below-missing": (_DOC, [_op("replace", "/spec/q/r", value=1)]),
    "replace-beyond-list": (_DOC, [_op("replace", "/spec/l/7", value=1)]),
    "replace-without-path": (_DOC, [_op("replace", value=1)]),
    "replace-whole-by-scalar": (_DOC, [_op("replace", "", value=1)]),
    "move": (_DOC, [_op("move", "/spec/q", **{"from": "/spec/a"})]),
    "move-in-list": (_DOC, [_op("move", "/spec/l/0", **{"from": "/spec/l/2"})]),
    "move-missing": (_DOC, [_op("move", "/spec/q", **{"from": "/spec/r"})]),
    "move-from-below-missing": (_DOC, [_op("move", "/spec/q", **{"from": "/spec/r/s"})]),
    "move-to-below-missing": (_DOC, [_op("move", "/spec/q/r", **{"from": "/spec/a"})]),
    "move-without-from": (_DOC, [_op("move", "/spec/q")]),
    "copy": (_DOC, [_op("copy", "/spec/q", **{"from": "/spec/a"}), _op("add", "/spec/q/b", value=7)]),
    "copy-missing": (_DOC, [_op("copy", "/spec/q", **{"from": "/spec/r"})]),
    "copy-from-below-missing": (_DOC, [_op("copy", "/spec/q", **{"from": "/spec/r/s"})]),
    "copy-to-below-missing": (_DOC, [_op("copy", "/spec/q/r", **{"from": "/spec/a"})]),
    "copy-to-list-end": (_DOC, [_op("copy", "/spec/l/-", **{"from": "/spec/l/0"})]),
    "copy-beyond-list": (_DOC, [_op("copy", "/spec/l/9", **{"from": "/spec/l/0"})]),
    "test-holds": (_DOC, [_op("test", "/spec/a", value={"n": None, "b": 1}), _op("add", "/spec/ok", value=1)]),
    "test-fails": (_DOC, [_op("test", "/spec/s", value="y")]),
    "test-type": (_DOC, [_op("test", "/spec/t", value=1)]),
    "test-null-for-missing": (_DOC, [_op("test", "/spec/q", value=None)]),
    "test-null-for-null": (_DOC, [_op("test", "/spec/a/n", value=None)]),
    "test-null-for-value": (_DOC, [_op("test", "/spec/s", value=None)]),
    "test-without-value": (_DOC, [_op("test", "/spec/s")]),
    "test-below-missing": (_DOC, [_op("test", "/spec/q/r", value=1)]),
    "test-beyond-list": (_DOC, [_op("test", "/spec/l/9", value=1)]),
    "test-list": (_DOC, [_op("test", "/spec/l", value=[1, 2, 3])]),
    "test-list-order": (_DOC, [_op("test", "/spec/l", value=[1, 3, 2])]),
    "test-without-path": (_DOC, [_op("test", value=1)]),
    "unknown-operation": (_DOC, [_op("twist", "/spec/q")]),
    "no-operation": (_DOC, [{"path": "/spec/q"}]),
    "nothing": (_DOC, []),
    "not-a-list": (_DOC, {"op": "add"}),
    "not-an-operation": (_DOC, [1]),
    "path-not-a-string": (_DOC, [{"op": "add", "path": 1}]),
    "too-many": (_DOC, [_op("test", "/spec/s", value="x")] * 10_001),
}

MERGE: dict[str, Case] = {
    "add": ({"a": 1}, {"b": {"c": 1}}),
    "remove": ({"a": 1, "b": {"c": 1, "d": 2}}, {"a": None, "b": {"c": None}}),
    "nested": ({"a": {"b": {"c": 1}}}, {"a": {"b": {"d": [None]}}}),
    "list-replaces": ({"a": [1, 2]}, {"a": [3]}),
    "object-for-scalar": ({"a": 1}, {"a": {"b": 1, "c": None}}),
    "scalar-for-object": ({"a": {"b": 1}}, {"a": 1}),
    "null-for-missing": ({"a": 1}, {"b": None, "c": {"d": None}}),
    "null-in-list": ({"a": [1]}, {"a": [None, {"b": None, "c": 1}]}),
    "nothing": ({"a": 1}, {}),
}

_CONTAINER = {
    "image": "i",
    "imagePullPolicy": "Always",
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
_PORT = {"protocol": "TCP", "targetPort": 1}


def _deployment(**pod: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"a": "b"}},
            "template": {
                "metadata": {"labels": {"a": "b"}},
                "spec": {"containers": [{**_CONTAINER, "name": "c"}], **pod},
            },
        },
    }


def _pod(**members: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": members}}}


def _named(*names: str) -> list[dict[str, Any]]:
    return [{"name": name} for name in names]


_TWO = {"containers": [{**_CONTAINER, "name": "c"}, {**_CONTAINER, "name": "d"}]}
_ENV = {"containers": [{**_CONTAINER, "name": "c", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}]}
_VOLUMES = {"volumes": [{"name": "v", "emptyDir": {}}, {"name": "w", "emptyDir": {"medium": "Memory"}}]}
_SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "spec": {
        "type": "ExternalName",
        "externalName": "localhost",
        "ports": [{"name": "a", "port": 1, **_PORT}, {"name": "b", "port": 2, **_PORT}],
    },
}
_ACCOUNT = {"apiVersion": "v1", "kind": "ServiceAccount", "secrets": _named("a", "b"), "imagePullSecrets": _named("x")}
_FINALIZERS = ["example.org/a", "example.org/b", "example.org/c"]


def _config(**metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"k": "v", "l": "w"}}


STRATEGIC: dict[str, Case] = {
    "map-merges": (_config(), {"data": {"k": "x", "l": None, "n": "new"}}),
    "map-replaced": (_config(), {"data": {"$patch": "replace", "n": "new"}}),
    "map-deleted": (_config(), {"data": {"$patch": "delete"}}),
    "unknown-directive": (_config(), {"data": {"$patch": "twist"}}),
    "labels": (_config(labels={"a": "1", "b": "2"}), {"metadata": {"labels": {"a": None, "c": "3"}}}),
    "primitives-merge": (
        _config(finalizers=_FINALIZERS),
        {"metadata": {"finalizers": ["example.org/d", "example.org/a"]}},
    ),
    "primitives-deleted": (
        _config(finalizers=_FINALIZERS),
        {"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.org/b"]}},
    ),
    "primitives-ordered": (
        _config(finalizers=_FINALIZERS),
        {
            "metadata": {
                "finalizers": ["example.org/d"],
                "$setElementOrder/finalizers": ["example.org/c", "example.org/d", "example.org/a"],
            }
        },
    ),
    "list-map-merges": (_SERVICE, {"spec": {"ports": [{"port": 2, "name": "z"}]}}),
    "list-map-adds": (_SERVICE, {"spec": {"ports": [{"port": 3, "name": "c", **_PORT}]}}),
    "list-map-deletes": (_SERVICE, {"spec": {"ports": [{"$patch": "delete", "port": 1}]}}),
    "list-map-deletes-without-key": (_SERVICE, {"spec": {"ports": [{"$patch": "delete", "name": "a"}]}}),
    "list-map-replaces": (_SERVICE, {"spec": {"ports": [{"port": 9, "name": "z", **_PORT}, {"$patch": "replace"}]}}),
    "list-map-ordered": (_SERVICE, {"spec": {"$setElementOrder/ports": [{"port": 2}, {"port": 1}]}}),
    "list-map-ordered-new": (
        _SERVICE,
        {"spec": {"$setElementOrder/ports": [{"port": 3}, {"port": 1}], "ports": [{"port": 3, "name": "c", **_PORT}]}},
    ),
    "list-map-order-mismatch": (
        _SERVICE,
        {"spec": {"$setElementOrder/ports": [{"port": 1}], "ports": [{"port": 3, "name": "c", **_PORT}]}},
    ),
    "list-map-unknown-directive": (_SERVICE, {"spec": {"ports": [{"$patch": "twist", "port": 1}]}}),
    "list-map-without-key": (_SERVICE, {"spec": {"ports": [{"name": "z"}]}}),
    "list-map-removed": (_SERVICE, {"spec": {"ports": None}}),
    "secrets-merge": (_ACCOUNT, {"secrets": _named("c", "a")}),
    "secrets-atomic-field": (_ACCOUNT, {"imagePullSecrets": _named("y")}),
    "containers-merge": (_deployment(), _pod(containers=[{"name": "c", "image": "j"}])),
    "containers-add-first": (_deployment(), _pod(containers=[{**_CONTAINER, "name": "b"}, {"name": "c"}])),
    "containers-delete": (_deployment(**_TWO), _pod(containers=[{"name": "c", "$patch": "delete"}])),
    "containers-order": (_deployment(**_TWO), _pod(**{"$setElementOrder/containers": _named("d", "c")})),
    "env-merge": (
        _deployment(**_ENV),
        _pod(containers=[{"name": "c", "env": [{"name": "B", "value": "3"}, {"name": "C", "value": "4"}]}]),
    ),
    "env-delete-and-add": (
        _deployment(**_ENV),
        _pod(containers=[{"name": "c", "env": [{"name": "A", "$patch": "delete"}, {"name": "C", "value": "4"}]}]),
    ),
    "command-atomic": (
        _deployment(containers=[{**_CONTAINER, "name": "c", "command": ["a", "b"]}]),
        _pod(containers=[{"name": "c", "command": ["z"]}]),
    ),
    "tolerations-atomic": (
        _deployment(tolerations=[{"key": "a", "operator": "Exists"}]),
        _pod(tolerations=[{"key": "b", "operator": "Exists"}]),
    ),
    "retain-keys-strategy": (_deployment(), {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}),
    "retain-keys-volume": (
        _deployment(**_VOLUMES),
        _pod(volumes=[{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/x", "type": ""}}]),
    ),
    "retain-keys-inconsistent": (
        _deployment(),
        {"spec": {"strategy": {"$retainKeys": ["rollingUpdate"], "type": "Recreate"}}},
    ),
    "retain-keys-not-a-list": (_deployment(), {"spec": {"strategy": {"$retainKeys": "type", "type": "Recreate"}}}),
    "order-not-a-list": (_deployment(), _pod(**{"$setElementOrder/containers": "x"})),
    "selector-merges": (_deployment(nodeSelector={"a": "b"}), _pod(nodeSelector={"c": "d"})),
    "directive-in-new-map": (_deployment(), _pod(nodeSelector={"$patch": "replace", "c": "d"})),
    "nothing": (_config(), {}),
}
