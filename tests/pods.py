"""Pods of a cluster that has a node, made and waited for."""

import asyncio
from contextlib import aclosing
from typing import Any

from fairlead.client.api import Client
from fairlead.client.watching import Applied, Listed, watch
from fairlead.machinery import conditions
from fairlead.machinery.paths import Resource

PODS = Resource("", "v1", "pods")
DEADLINE = 60


async def running(client: Client, name: str, *containers: str, **metadata: Any) -> dict[str, Any]:
    """Returns it once it is ready."""
    listed = [{"name": each, "image": "none"} for each in containers or ("main",)]
    await client.create(PODS, {"metadata": {"name": name, **metadata}, "spec": {"containers": listed}}, "default")
    return await ready(client, name)


async def ready(client: Client, name: str, namespace: str = "default") -> dict[str, Any]:
    async with asyncio.timeout(DEADLINE):
        async with aclosing(watch(client, PODS, namespace, field_selector=f"metadata.name={name}")) as events:
            async for event in events:
                seen = (
                    event.items if isinstance(event, Listed) else [event.object] if isinstance(event, Applied) else []
                )
                for each in seen:
                    if conditions.is_true(each, "Ready"):
                        return each
    raise AssertionError("a watch only ends with its listener")
