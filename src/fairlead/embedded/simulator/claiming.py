"""The claims and composites of one offered XRD, as the simulator leads them to Ready."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fairlead.client.api import Client
from fairlead.crossplane import judging, xrds
from fairlead.crossplane.xrds import Definition
from fairlead.embedded.simulator import composing, following
from fairlead.machinery import conditions, statuses
from fairlead.machinery.paths import Resource

if TYPE_CHECKING:
    from fairlead.embedded.simulator.composites import Composer

Object = dict[str, Any]

SECRETS = Resource("", "v1", "secrets")


@dataclass
class Offer:
    client: Client
    definition: Definition
    connection_keys: Sequence[str] = ()
    composer: "Composer | None" = None
    """Without one a composite is ready as soon as it is there."""
    _composed: dict[tuple[str, str], int] = field(default_factory=dict)
    """Generations of composites, by name and namespace, of which all has been done."""

    async def serve(self) -> None:
        """Until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(following.follow(self.client, self._composites, self._composite_noticed))
            if self.definition.claim is not None:
                tasks.create_task(following.follow(self.client, self._claims, self.claim_changed))

    @property
    def _claims(self) -> Resource:
        plural = self.definition.claim.plural if self.definition.claim else ""
        return Resource(self.definition.group, self.definition.referenceable, plural)

    @property
    def _composites(self) -> Resource:
        of = self.definition
        return Resource(of.group, of.referenceable, of.composite.plural, of.scope == xrds.NAMESPACED)

    async def _composite_noticed(self, event: Object) -> None:
        """What has come of our own writing alone is no news."""
        metadata = event["metadata"]
        done = self._composed.get((metadata["name"], metadata.get("namespace", "")), 0)
        if "deletionTimestamp" in metadata or metadata["generation"] > done or judging.is_paused(event):
            await self.composite_changed(event)

    async def composite_changed(self, event: Object) -> None:
        """A composite becomes ready, or is told why not; its claim then hears of it."""
        name, namespace = event["metadata"]["name"], event["metadata"].get("namespace")
        try:
            composite = await self.client.get(self._composites, name, namespace)
        except statuses.NotFound:
            composite = event
        else:
            composite = await self._led(composite)
        claim = composing.claim_of(composite)
        if claim is not None and self.definition.claim is not None:
            await self.claim_changed(await self.client.get(self._claims, claim[1], claim[0]))

    async def _led(self, composite: Object) -> Object:
        metadata = composite["metadata"]
        if self.composer and judging.is_paused(composite):
            return await self._rest(composite)
        if self.composer or metadata.get("namespace"):
            composite = await self._adopted(composite)
        if "deletionTimestamp" in metadata:
            return composite
        if self.composer:
            composite = await self.composer.compose(self._composites, composite)
            done = composite["metadata"]["generation"] if conditions.is_true(composite, "Ready") else 0
            self._composed[metadata["name"], metadata.get("namespace", "")] = done
            return composite
        wanted = composing.ready(composite, following.now())
        if wanted != conditions.conditions(composite):
            await self._set_conditions(self._composites, metadata["name"], metadata.get("namespace"), wanted)
        return composite

    async def _rest(self, composite: Object) -> Object:
        """Paused: nothing happens to it until it is not."""
        name, namespace = composite["metadata"]["name"], composite["metadata"].get("namespace")
        self._composed.pop((name, namespace or ""), None)
        wanted = conditions.put(conditions.conditions(composite), composing.paused(following.now()))
        if wanted != conditions.conditions(composite):
            await self._set_conditions(self._composites, name, namespace, wanted)
        return composite

    @property
    def composes(self) -> tuple[str, str]:
        """Version and kind by which compositions name its composites."""
        return f"{self.definition.group}/{self.definition.referenceable}", self.definition.composite.kind

    async def again(self, *, failed: bool = False) -> None:
        """Looks at every composite anew, or at those that could not be composed."""
        for each in (await self.client.list(self._composites)).items:
            if not failed or not conditions.is_true(each, "Synced"):
                await following.persist(self.client, self.composite_changed, each)

    async def look(self, name: str, namespace: str | None) -> None:
        """`namespace`: of something that it has composed."""
        inside = namespace if self._composites.namespaced else None
        await self.composite_changed(await self.client.get(self._composites, name, inside))

    async def _adopted(self, composite: Object) -> Object:
        """One that is its own root gets what a claim's was made with, and is let go when it is deleted."""
        metadata = composite["metadata"]
        patch = composing.adopting(composite, legacy=self.definition.scope == xrds.LEGACY_CLUSTER)
        if patch is None:
            return composite
        return await self.client.patch(self._composites, metadata["name"], patch, metadata.get("namespace"))

    async def claim_changed(self, event: Object) -> None:
        namespace, name = event["metadata"]["namespace"], event["metadata"]["name"]
        claim = await self.client.get(self._claims, name, namespace)
        if "deletionTimestamp" in claim["metadata"]:
            await self._release(claim)
            return
        patch = composing.binding(claim, self.definition, following.suffix())
        if patch is not None:
            claim = await self.client.patch(self._claims, name, patch, namespace)
        composite = await self._composite(claim)
        if self.composer and (told := composing.returning(claim, composite)):
            claim = await self.client.patch(self._claims, name, told, namespace)
        time = following.now()
        if not conditions.is_true(composite, "Ready"):
            wanted = composing.waiting(claim, time)
        else:
            await self._publish(claim)
            wanted = composing.ready(claim, time)
        if wanted != conditions.conditions(claim):
            await self._set_conditions(self._claims, name, namespace, wanted)

    async def _composite(self, claim: Object) -> Object:
        try:
            return await self.client.get(self._composites, composing.composite_name(claim))
        except statuses.NotFound:
            return await self.client.create(self._composites, composing.composite(claim, self.definition))

    async def _publish(self, claim: Object) -> None:
        secret = composing.connection_secret(claim, self.connection_keys, secrets.token_urlsafe(16))
        if secret is None:
            return
        namespace, name = secret["metadata"]["namespace"], secret["metadata"]["name"]
        try:
            await self.client.get(SECRETS, name, namespace)
        except statuses.NotFound:
            await self.client.create(SECRETS, secret, namespace)

    async def _release(self, claim: Object) -> None:
        """Deletes the composite, then lets the claim go."""
        finalizers = list(claim["metadata"].get("finalizers") or ())
        if composing.CLAIM_FINALIZER not in finalizers:
            return
        if await self._still_composed(claim):
            wanted = composing.deleting(claim, following.now())
            if wanted != conditions.conditions(claim):
                await self._set_conditions(
                    self._claims, claim["metadata"]["name"], claim["metadata"]["namespace"], wanted
                )
            return  # the event of its composite's end leads back here
        await self._drop_secret(claim)
        finalizers.remove(composing.CLAIM_FINALIZER)
        metadata = claim["metadata"]
        patch = {"metadata": {"finalizers": finalizers or None, "resourceVersion": metadata["resourceVersion"]}}
        await self.client.patch(self._claims, metadata["name"], patch, metadata["namespace"])

    async def _still_composed(self, claim: Object) -> bool:
        """Deletes its composite; whether the claim has to wait until that has gone."""
        name = composing.composite_name(claim)
        waits = bool(claim["spec"].get("compositeDeletePolicy") == "Foreground")
        policy = {"propagationPolicy": "Foreground" if waits else "Background"}
        try:
            composite = await self.client.get(self._composites, name)
            if "deletionTimestamp" not in composite["metadata"]:
                await self.client.delete(self._composites, name, options=policy)
        except statuses.NotFound:
            return False
        return waits

    async def _drop_secret(self, claim: Object) -> None:
        """Garbage collection would do it too, where it runs; a secret that is not the claim's stays."""
        wanted = composing.connection_secret(claim, (), "")
        if wanted is None:
            return
        namespace, name = wanted["metadata"]["namespace"], wanted["metadata"]["name"]
        try:
            live = await self.client.get(SECRETS, name, namespace)
            owners = {each.get("uid") for each in live["metadata"].get("ownerReferences") or ()}
            if claim["metadata"]["uid"] in owners:
                await self.client.delete(SECRETS, name, namespace)
        except statuses.NotFound:
            return

    async def _set_conditions(self, resource: Resource, name: str, namespace: str | None, wanted: list[Object]) -> None:
        await self.client.patch(resource, name, {"status": {"conditions": wanted}}, namespace, subresource="status")
