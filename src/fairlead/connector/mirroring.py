"""Connection secrets, copied to the app cluster and kept in step.

The control plane's Secrets are watched, one event at a time leads to one look at the claim and one at the copy, and
whatever fails is tried again. In the app cluster nothing is listed or watched: rights to read every Secret there would
be far too much for this. A copy that somebody deleted or changed is put right at the next round over all.

Replicas may do this side by side: each write is conditional on what was seen.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from fairlead.client import watching
from fairlead.client.api import Client
from fairlead.client.watching import Applied, Deleted, Interrupted, Listed
from fairlead.connector import connectionsecrets
from fairlead.connector.catalog import Catalog, Offer
from fairlead.connector.connectionsecrets import Claim, Owner
from fairlead.connector.naming import Scope
from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import Resource

Object = dict[str, Any]
Place = tuple[str, str]
"""Namespace and name in the app cluster."""
Copied = tuple[Place, Claim | None]

SECRETS = Resource("", "v1", "secrets")
_ROUND_SECONDS = 60.0
_RETRY_SECONDS = 2.0

_log = logging.getLogger(__name__)


@dataclass
class SecretMirror:
    app: Client
    control_plane: Client
    scope: Scope
    catalog: Callable[[], Catalog | None]
    _found: dict[str, Object] = field(default_factory=dict)
    """The control plane's Secrets, by name."""
    _copied: dict[str, Copied] = field(default_factory=dict)
    """Where each was copied to, and for which claim."""
    _due: set[str] = field(default_factory=set)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _told: dict[str, str] = field(default_factory=dict)
    """Problems that are in the log already."""

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._work())

    async def _follow(self) -> None:
        selector = f"type={connectionsecrets.TYPE}"
        async for event in watching.watch(self.control_plane, SECRETS, self.scope.namespace, field_selector=selector):
            match event:
                case Listed(items):
                    self._found = {each["metadata"]["name"]: each for each in items}
                    self._due |= self._found.keys() | self._copied.keys()
                case Applied(each):
                    self._found[each["metadata"]["name"]] = each
                    self._due.add(each["metadata"]["name"])
                case Deleted(each):
                    self._found.pop(each["metadata"]["name"], None)
                    self._due.add(each["metadata"]["name"])
                case Interrupted(error):
                    _log.warning("connection secrets of the control plane cannot be watched: %s", error)
            self._changed.set()

    async def _work(self) -> None:
        pause = _ROUND_SECONDS
        clock = asyncio.get_running_loop().time
        round_at = clock() + _ROUND_SECONDS
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._changed.wait()
            self._changed.clear()
            if clock() >= round_at:
                self._due |= self._found.keys() | self._copied.keys()
                round_at = clock() + _ROUND_SECONDS
            due, self._due = self._due, set()
            failed = {name for name in sorted(due) if not await self._settled(name)}
            self._due |= failed
            pause = _RETRY_SECONDS if failed else _ROUND_SECONDS

    async def _settled(self, name: str) -> bool:
        try:
            await self._settle(name)
        except FairleadError as error:
            self._tell(name, f"connection secret {name} cannot be copied: {error}")
            return False
        return True

    async def _settle(self, name: str) -> None:
        secret, before = self._found.get(name), self._copied.get(name)
        wanted = await self._wanted(secret) if secret else None
        now = (_place(wanted), connectionsecrets.claim_of(wanted)) if wanted else None
        if before and before != now:
            await self._remove(*before)
            del self._copied[name]
        if wanted and now:
            self._copied[name] = now
            await self._bring(name, now[0], wanted)

    async def _wanted(self, secret: Object) -> Object | None:
        owner = connectionsecrets.owner(secret)
        offer = self._offer(owner) if owner else None
        if owner is None or offer is None:
            return None
        try:
            claim = await self.control_plane.get(offer.resource, owner.name, self.scope.namespace)
        except statuses.NotFound:
            return None
        return connectionsecrets.copy(secret, claim, offer, self.scope)

    def _offer(self, owner: Owner) -> Offer | None:
        """Raises `ServiceUnavailable` while it is not known what is offered."""
        catalog = self.catalog()
        if catalog is None:
            raise statuses.ServiceUnavailable("what the control plane offers is not known yet")
        wanted = (owner.group, owner.version, owner.kind)
        offers = {(each.resource.group, each.resource.version, each.kind): each for each in catalog.offers.values()}
        return offers.get(wanted)

    async def _bring(self, name: str, place: Place, wanted: Object) -> None:
        verb, secret = connectionsecrets.to_have(await self._existing(place), wanted)
        if verb == "create":
            await self.app.create(SECRETS, secret)
        elif verb == "replace":
            await self.app.replace(SECRETS, secret)
        if verb == "refuse":
            self._tell(name, f"secret {'/'.join(place)} exists and is not our copy for this claim: it is left alone")
        else:
            self._told.pop(name, None)

    async def _remove(self, place: Place, claim: Claim | None) -> None:
        existing = await self._existing(place)
        if existing is None or not connectionsecrets.is_copy(existing, self.scope.cluster, claim):
            return
        try:
            options = {"preconditions": {"uid": existing["metadata"]["uid"]}}
            await self.app.delete(SECRETS, place[1], place[0], options=options)
        except statuses.NotFound:
            return

    async def _existing(self, place: Place) -> Object | None:
        try:
            return await self.app.get(SECRETS, place[1], place[0])
        except statuses.NotFound:
            return None

    def _tell(self, name: str, problem: str) -> None:
        """Each problem once, until it is another."""
        if self._told.get(name) != problem:
            _log.warning("%s", problem)
        self._told[name] = problem


def _place(secret: Object) -> Place:
    return secret["metadata"]["namespace"], secret["metadata"]["name"]
