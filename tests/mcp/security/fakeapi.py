"""An API server that answers anything, remembers what it was asked, and has a canary in everything that it says."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairlead.serving import listening

CANARY = "kX9vQ2mLpR7zT4"
"""Where it stands, a secret would: in values of Secrets, and in text of a secret's form elsewhere."""
_JWT = f"eyJhbGciOiJSUzI1NiJ9.{CANARY}.{CANARY}"
_GROUPS = {
    "": {"pods": "Pod", "secrets": "Secret", "configmaps": "ConfigMap", "events": "Event", "services": "Service"},
    "apps": {"deployments": "Deployment", "statefulsets": "StatefulSet", "replicasets": "ReplicaSet"},
    "example.org": {"databases": "Database"},
    "apiextensions.crossplane.io": {"compositeresourcedefinitions": "CompositeResourceDefinition"},
}
_CLUSTER = {"namespaces": "Namespace", "nodes": "Node"}


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    """As it was sent, percent-encoded."""
    headers: dict[str, str] = field(repr=False, default_factory=dict)


@dataclass
class FakeAPI:
    asked: list[Asked] = field(default_factory=list)
    status: int = 200
    url: str = ""
    trouble: str = ""
    """`dies` in the middle, `hangs`, `lies` about what it sends, is `huge`; what it serves is told truly."""
    hanging: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when whoever asked one that hangs has gone."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        headers = {key.decode(): value.decode("latin-1") for key, value in scope["headers"]}
        path = scope.get("raw_path", b"").decode()
        self.asked.append(Asked(scope["method"], path, headers))
        status, media_type, body = self._answer(scope["method"], scope["path"], headers)
        if self.trouble and not path.startswith(("/api?", "/apis?", "/openapi")) and path not in ("/api", "/apis"):
            await self._troubled(receive, send)
            return
        head = [(b"content-type", media_type.encode()), (b"audit-id", b"4f0c2a")]
        await send({"type": "http.response.start", "status": status, "headers": head})
        await send({"type": "http.response.body", "body": body})

    async def _troubled(self, receive: Any, send: Any) -> None:
        head = [(b"content-type", b"application/json")]
        if self.trouble == "hangs":
            self.hanging.set()
            while (await receive())["type"] != "http.disconnect":
                pass
            self.left.set()
            return
        if self.trouble == "dies":
            head.append((b"content-length", b"1000"))
        await send({"type": "http.response.start", "status": 200, "headers": head})
        if self.trouble == "lies":
            await send({"type": "http.response.body", "body": b'{"kind": "Table", "rows": 7, "items": {"a": [null]}}'})
        elif self.trouble == "dies":
            await send({"type": "http.response.body", "body": b'{"kind"', "more_body": True})
            raise ConnectionAbortedError
        else:
            for _ in range(100):
                await send({"type": "http.response.body", "body": b" " * (1 << 20), "more_body": True})
            await send({"type": "http.response.body", "body": b"{}"})

    def _answer(self, method: str, path: str, headers: dict[str, str]) -> tuple[int, str, bytes]:
        aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
        if path in ("/api", "/apis"):
            return 200, aggregated, json.dumps(_discovery(path)).encode()
        if path.startswith("/openapi"):
            return 200, "application/json", b'{"paths": {}}'
        if self.status != 200:
            said = f"no: Bearer {_JWT} password={CANARY}"
            status = {"kind": "Status", "apiVersion": "v1", "code": self.status, "message": said, "reason": "Forbidden"}
            return self.status, "application/json", json.dumps(status).encode()
        if path.endswith("/log"):
            return 200, "text/plain", f"started\ntoken: {CANARY}\nAuthorization: Bearer {_JWT}\n".encode()
        return 200, "application/json", json.dumps(_found(path, "as=Table" in headers.get("accept", ""))).encode()

    def kubeconfig(self, folder: Path) -> str:
        path = folder / "kubeconfig"
        document = {
            "kind": "Config",
            "clusters": [{"name": "a", "cluster": {"server": self.url}}],
            "users": [],
            "contexts": [{"name": "a", "context": {"cluster": "a"}}],
            "current-context": "a",
        }
        path.write_text(json.dumps(document), encoding="utf-8")
        return str(path)

    @asynccontextmanager
    async def served(self) -> AsyncIterator["FakeAPI"]:
        async with listening.listen_application(self, grace=1) as listener:
            self.url = listener.url
            yield self


