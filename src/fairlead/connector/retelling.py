"""Events about claims and their composites, told again in the app cluster.

An event is advice for people and may be lost: what cannot be written is logged once and not tried again before the
event changes. Nothing is listed or watched in the app cluster.

Events about cluster-scoped composites are in the namespace `default` of the control plane, beside those of everybody
else. Which claim a composite belongs to is read off its name and then asked of the claim: the composite itself is out
of reach of our rights. So events about a composite that has another name, as after a migration, are not told.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from fairlead.client import watching
from fairlead.client.api import Client
from fairlead.client.watching import Applied, Interrupted, Listed
from fairlead.connector import eventcopies
from fairlead.connector.catalog import Catalog, Offer
from fairlead.connector.eventcopies import About
from fairlead.connector.naming import CLAIM_PREFIX, Scope
from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import Resource

Object = dict[str, Any]

EVENTS = Resource("", "v1", "events")
CLUSTER_SCOPED = "default"
"""The namespace of events about objects that have none."""

_log = logging.getLogger(__name__)


@dataclass
class EventMirror:
    app: Client
    control_plane: Client
    scope: Scope
    catalog: Callable[[], Catalog | None]
    _problem: str = field(default="")

    async def run(self) -> None:
        """Until cancelled; begun once the catalog is known, or the first list is told to nobody."""
        async with asyncio.TaskGroup() as tasks:
            for namespace in {self.scope.namespace, CLUSTER_SCOPED}:
                tasks.create_task(self._follow(namespace))

    async def _follow(self, namespace: str) -> None:
        said = ""
        async for event in watching.watch(self.control_plane, EVENTS, namespace):
            match event:
                case Listed(items):
                    for each in items:
                        await self._told(each)
                case Applied(each):
                    await self._told(each)
                case Interrupted(error):
                    if str(error) != said:
                        _log.warning(
                            "events of the control plane (namespace %s) cannot be watched: %s", namespace, error
                        )
                    said = str(error)
                case _:
                    pass

    async def _told(self, event: Object) -> None:
        try:
            await self._tell(event)
        except FairleadError as error:
            if str(error) != self._problem:
                _log.warning("an event of the control plane cannot be copied: %s", error)
            self._problem = str(error)

    async def _tell(self, event: Object) -> None:
        about = About.read(event)
        found = await (self._composed(about) if not about.namespace else self._claim(about))
        if found is None:
            return
        claim, offer = found
        identity = eventcopies.identify(claim, offer, self.scope)
        if identity is not None:
            await self._write(eventcopies.copy(event, claim, identity, offer, self.scope))

    async def _claim(self, about: About) -> tuple[Object, Offer] | None:
        offer = next((each for each in self._offers(about) if _is_kind(each, about)), None)
        if offer is None or about.namespace != self.scope.namespace:
            return None
        claim = await self._read(offer, about.name)
        return (claim, offer) if claim and claim["metadata"]["uid"] == about.uid else None

    async def _composed(self, about: About) -> tuple[Object, Offer] | None:
        """The claim whose composite it is; composites have a name in common with claims of several kinds."""
        for offer in self._offers(about):
            if about.claim and offer.prefix == CLAIM_PREFIX:
                claim = await self._read(offer, about.claim)
                if claim and about.is_composite_of(claim):
                    return claim, offer
        return None

    def _offers(self, about: About) -> Iterator[Offer]:
        """Those of its group, in its version: a composite and its claim have both in common."""
        catalog = self.catalog()
        for (group, version, _), offer in (catalog.offers if catalog else {}).items():
            if (group, version) == (about.group, about.version):
                yield offer

    async def _read(self, offer: Offer, name: str) -> Object | None:
        try:
            return await self.control_plane.get(offer.resource, name, self.scope.namespace)
        except statuses.NotFound:
            return None

    async def _write(self, copy: Object) -> None:
        try:
            await self.app.create(EVENTS, copy)
        except statuses.AlreadyExists:
            metadata = copy["metadata"]
            existing = await self.app.get(EVENTS, metadata["name"], metadata["namespace"])
            if eventcopies.is_ours(existing, self.scope.cluster) and not eventcopies.same(existing, copy):
                version = existing["metadata"]["resourceVersion"]
                await self.app.replace(EVENTS, {**copy, "metadata": {**metadata, "resourceVersion": version}})


def _is_kind(offer: Offer, about: About) -> bool:
    return (offer.resource.group, offer.resource.version, offer.kind) == (about.group, about.version, about.kind)
