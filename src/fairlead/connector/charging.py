"""ResourceQuotas of the app cluster that count claims: `count/<plural>.<group>`.

The API server charges a quota before it stores an object, but it does not store claims, so the charge is made here, the
same way: `status.used` is raised by compare-and-swap, and only then is the claim created. That holds over any number of
replicas, because the quota itself is what they agree on. Charges that wait for one namespace are made together, or
replicas would spend their time on each other's conflicts.

Nothing is ever given back here. The quota controller counts the claims through our API when one is deleted and every
few minutes; a charge taken back after it has counted would make room that there is not.

A quota is charged as it was last heard of; only one that was just read may refuse.

Source: `pkg/admission/plugin/resourcequota` of k8s.io/apiserver.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fairlead.client import watching
from fairlead.client.api import Client
from fairlead.client.errors import ClientError
from fairlead.client.watching import Applied, Deleted, Event, Interrupted, Listed
from fairlead.machinery import quotas, statuses
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import Resource
from fairlead.machinery.quotas import QuotaError

Object = dict[str, Any]

QUOTAS = Resource("", "v1", "resourcequotas")
PATIENCE_SECONDS = 10.0
"""As long as the API server tries."""

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class Charge:
    """One object that is to be counted."""

    resource: Resource
    name: str
    done: bool = False
    refused: statuses.StatusError | None = None

    def settle(self, refused: statuses.StatusError | None = None) -> None:
        self.done, self.refused = True, refused


@dataclass
class _Room:
    """Charges that wait for the quotas of one namespace; whoever has the lock makes them all."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: list[Charge] = field(default_factory=list)


class Quotas:
    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[tuple[str, str], Object] = {}
        self._current = False
        self._rooms: dict[str, _Room] = {}

    # -- following -----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled."""
        async for event in watching.watch(self._client, QUOTAS):
            self.heard(event)

    def heard(self, event: Event) -> None:
        match event:
            case Listed(items):
                self._known = {_key(each): each for each in items}
            case Applied(item):
                self._known[_key(item)] = item
            case Deleted(item):
                self._known.pop(_key(item), None)
            case Interrupted(error) if not isinstance(error, statuses.NotFound):
                _log.warning("resource quotas of the app cluster cannot be watched, and are asked for: %s", error)
            case _:
                pass
        self._current = not isinstance(event, Interrupted)

    async def _of(self, namespace: str, *, live: bool = False) -> list[Object]:
        """Raises `InternalError`: without knowing its quotas nothing may be counted as free."""
        if self._current and not live:
            return [each for (place, _), each in self._known.items() if place == namespace]
        try:
            return (await self._client.list(QUOTAS, namespace)).items
        except statuses.NotFound:
            return []  # an API server without quotas
        except (statuses.StatusError, ClientError) as error:
            raise _unknown(f"resource quotas of namespace {namespace} cannot be read: {error}") from error

    # -- what a new object asks ----------------------------------------------------------------------------------------

    async def cover(self, resource: Resource, namespace: str) -> bool:
        """Whether any quota counts such objects."""
        return bool(quotas.covering(await self._of(namespace), quotas.counted(resource)))

    async def check(self, resource: Resource, name: str, namespace: str) -> None:
        """Charges nothing. Raises `Forbidden` where there is no room."""
        one = Charge(resource, name)
        _, refused = _charged(await self._of(namespace, live=True), [one])
        if refused:
            raise refused[one]

    async def charge(self, resource: Resource, name: str, namespace: str) -> None:
        """Raises `Forbidden` where there is no room, and `InternalError` where that cannot be found out."""
        mine = Charge(resource, name)
        room = self._rooms.setdefault(namespace, _Room())
        room.waiting.append(mine)
        try:
            async with room.lock:
                if not mine.done:
                    await self._make([each for each in room.waiting if not each.done], namespace)
        finally:
            room.waiting.remove(mine)
            if not room.waiting:
                self._rooms.pop(namespace, None)
        if mine.refused:
            raise mine.refused

    async def _make(self, charges: Sequence[Charge], namespace: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._attempts(charges, namespace)
        except TimeoutError:
            _settle(charges, _unknown("resource quota evaluation timed out"))
        except statuses.StatusError as error:
            _settle(charges, error)

    async def _attempts(self, charges: Sequence[Charge], namespace: str) -> None:
        """A conflict means that somebody else's charge was made, so all of them come to an end."""
        live, left = False, None
        while True:
            found = await self._of(namespace, live=live)
            before = {each["metadata"]["name"]: each for each in found}
            if left is not None:
                before = {name: each for name, each in before.items() if name in left}
            after, refused = _charged(list(before.values()), [each for each in charges if not each.done])
            if refused and not live:
                live = True
                continue
            for one, error in refused.items():
                one.settle(error)
            changed = [each for each in after if each is not before[each["metadata"]["name"]]]
            left = {each["metadata"]["name"] for each in changed if not await self._swapped(each)}
            if not left:
                return _settle(charges)
            live = True

    async def _swapped(self, quota: Object) -> bool:
        """False where it was changed since it was read."""
        try:
            self._remember(await self._client.replace(QUOTAS, quota, subresource="status"))
        except statuses.Conflict:
            return False
        except statuses.NotFound:
            return True  # it was deleted: it limits nothing any more
        except (statuses.StatusError, ClientError) as error:
            raise _unknown(f"resource quota {quota['metadata']['name']} cannot be charged: {error}") from error
        return True

    def _remember(self, quota: Object) -> None:
        """What a charge left; where the watch still is behind, the next charge finds out by its conflict."""
        if _key(quota) in self._known:
            self._known[_key(quota)] = quota


def _charged(
    found: Sequence[Object], charges: Sequence[Charge]
) -> tuple[list[Object], dict[Charge, statuses.StatusError]]:
    """The quotas afterwards, those that nothing was charged to as they are; and who found no room."""
    after = {each["metadata"]["name"]: each for each in found}
    refused: dict[Charge, statuses.StatusError] = {}
    for one in charges:
        counted = quotas.counted(one.resource)
        try:
            covering = quotas.covering(after.values(), counted)
            after |= {each["metadata"]["name"]: quotas.charged(each, counted) for each in covering}
        except QuotaError as error:
            refused[one] = statuses.forbidden(one.resource, one.name, str(error))
        except FairleadError as error:
            refused[one] = _unknown(str(error))
    return list(after.values()), refused


def _settle(charges: Sequence[Charge], refused: statuses.StatusError | None = None) -> None:
    for each in charges:
        if not each.done:
            each.settle(refused)


def _unknown(why: str) -> statuses.InternalError:
    return statuses.InternalError(f"Internal error occurred: {why}")


def _key(quota: Object) -> tuple[str, str]:
    return quota["metadata"]["namespace"], quota["metadata"]["name"]