def _resource(plural: str, kind: str, group: str, scope: str) -> dict[str, Any]:
    gvk = {"group": group, "version": "v1", "kind": kind}
    verbs = ["get", "list", "watch", "create", "update", "patch", "delete"]
    return {"resource": plural, "responseKind": gvk, "scope": scope, "singularResource": kind.lower(), "verbs": verbs}


def _discovery(path: str) -> dict[str, Any]:
    items = []
    for group, kinds in _GROUPS.items():
        if bool(group) is (path == "/api"):
            continue
        resources = [_resource(plural, kind, group, "Namespaced") for plural, kind in kinds.items()]
        resources += [_resource(plural, kind, "", "Cluster") for plural, kind in _CLUSTER.items() if not group]
        version = {"version": "v1", "resources": resources, "freshness": "Current"}
        items.append({"metadata": {"name": group} if group else {}, "versions": [version]})
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": items}


def _kind(path: str) -> tuple[str, str, bool]:
    """API version, kind, and whether the path is of one object."""
    parts = [each for each in path.split("/") if each]
    group = "" if parts[:1] == ["api"] else (parts[1] if len(parts) > 1 else "")
    rest = parts[2:] if not group else parts[3:]
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        rest = rest[2:]
    kinds = _GROUPS.get(group, {}) | _CLUSTER
    return (f"{group}/v1" if group else "v1"), kinds.get(rest[0] if rest else "", "Thing"), len(rest) > 1


def _found(path: str, table: bool) -> dict[str, Any]:
    version, kind, one = _kind(path)
    found = leaky(version, kind)
    if one:
        return found
    metadata = {"resourceVersion": "7"}
    if table:
        columns = [{"name": each, "type": "string", "format": "", "priority": 0} for each in ("Name", "Message")]
        row = {"cells": ["web", f"password={CANARY}"], "object": {"metadata": found["metadata"]}}
        return {
            "kind": "Table",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": metadata,
            "columnDefinitions": columns,
            "rows": [row],
        }
    return {"kind": f"{kind}List", "apiVersion": version, "metadata": metadata, "items": [found]}


def leaky(version: str, kind: str) -> dict[str, Any]:
    """An object of any kind, in whose every corner a secret was left."""
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": CANARY}}
    container = {
        "name": "web",
        "image": "web:1",
        "env": [{"name": "DB_PASSWORD", "value": CANARY}],
        "args": [f"--token={CANARY}"],
    }
    found: dict[str, Any] = {
        "apiVersion": version,
        "kind": kind,
        "metadata": {
            "name": "web",
            "namespace": "shop",
            "uid": "1f",
            "resourceVersion": "7",
            "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": json.dumps(secret),
                "note": f"password: {CANARY}",
            },
            "managedFields": [{"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:data": {}}}],
        },
        "spec": {"replicas": 1, "containers": [container], "template": {"spec": {"containers": [container]}}},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "False", "message": f"dsn postgres://u:{CANARY}@db/x refused"}],
        },
        "data": {"url": f"postgres://u:{CANARY}@db/x", "api_key": CANARY},
        "message": f"pull failed: Authorization: Bearer {_JWT}",
        "reason": "Failed",
        "type": "Warning",
        "involvedObject": {"kind": "Pod", "name": "web", "namespace": "shop"},
    }
    if kind == "Secret":
        found |= {"type": "Opaque", "data": {"a": CANARY, "b": "x"}, "stringData": {"c": CANARY}, "spec": {}}
    return found
