"""Asks a real API server to apply each patch case and writes down what came of it.

Run `python -m tests.machinery.gather_patch_answers KUBECONFIG`. The schemas that strategic merge needs are taken from
the same server, without their prose.
"""

import json
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

from tests.machinery.gather_schema_answers import Asker, Object, through_kubectl
from tests.machinery.patch_cases import JSON, MERGE, STRATEGIC

ANSWERS = Path(__file__).parent / "data" / "patch_answers.json"
KINDS = {
    "Deployment": ("/apis/apps/v1/namespaces/default/deployments", "apis/apps/v1", "io.k8s.api.apps.v1.Deployment"),
    "Service": ("/api/v1/namespaces/default/services", "api/v1", "io.k8s.api.core.v1.Service"),
    "ServiceAccount": ("/api/v1/namespaces/default/serviceaccounts", "api/v1", "io.k8s.api.core.v1.ServiceAccount"),
    "ConfigMap": ("/api/v1/namespaces/default/configmaps", "api/v1", "io.k8s.api.core.v1.ConfigMap"),
}
_KEPT = ("$ref", "type", "items", "properties", "additionalProperties", "allOf")
_CHANGING = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp")


def gather(raw: Any) -> Object:
    asker = Asker(raw)
    asker.define("cases0", {"type": "object", "x-kubernetes-preserve-unknown-fields": True})
    found: Object = {
        "json": {
            name: _custom(asker, raw, f"j-{name}", before, patch, "json-patch")
            for name, (before, patch) in JSON.items()
        },
        "merge": {
            name: _custom(asker, raw, f"m-{name}", before, {"spec": patch}, "merge-patch")
            for name, (before, patch) in MERGE.items()
        },
        "strategic": {name: _built_in(raw, name, before, patch) for name, (before, patch) in STRATEGIC.items()},
        "schemas": _schemas(raw),
    }
    return found


def _custom(asker: Asker, raw: Any, name: str, before: Any, patch: Any, kind: str) -> Object:
    path = f"/apis/{asker.group}/v1/cases0"
    code, body, _ = asker.await_served("POST", path, asker.object(0, before) | {"metadata": {"name": name}})
    assert code == 201, body
    code, body, _ = raw("PATCH", f"{path}/{name}", patch, f"application/{kind}+json")
    return _told(code, body, lambda: body["spec"])


def _built_in(raw: Any, name: str, before: Object, patch: Object) -> Object:
    path = KINDS[before["kind"]][0]
    obj = deepcopy(before)
    obj["metadata"] = {"name": f"case-{name}", **obj.get("metadata", {})}
    code, live, _ = raw("POST", path, obj)
    assert code == 201, live
    code, body, _ = raw("PATCH", f"{path}/case-{name}", patch, "application/strategic-merge-patch+json")
    raw("PATCH", f"{path}/case-{name}", {"metadata": {"finalizers": None}}, "application/merge-patch+json")
    raw("DELETE", f"{path}/case-{name}")
    return {"before": _stable(live), **_told(code, body, lambda: _stable(body))}


def _told(code: int, body: Object, after: Any) -> Object:
    if code < 400:
        return {"code": code, "after": after()}
    return {"code": code} | {key: body[key] for key in ("message", "reason", "details") if key in body}


def _stable(obj: Object) -> Object:
    metadata = {key: value for key, value in obj["metadata"].items() if key not in _CHANGING}
    return {**{key: value for key, value in obj.items() if key != "status"}, "metadata": metadata}


def _schemas(raw: Any) -> Object:
    found: Object = {}
    for _, document, root in KINDS.values():
        schemas = raw("GET", f"/openapi/v3/{document}")[1]["components"]["schemas"]
        wanted = [root]
        while wanted:
            name = wanted.pop()
            if name not in found:
                found[name] = _bare(schemas[name], wanted)
    return found


def _bare(schema: Any, wanted: list[str]) -> Any:
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        wanted.append(schema["$ref"].removeprefix("#/components/schemas/"))
    bare: Object = {}
    for key, value in schema.items():
        if key == "properties":
            bare[key] = {name: _bare(each, wanted) for name, each in value.items()}
        elif key == "allOf":
            bare[key] = [_bare(each, wanted) for each in value]
        elif key in _KEPT:
            bare[key] = _bare(value, wanted)
        elif key.startswith(("x-kubernetes-patch", "x-kubernetes-list", "x-kubernetes-map")):
            bare[key] = value
    return bare


if __name__ == "__main__":
    through_kubectl(
        sys.argv[1],
        lambda raw: ANSWERS.write_text(json.dumps(gather(raw), separators=(",", ":"), sort_keys=True) + "\n"),
    )
