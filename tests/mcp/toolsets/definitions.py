"""Custom resources for tests that need a kind of their own."""

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import anyio
import anyio.lowlevel

from fairlead.client.api import Client
from fairlead.machinery import statuses
from fairlead.machinery.paths import Resource

Found = TypeVar("Found")
CRDS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", namespaced=False)
ANYTHING: dict[str, Any] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
REPLICAS: dict[str, Any] = {"type": "object", "properties": {"replicas": {"type": "integer"}}}


async def made(client: Client, group: str, kind: str, *, spec: dict[str, Any], scale: bool = False) -> Resource:
    """Its resource, once it is served and its schema is published; a definition that is there already stays."""
    plural = f"{kind.lower()}s"
    status = {"type": "object", "properties": {"replicas": {"type": "integer"}, **_CONDITIONS}}
    schema = {"type": "object", "properties": {"spec": spec, "status": status}}
    paths = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}} | ({"scale": paths} if scale else {}),
    }
    obj = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind, "singular": kind.lower()},
            "versions": [version],
        },
    }
    with contextlib.suppress(statuses.AlreadyExists):
        await client.create(CRDS, obj)
    resource = Resource(group, "v1", plural)
    await eventually(lambda: client.list(resource, "default"))
    await eventually(lambda: _published(client, resource, kind))
    return resource


async def _published(client: Client, resource: Resource, kind: str) -> None:
    """A real server takes seconds to publish what it serves already."""
    paths = (await client.read("/openapi/v3"))["paths"]
    path, _, query = paths.get(f"apis/{resource.group}/v1", {}).get("serverRelativeURL", "").partition("?")
    assert path
    schemas = (await client.read(path, dict(parse_qsl(query)))).get("components", {}).get("schemas", {})
    assert any(name.endswith(f".{kind}") for name in schemas)


async def eventually(step: Callable[[], Awaitable[Found]], seconds: float = 60) -> Found:
    """Asks again until it is not refused, with a deadline."""
    with anyio.fail_after(seconds):
        while True:
            try:
                return await step()
            except (AssertionError, statuses.StatusError):
                await anyio.lowlevel.checkpoint()


_CONDITIONS = {
    "conditions": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"type": {"type": "string"}, "status": {"type": "string"}, "reason": {"type": "string"}},
        },
    }
}
