"""Raw questions to an API server, and the custom resource that the suite asks about."""

from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.lowlevel

from fairlead.client.connection import Connection
from fairlead.machinery import encoding
from fairlead.machinery.messages import Headers

Object = dict[str, Any]

MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
GROUP = "suite.fairlead.dev"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Headers
    body: bytes = field(repr=False)

    @property
    def object(self) -> Object:
        found: Object = encoding.from_json(self.body)
        return found

    @property
    def message(self) -> str:
        return str(self.object.get("message"))

    @property
    def refusal(self) -> tuple[int, str, str]:
        """Code, reason and sentence."""
        return self.status, str(self.object.get("reason", "")), self.message


class Api:
    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = "application/json",
        accept: str = "application/json",
        agent: str = "suite/1.0",
        user: str = "",
    ) -> Answer:
        """`body` may be a document or, as text or bytes, anything at all; `user` is asked for by impersonation."""
        place, _, query = path.partition("?")
        raw = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else b""
        if isinstance(body, dict | list):
            raw = encoding.to_json(body)
        lines = [("accept", accept), ("user-agent", agent)]
        lines += [("content-type", content_type)] if content_type and body is not None else []
        lines += [("impersonate-user", user)] if user else []
        answer = await self.connection.request(method, place, query=query, headers=Headers(lines), body=raw)
        assert isinstance(answer.body, bytes)
        return Answer(answer.status, answer.headers, answer.body)

    async def events(self, path: str, accept: str = "application/json") -> list[Object]:
        """Everything that a watch says until it ends; the path must bound it with `timeoutSeconds`."""
        place, _, query = path.partition("?")
        headers = Headers([("accept", accept)])
        with anyio.fail_after(30):
            async with self.connection.stream("GET", place, query=query, headers=headers) as stream:
                body = b"".join([chunk async for chunk in stream.chunks])
                assert stream.status == 200, body
        return [encoding.from_json(line) for line in body.splitlines() if line]

    async def define(self, definition: Object) -> None:
        """Creates a CRD if it is not there and returns once its resources are served."""
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        made = await self.ask("POST", path, definition)
        assert made.status in (201, 409), made.body
        spec = definition["spec"]
        await self.until(f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}", 200)

    async def until(self, path: str, status: int) -> Answer:
        """Asks until the answer has that status."""
        with anyio.fail_after(30):
            while (answer := await self.ask("GET", path)).status != status:
                await anyio.lowlevel.checkpoint()
        return answer

    async def until_user(self, path: str, user: str, status: int) -> Answer:
        """As `until`, for another user: a real server learns of roles some time after they were written."""
        with anyio.fail_after(30):
            while (answer := await self.ask("GET", path, user=user)).status != status:
                await anyio.lowlevel.checkpoint()
        return answer

    async def until_deleting(self, path: str) -> Object:
        """The object as soon as it is being deleted."""
        with anyio.fail_after(30):
            while "deletionTimestamp" not in (found := (await self.ask("GET", path)).object)["metadata"]:
                await anyio.lowlevel.checkpoint()
        return found

    async def until_condition(self, path: str, kind: str, status: str) -> Object:
        """The object as soon as it has that condition."""
        with anyio.fail_after(30):
            while True:
                found = (await self.ask("GET", path)).object
                if (kind, status) in _conditions(found):
                    return found
                await anyio.lowlevel.checkpoint()

    async def until_listed(self, path: str, entry: str) -> Answer:
        """Asks for a document until its `paths` have an entry: a real server writes OpenAPI some time after a CRD."""
        with anyio.fail_after(60):
            while entry not in (answer := await self.ask("GET", path)).object.get("paths", {}):
                await anyio.lowlevel.checkpoint()
        return answer


def _conditions(obj: Object) -> list[tuple[str, str]]:
    return [(each["type"], each["status"]) for each in (obj.get("status") or {}).get("conditions") or ()]


def configmap(name: str, data: Object | None = None, **metadata: Any) -> Object:
    found: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}}
    return {**found, "data": data} if data is not None else found


def widget(name: str, spec: Object | None = None, **metadata: Any) -> Object:
    found: Object = {"apiVersion": f"{GROUP}/v1", "kind": "Widget", "metadata": {"name": name, **metadata}}
    return {**found, "spec": spec} if spec is not None else found


def widgets_definition(plural: str = "widgets", kind: str = "Widget") -> Object:
    schema: Object = {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "size": {"type": "integer", "minimum": 1},
                    "color": {"type": "string", "default": "red", "enum": ["red", "blue"]},
                    "replicas": {"type": "integer"},
                    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                    "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                },
            },
            "status": {"type": "object", "properties": {"phase": {"type": "string"}, "replicas": {"type": "integer"}}},
        },
    }
    first: Object = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {
            "status": {},
            "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"},
        },
        "additionalPrinterColumns": [
            {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
            {"name": "Phase", "type": "string", "jsonPath": ".status.phase", "priority": 1},
        ],
        "selectableFields": [{"jsonPath": ".spec.color"}],
    }
    second = {**first, "name": "v2", "storage": False}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind, "shortNames": [f"{plural}x"], "categories": ["suite"]},
            "versions": [first, second],
        },
    }
