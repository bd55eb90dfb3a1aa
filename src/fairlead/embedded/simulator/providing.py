"""Managed resources, as a provider of the playground looks after them while it runs: nothing exists behind any.

A provider that does not run does nothing at all: what it has finished stays as it was, what is new gets no condition,
and what is deleted keeps the finalizer that it alone takes away.

Source: reference/crossplane.md §3 (finalizers, annotations of creation, conditions of managed resources).
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from fairlead.client.api import Client
from fairlead.crossplane import judging
from fairlead.embedded.simulator import composing, following
from fairlead.machinery import conditions
from fairlead.machinery.conditions import condition
from fairlead.machinery.paths import Resource

Object = dict[str, Any]

FINALIZER = "finalizer.managedresource.crossplane.io"
_EXTERNAL = "crossplane.io/external-name"
_CREATED = tuple(f"crossplane.io/external-create-{each}" for each in ("pending", "succeeded"))


class Providers:
    def __init__(self, client: Client, tasks: asyncio.TaskGroup) -> None:
        self.client = client
        self._tasks = tasks
        self.tasks: list[asyncio.Task[None]] = []
        """One for each kind."""
        self._running: dict[Resource, bool] = {}

    async def runs(self, crd: Object, runs: bool) -> None:
        """Whether somebody looks after a kind; where that is new, each object of it is looked at."""
        kind = _resource(crd)
        before = self._running.get(kind)
        self._running[kind] = runs
        if before is None:
            changed = _Looking(self, kind).changed
            self.tasks.append(self._tasks.create_task(following.follow(self.client, kind, changed)))
        elif runs and not before:
            for each in (await self.client.list(kind)).items:
                await following.persist(self.client, _Looking(self, kind).changed, each)

    async def look(self, kind: Resource, obj: Object) -> None:
        """By the event itself: where it is old, what it leads to is refused, and a newer one follows."""
        if not self._running.get(kind) or _is_done(obj):
            return
        name, namespace = obj["metadata"]["name"], obj["metadata"].get("namespace")
        if judging.is_paused(obj):
            wanted = [composing.paused(following.now())]
        elif patch := _taken_up(obj):
            obj = await self.client.patch(kind, name, patch, namespace)
            if "deletionTimestamp" in obj["metadata"]:
                return
            wanted = _well()
        else:
            wanted = _well()
        found = conditions.put(conditions.conditions(obj), *wanted)
        if "deletionTimestamp" not in obj["metadata"] and found != conditions.conditions(obj):
            status = {"status": {"conditions": found}}
            await self.client.patch(kind, name, status, namespace, subresource="status")


class _Looking:
    def __init__(self, providers: Providers, kind: Resource) -> None:
        self._providers = providers
        self._kind = kind

    async def changed(self, event: Object) -> None:
        await self._providers.look(self._kind, event)


def _resource(crd: Mapping[str, Any]) -> Resource:
    spec = crd["spec"]
    version = next(each["name"] for each in spec["versions"] if each.get("storage"))
    return Resource(spec["group"], version, spec["names"]["plural"], spec["scope"] == "Namespaced")


def _is_done(event: Mapping[str, Any]) -> bool:
    """A later event will come where this one is old."""
    metadata = event["metadata"]
    settled = _EXTERNAL in (metadata.get("annotations") or {}) and FINALIZER in (metadata.get("finalizers") or ())
    said = conditions.is_true(event, "Synced") and conditions.is_true(event, "Ready")
    return settled and said and "deletionTimestamp" not in metadata and not judging.is_paused(event)


def _well() -> list[Object]:
    time = following.now()
    ready = condition("Ready", "True", "Available", time, composing.SAYS_SO)
    return [condition("Synced", "True", "ReconcileSuccess", time), ready]


def _taken_up(obj: Mapping[str, Any]) -> Object | None:
    """The merge patch by which it is taken up, or let go; None when there is nothing to do."""
    metadata = obj["metadata"]
    finalizers, annotations = list(metadata.get("finalizers") or ()), metadata.get("annotations") or {}
    wanted: Object = {}
    if "deletionTimestamp" in metadata:
        if FINALIZER in finalizers:
            wanted["finalizers"] = [each for each in finalizers if each != FINALIZER] or None
    else:
        if FINALIZER not in finalizers:
            wanted["finalizers"] = [*finalizers, FINALIZER]
        if _EXTERNAL not in annotations:
            made = dict.fromkeys(_CREATED, following.now())
            wanted["annotations"] = {_EXTERNAL: metadata["name"], **made, **composing.SIMULATED}
    return {"metadata": {**wanted, "resourceVersion": metadata["resourceVersion"]}} if wanted else None
