"""Events about claims, told again in the app cluster.

An event is advice for people and may be lost: what cannot be written is logged once and not tried again before the
event changes. Nothing is listed or watched in the app cluster.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fairlead.client import watching
from fairlead.client.api import Client
from fairlead.client.watching import Applied, Interrupted, Listed
from fairlead.connector import eventcopies
from fairlead.connector.catalog import Catalog, Offer
from fairlead.connector.naming import Scope
from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import GroupVersion, Resource

Object = dict[str, Any]

EVENTS = Resource("", "v1", "events")

_log = logging.getLogger(__name__)


@dataclass
class EventMirror:
    app: Client
    control_plane: Client
    scope: Scope
    catalog: Callable[[], Catalog | None]
    _problem: str = field(default="")

    async def run(self) -> None:
        """Until cancelled."""
        async for event in watching.watch(self.control_plane, EVENTS, self.scope.namespace):
            match event:
                case Listed(items):
                    for each in items:
                        await self._told(each)
                case Applied(each):
                    await self._told(each)
                case Interrupted(error):
                    _log.warning("events of the control plane cannot be watched: %s", error)
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
        about = event["involvedObject"]
        offer = self._offer(about)
        if offer is None or about.get("namespace") != self.scope.namespace:
            return
        try:
            claim = await self.control_plane.get(offer.resource, about["name"], self.scope.namespace)
        except statuses.NotFound:
            return
        identity = eventcopies.identify(claim, offer, self.scope)
        if identity is not None and about.get("uid") == claim["metadata"]["uid"]:
            await self._write(eventcopies.copy(event, identity, offer, self.scope))

    def _offer(self, about: Object) -> Offer | None:
        catalog = self.catalog()
        version = GroupVersion.parse(about.get("apiVersion") or "v1")
        wanted = (version.group, version.version, about.get("kind"))
        offers = catalog.offers.values() if catalog else ()
        return next(
            (each for each in offers if (each.resource.group, each.resource.version, each.kind) == wanted), None
        )

    async def _write(self, copy: Object) -> None:
        try:
            await self.app.create(EVENTS, copy)
        except statuses.AlreadyExists:
            metadata = copy["metadata"]
            existing = await self.app.get(EVENTS, metadata["name"], metadata["namespace"])
            if eventcopies.is_ours(existing, self.scope.cluster) and not eventcopies.same(existing, copy):
                version = existing["metadata"]["resourceVersion"]
                await self.app.replace(EVENTS, {**copy, "metadata": {**metadata, "resourceVersion": version}})
