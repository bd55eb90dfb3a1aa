"""One of several replicas, by a Lease.

Replicas of an extension server may all answer, but only one may register APIServices and rotate certificates, or they
undo each other's work. The rules are client-go's: whoever renews the Lease has it; others take it over when it has not
changed for its duration on their own clock, because the clocks of two machines are never compared. A holder that could
not renew stops believing in itself before anybody else may take over.

A server without rights on Leases works alone, as one replica always did, and says so once.

Source: `tools/leaderelection` of k8s.io/client-go; API coordination.k8s.io/v1.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from fairlead.client.api import Client
from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import Resource

Object = dict[str, Any]

LEASES = Resource("coordination.k8s.io", "v1", "leases")
DURATION = 15.0
RENEW_DEADLINE = 10.0
RETRY = 2.0
_RELEASE_SECONDS = 2.0

_log = logging.getLogger(__name__)


class Leadership:
    """`gained` is called each time the Lease becomes ours; `owners` are those of a Lease that is made."""

    def __init__(
        self,
        client: Client,
        namespace: str,
        name: str,
        identity: str,
        *,
        gained: Callable[[], None] = lambda: None,
        owners: Callable[[], Sequence[Object]] = tuple,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._name = name
        self.identity = identity
        self._gained = gained
        self._owners = owners
        self._clock = clock
        self._renewed = -math.inf
        self._seen = ("", 0.0)
        """The version of another's Lease, and when we first saw it."""
        self._alone: bool | None = None
        self._said = ""

    @property
    def held(self) -> bool:
        return bool(self._alone) or self._clock() - self._renewed < RENEW_DEADLINE

    @property
    def another(self) -> bool:
        """Whether a replica other than this one was last seen to have the Lease."""
        return bool(self._seen[0]) and not self.held

    async def run(self) -> None:
        """Until cancelled; the Lease is given up then, so that another need not wait for it to run out."""
        try:
            while True:
                await self._attempt()
                await asyncio.sleep(RETRY)
        finally:
            await self._release()

    async def _attempt(self) -> None:
        before = self.held
        try:
            async with asyncio.timeout(RENEW_DEADLINE):
                await self.attempt()
        except (FairleadError, TimeoutError) as error:
            said = str(error) or "no answer in time"
            if said != self._said:
                _log.warning("Lease %s/%s cannot be renewed: %s", self._namespace, self._name, said)
            self._said = said
        else:
            self._said = ""
        if self.held and not before:
            _log.info("this replica (%s) registers from now on", self.identity)
            self._gained()

    async def attempt(self) -> None:
        """Takes or renews the Lease where that is due. Raises what the client raises."""
        started = self._clock()
        try:
            await self._take(started)
        except (statuses.Conflict, statuses.AlreadyExists):
            return  # another was faster
        except statuses.Forbidden as error:
            if self._alone is False:
                raise
            if self._alone is None:
                _log.warning("without rights on Leases this must be the only replica: %s", error)
            self._alone = True
            return
        self._alone = False

    async def _take(self, started: float) -> None:
        try:
            lease = await self._client.get(LEASES, self._name, self._namespace)
        except statuses.NotFound:
            await self._client.create(LEASES, self._document({}, 0), self._namespace)
            self._renewed = started
            return
        spec = lease.get("spec") or {}
        mine = spec.get("holderIdentity") == self.identity
        if not mine and not self._lapsed(lease, started):
            return
        changes = int(spec.get("leaseTransitions") or 0) + (0 if mine else 1)
        await self._client.replace(LEASES, {**lease, **self._document(spec if mine else {}, changes, lease)})
        self._renewed = started

    def _lapsed(self, lease: Object, now: float) -> bool:
        spec = lease.get("spec") or {}
        if not spec.get("holderIdentity"):
            return True
        version = str(lease["metadata"].get("resourceVersion") or "")
        if self._seen[0] != version:
            self._seen = (version, now)
        return now - self._seen[1] >= float(spec.get("leaseDurationSeconds") or DURATION)

    def _document(
        self, spec: Object, changes: int, lease: Object | None = None, *, holder: str | None = None
    ) -> Object:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        made: Object = {"name": self._name, "namespace": self._namespace}
        if owners := self._owners():
            made["ownerReferences"] = list(owners)
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": lease["metadata"] if lease else made,
            "spec": {
                "holderIdentity": self.identity if holder is None else holder,
                "leaseDurationSeconds": int(DURATION),
                "acquireTime": spec.get("acquireTime") or now,
                "renewTime": now,
                "leaseTransitions": changes,
            },
        }

    async def _release(self) -> None:
        if self._alone is not False or not self.held:
            return
        self._renewed = -math.inf
        try:
            async with asyncio.timeout(_RELEASE_SECONDS):
                lease = await self._client.get(LEASES, self._name, self._namespace)
                spec = lease.get("spec") or {}
                if spec.get("holderIdentity") == self.identity:
                    changes = int(spec.get("leaseTransitions") or 0)
                    await self._client.replace(LEASES, self._document(spec, changes, lease, holder=""))
        except (FairleadError, TimeoutError) as error:
            _log.info("Lease %s/%s runs out by itself: %s", self._namespace, self._name, error)
