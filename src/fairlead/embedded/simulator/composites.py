"""Composites as their compositions make them, in the worlds of the playground.

Without a world the simulator makes every composite ready at once. In a world it does what Crossplane does: it chooses a
composition, pins its latest revision, runs the pipeline and applies what that wants; what stops it is the condition and
the event that Crossplane would have written. What may mend it (a composition, a function, a kind, a composed object) is
watched, so nothing is tried again in vain.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from fairlead.client.api import Client
from fairlead.crossplane import packages
from fairlead.crossplane.references import machinery
from fairlead.embedded.simulator import composing, following, pipelining, revising
from fairlead.embedded.simulator.crossplanekinds import resource
from fairlead.embedded.simulator.pipelining import COMPOSED_NAME, ComposingError, Desired
from fairlead.machinery import conditions, statuses
from fairlead.machinery.conditions import condition
from fairlead.machinery.paths import Resource
from fairlead.resources.kinds import Kind, UnknownKindError
from fairlead.resources.reading import Reader

Object = dict[str, Any]

FUNCTION_REVISIONS = resource("FunctionRevision")
MANAGER = "apiextensions.crossplane.io/composed"
_ROOT = ("crossplane.io/composite", "crossplane.io/claim-name", "crossplane.io/claim-namespace")


class _TooEarly(Exception):
    """The composition has no revision yet; when it has one, its composites are looked at again."""


@dataclass
class Means:
    """What composites are composed with, by name, as watches know it."""

    compositions: dict[str, Object] = field(default_factory=dict)
    revisions: dict[str, Object] = field(default_factory=dict)
    function_revisions: dict[str, Object] = field(default_factory=dict)


class Composer:
    """`changed` is told of every composed object that changes."""

    def __init__(self, client: Client, means: Means, tasks: asyncio.TaskGroup, changed: following.Changed) -> None:
        self.client = client
        self._means = means
        self._tasks = tasks
        self._changed = changed
        self._reader = Reader(client)
        self._kinds: dict[tuple[str, str], Kind] = {}
        self._watched: set[Resource] = set()
        self._own: dict[str, str] = {}
        self._busy: dict[str, list[Object]] = {}

    def forget_kinds(self) -> None:
        """What is served has changed."""
        self._kinds.clear()

    async def _found(self, kind: str, api_version: str) -> Kind:
        """Raises `UnknownKindError`."""
        known = self._kinds.get((kind, api_version))
        if known is None:
            known = self._kinds[kind, api_version] = await self._reader.kind(kind, api_version)
        return known

    async def _noticed(self, composed: Object) -> None:
        """What it has just written itself is no news; while its composite is composed, nobody knows yet what is."""
        metadata = composed["metadata"]
        owner = next((each["uid"] for each in metadata.get("ownerReferences") or () if each.get("controller")), "")
        if owner in self._busy:
            self._busy[owner].append(composed)
        elif self._own.get(metadata["uid"]) != metadata["resourceVersion"]:
            self._own.pop(metadata["uid"], None)
            await self._changed(composed)

    async def compose(self, composites: Resource, composite: Object) -> Object:
        """One that has been taken up; answers it as it then is."""
        uid = composite["metadata"]["uid"]
        missed = self._busy.setdefault(uid, [])
        try:
            composite = await self._compose(composites, composite)
        finally:
            self._busy.pop(uid, None)
        for each in missed:
            metadata = each["metadata"]
            if self._own.get(metadata["uid"]) != metadata["resourceVersion"]:
                self._tasks.create_task(following.persist(self.client, self._changed, each))
        return composite

    async def _compose(self, composites: Resource, composite: Object) -> Object:
        before = conditions.get(composite, "Synced") or {}
        try:
            composite, desired = await self._composed(composites, composite)
        except _TooEarly:
            return composite
        except ComposingError as error:
            composite = await self.client.get(composites, *_where(composite))
            if before.get("message") != error.message:
                await following.tell(self.client, composite, error.event, error.message)
            return await self._say(composites, composite, _failed(composite, error))
        return await self._say(composites, composite, _succeeded(composite, desired))

    async def _chosen(self, composite: Object) -> str:
        """Asks once more before it says that there is none: watches may be behind."""
        with suppress(ComposingError):
            return pipelining.chosen(composite, list(self._means.compositions.values()))
        return pipelining.chosen(composite, (await self.client.list(revising.COMPOSITIONS)).items)

    async def _composed(self, composites: Resource, composite: Object) -> tuple[Object, Desired]:
        name = await self._chosen(composite)
        revision = revising.latest(list(self._means.revisions.values()), name)
        if revision is None:
            raise _TooEarly
        pinned = _pinned(composite, name, revision["metadata"]["name"])
        pipeline = revision["spec"].get("pipeline") or ()
        active = packages.active(self._means.function_revisions.values())
        observed = await self._observed(composite)
        try:
            desired = pipelining.run(pipeline, composite, observed, active)
            wanted = [await self._rendered(composite, name, made) for name, made in desired.resources.items()]
        except ComposingError:
            await self._patched(composites, composite, pinned)
            raise
        references = _references(composite, [obj for _, obj in wanted])
        composite = await self._patched(composites, composite, {**pinned, "resourceRefs": references})
        made = {}
        for (kind, obj), called in zip(wanted, desired.resources, strict=True):
            made[called] = await self._apply(kind, obj, observed.get(called))
        await self._collect(observed, desired)
        if observed.keys() != made.keys():  # seen for the first time: what is there may be ready
            desired = pipelining.run(pipeline, composite, made, active)
        return composite, desired

    async def _patched(self, composites: Resource, composite: Object, wanted: Object) -> Object:
        own = machinery(composite)
        if all(own.get(key) == value for key, value in wanted.items()):
            return composite
        name, namespace = _where(composite)
        spec = wanted if own is composite.get("spec") else {"crossplane": wanted}
        return await self.client.patch(composites, name, {"spec": spec}, namespace)

    async def _observed(self, composite: Object) -> dict[str, Object]:
        """What it has composed so far, by the names that the pipeline gave."""
        found = {}
        for each in machinery(composite).get("resourceRefs") or ():
            with suppress(statuses.NotFound, UnknownKindError):
                kind = await self._found(each["kind"], each["apiVersion"])
                namespace = each.get("namespace") or composite["metadata"].get("namespace")
                inside = namespace if kind.resource.namespaced else None
                obj = await self.client.get(kind.resource, each["name"], inside)
                called = (obj["metadata"].get("annotations") or {}).get(COMPOSED_NAME)
                if called and _owned(obj, composite):
                    found[called] = obj
        return found

    async def _rendered(self, composite: Object, called: str, made: Object) -> tuple[Kind, Object]:
        obj = deepcopy(made)
        metadata = obj.setdefault("metadata", {})
        kind = await self._kind(composite, called, obj)
        own = composite["metadata"]
        if own.get("namespace"):
            metadata["namespace"] = own["namespace"]
        metadata.setdefault("name", pipelining.composed_name(composite, called))
        labels = {key: value for key, value in (own.get("labels") or {}).items() if key in _ROOT}
        metadata["labels"] = {**(metadata.get("labels") or {}), **labels}
        annotations = {**(metadata.get("annotations") or {}), COMPOSED_NAME: called, **composing.SIMULATED}
        metadata["annotations"] = annotations
        metadata["ownerReferences"] = [composing.owner(composite)]
        return kind, obj

    async def _kind(self, composite: Object, called: str, obj: Object) -> Kind:
        """Raises `ComposingError` for one that is not served, or that cannot be in a namespace as its composite is."""
        about = f'composed resource "{called}"'
        named = f"(a {obj.get('kind')} named {obj['metadata'].get('name', '')})"
        try:
            kind = await self._found(obj["kind"], obj["apiVersion"])
        except UnknownKindError:
            lack = f'no matches for kind "{obj["kind"]}" in version "{obj["apiVersion"]}"'
            what = f"cannot check if {about} is namespaced {named}: failed to get restmapping: {lack}"
            raise ComposingError(f"cannot compose resources: {what}") from None
        if composite["metadata"].get("namespace") and not kind.resource.namespaced:
            what = f"cannot apply cluster scoped {about} {named} for a namespaced composite resource."
            raise ComposingError(f"cannot compose resources: {what}")
        return kind

    async def _apply(self, kind: Kind, obj: Object, before: Object | None) -> Object:
        if kind.resource not in self._watched:
            self._watched.add(kind.resource)
            self._tasks.create_task(following.follow(self.client, kind.resource, self._noticed))
        if before is not None and ("deletionTimestamp" in before["metadata"] or _holds(before, obj)):
            return before
        inside = obj["metadata"].get("namespace") if kind.resource.namespaced else None
        made = await self.client.apply(kind.resource, obj, inside, manager=MANAGER, force=True)
        self._own[made["metadata"]["uid"]] = made["metadata"]["resourceVersion"]
        return made

    async def _collect(self, observed: Mapping[str, Object], desired: Desired) -> None:
        """Deletes what is wanted no more."""
        for called, obj in observed.items():
            if called not in desired.resources and "deletionTimestamp" not in obj["metadata"]:
                kind = await self._found(obj["kind"], obj["apiVersion"])
                with suppress(statuses.NotFound):
                    await self.client.delete(kind.resource, *_where(obj))

    async def _say(self, composites: Resource, composite: Object, wanted: list[Object]) -> Object:
        if wanted == conditions.conditions(composite):
            return composite
        name, namespace = _where(composite)
        status = {"status": {"conditions": wanted}}
        return await self.client.patch(composites, name, status, namespace, subresource="status")


def _holds(there: Any, wanted: Any) -> bool:
    """Whether all that is wanted is there already, whatever else is."""
    if isinstance(wanted, Mapping) and isinstance(there, Mapping):
        return all(key in there and _holds(there[key], value) for key, value in wanted.items())
    return bool(there == wanted)


def _pinned(composite: Object, name: str, revision: str) -> Object:
    own = machinery(composite)
    found: Object = {"compositionRef": {"name": name}}
    if own.get("compositionUpdatePolicy") != "Manual" or not own.get("compositionRevisionRef"):
        found["compositionRevisionRef"] = {"name": revision}
    return found


def _references(composite: Object, wanted: list[Object]) -> list[Object]:
    """They come first, so that nothing is ever made that its composite does not know of."""
    found = []
    for each in wanted:
        told = {"apiVersion": each["apiVersion"], "kind": each["kind"], "name": each["metadata"]["name"]}
        inside = each["metadata"].get("namespace")
        if inside and not composite["metadata"].get("namespace"):
            told["namespace"] = inside
        found.append(told)
    return sorted(found, key=lambda each: (each["apiVersion"], each["kind"], each["name"]))


def _where(obj: Mapping[str, Any]) -> tuple[str, str | None]:
    return obj["metadata"]["name"], obj["metadata"].get("namespace")


def _owned(obj: Mapping[str, Any], composite: Mapping[str, Any]) -> bool:
    owners = {each.get("uid") for each in obj["metadata"].get("ownerReferences") or ()}
    return composite["metadata"]["uid"] in owners


def _failed(composite: Object, error: ComposingError) -> list[Object]:
    """Of readiness it says nothing then: what it said before stays."""
    time, generation = following.now(), composite["metadata"]["generation"]
    synced = condition("Synced", "False", "ReconcileError", time, error.message, generation)
    return conditions.put(conditions.conditions(composite), synced, _responsive(time, generation))


def _succeeded(composite: Object, desired: Desired) -> list[Object]:
    time, generation = following.now(), composite["metadata"]["generation"]
    synced = condition("Synced", "True", "ReconcileSuccess", time, generation=generation)
    unready = sorted(desired.resources.keys() - desired.ready)
    if unready:
        message = f"Unready resources: {', '.join(unready)}"
        ready = condition("Ready", "False", "Creating", time, message, generation)
    else:
        ready = condition("Ready", "True", "Available", time, composing.SAYS_SO, generation)
    return conditions.put(conditions.conditions(composite), synced, ready, _responsive(time, generation))


def _responsive(time: str, generation: int) -> Object:
    return condition("Responsive", "True", "WatchCircuitClosed", time, generation=generation)
