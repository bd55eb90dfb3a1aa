"""An API server that keeps who asked it for what, and tells each caller their own name."""

import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fairlead.serving import listening

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
CREDENTIAL = "base-kX9vQ2mLpR7"
"""The kubeconfig's own; shown to nobody but who is to impersonate."""


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    authorization: str
    user: str
    groups: tuple[str, ...]

    @property
    def mark(self) -> str:
        """Of who asked, as the answer has it."""
        return marked(self.authorization, self.user)


def marked(authorization: str, user: str = "") -> str:
    return "who-" + hashlib.sha256(f"{authorization}\n{user}".encode()).hexdigest()[:12]


@dataclass
class Upstream:
    seen: list[Seen] = field(default_factory=list)
    status: Callable[[Seen], int] = lambda seen: 200
    message: str = "no"
    kinds: tuple[str, ...] = ("pods", "namespaces")
    url: str = ""

    @property
    def objects(self) -> list[Seen]:
        """Requests that were no discovery."""
        return [each for each in self.seen if each.path not in ("/api", "/apis")]

    def kubeconfig(self, folder: Path, **user: Any) -> str:
        """Without credentials where no user is given."""
        path = folder / "kubeconfig"
        context = {"cluster": "a", **({"user": "a"} if user else {})}
        document = {
            "kind": "Config",
            "clusters": [{"name": "a", "cluster": {"server": self.url}}],
            "users": [{"name": "a", "user": user}],
            "contexts": [{"name": "a", "context": context}],
            "current-context": "a",
        }
        path.write_text(json.dumps(document))
        return str(path)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = Request(scope).headers
        groups = tuple(headers.getlist("impersonate-group"))
        user, authorization = headers.get("impersonate-user", ""), headers.get("authorization", "")
        seen = Seen(scope["method"], scope["path"], authorization, user, groups)
        self.seen.append(seen)
        await self._answer(seen)(scope, receive, send)

    def _answer(self, seen: Seen) -> Response:
        status = self.status(seen)
        if status != 200:
            return JSONResponse({"kind": "Status", "code": status, "message": self.message, "reason": ""}, status)
        if seen.path in ("/api", "/apis"):
            items = [_core(self.kinds)] if seen.path == "/api" else []
            return JSONResponse(
                {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": items},
                headers={"Content-Type": AGGREGATED},
            )
        return JSONResponse(_table(seen.mark))

    @asynccontextmanager
    async def served(self) -> AsyncIterator["Upstream"]:
        async with listening.listen_application(self) as listener:
            self.url = listener.url
            yield self


def _core(kinds: tuple[str, ...]) -> dict[str, Any]:
    def resource(plural: str, kind: str, scope: str) -> dict[str, Any]:
        return {
            "resource": plural,
            "responseKind": {"group": "", "version": "v1", "kind": kind},
            "scope": scope,
            "singularResource": kind.lower(),
            "verbs": ["get", "list", "watch", "create", "update", "patch", "delete"],
        }

    resources = [resource("pods", "Pod", "Namespaced"), resource("namespaces", "Namespace", "Cluster")]
    found = [each for each in resources if each["resource"] in kinds]
    return {"metadata": {}, "versions": [{"version": "v1", "resources": found, "freshness": "Current"}]}


def _table(name: str) -> dict[str, Any]:
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": "1"},
        "columnDefinitions": [{"name": "Name", "type": "string", "format": "name", "priority": 0}],
        "rows": [{"cells": [name], "object": {"metadata": {"name": name}}}],
    }
