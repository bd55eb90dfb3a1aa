"""A plan that waits for somebody to say yes, under a name that only whoever made it can use, once.

The agent is given the name (a handle) and carries it back; the plan itself, with the arguments of the call, stays with
us, sealed, because a model copies 22 characters faithfully and a manifest not. A handle is a name and no capability:
whoever brings it must be the principal for whom it was made. Whoever approves plans sees them by another name, so that
reading a list of them gives nobody a handle.

The first use takes it on whichever worker, before anything else is looked at again; a second one finds nothing.

Source: reference/mcp-and-gateways.md §1.2 (handles), §5.2 (Destructive calls), §5.4 group 6.
"""

import hashlib
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from fairlead.mcp.deciding.keeping import Store
from fairlead.mcp.deciding.sealing import SealError, Seals

SECONDS = 300.0
PERSON_SECONDS = 900.0
"""A person has to hear of it first."""
_PURPOSE = "plan"
_HANDLE = re.compile(r"[A-Za-z0-9_-]{22}")
ID = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class Pending:
    principal: str
    """The key of whoever asked for it."""
    who: str
    """Their name, for whoever approves."""
    server: str
    tool: str
    arguments: dict[str, Any] = field(repr=False)
    digest: str
    summary: str
    diff: str
    by_person: bool
    """Whether it must be approved by a person before it can be redeemed."""
    id: str = ""
    """By which it is approved; not the handle."""
    expires: float = 0.0
    """Seconds since 1970."""
    approved_by: str = ""

    @property
    def seconds(self) -> float:
        return PERSON_SECONDS if self.by_person else SECONDS


class Handles:
    """Of one server. Each method raises `StoreError`."""

    def __init__(self, server: str, store: Store, seals: Seals, clock: Callable[[], float] = time.time) -> None:
        self._server = server
        self._store = store
        self._seals = seals
        self._clock = clock

    def now(self) -> float:
        return self._clock()

    async def offer(self, plan: Pending) -> tuple[str, Pending]:
        """The handle, and the plan as it is kept."""
        handle = secrets.token_urlsafe(16)
        kept = replace(plan, id=_id(handle), expires=self._clock() + plan.seconds)
        await self._put(kept)
        return handle, kept

    async def find(self, handle: str) -> Pending | None:
        return await self.by_id(_id(handle)) if _HANDLE.fullmatch(handle) else None

    async def by_id(self, plan_id: str) -> Pending | None:
        """None for one that is not there, has expired, or was not sealed by us for this server."""
        sealed = await self._store.get(self._key(plan_id)) if ID.fullmatch(plan_id) else None
        if sealed is None:
            return None
        try:
            plan = msgspec.json.decode(self._seals.open(_PURPOSE, sealed, self._key(plan_id)), type=Pending)
        except SealError:
            return None
        return plan if self._clock() < plan.expires else None

    async def take(self, plan: Pending) -> bool:
        """Whether this is its first use, on any worker."""
        first = await self.first(plan.id)
        await self._store.drop(self._key(plan.id))
        return first

    async def first(self, what: str) -> bool:
        """Whether it is the first use of anything that may be used once, for longer than any of them lives."""
        return await self._store.claim(f"used:{self._server}:{what}", PERSON_SECONDS * 2)

    async def approve(self, plan: Pending, who: str) -> None:
        await self._put(replace(plan, approved_by=who))

    async def waiting(self) -> list[Pending]:
        """Those that nobody has approved yet, the next to expire first."""
        keys = await self._store.keys(self._key(""))
        found = [await self.by_id(each.rpartition(":")[2]) for each in keys]
        return sorted((each for each in found if each and not each.approved_by), key=lambda each: each.expires)

    async def _put(self, plan: Pending) -> None:
        key = self._key(plan.id)
        sealed = self._seals.seal(_PURPOSE, msgspec.json.encode(plan), key)
        await self._store.put(key, sealed, max(1.0, plan.expires - self._clock()))

    def _key(self, plan_id: str) -> str:
        return f"plan:{self._server}:{plan_id}"


def _id(handle: str) -> str:
    return hashlib.sha256(handle.encode()).hexdigest()[:12]
