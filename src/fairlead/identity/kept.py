"""A document that is fetched once however many ask, and outlives the trouble of who serves it.

What was good holds on while it cannot be fetched anew, for a day at most: a provider that restarts must not lock
everybody out, and one that hangs must not hold everybody up, so what is only no longer fresh is fetched aside. Whoever
misses something in it may have it fetched early, but not again and again: a stranger with invented key ids would make
us flood the provider.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from fairlead.identity.errors import ProviderError

FRESH_SECONDS = 900.0
STALE_SECONDS = 86_400.0
COOLDOWN_SECONDS = 10.0
_FIRST_COOLDOWN_SECONDS = 1.0
_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class Kept(Generic[_T]):
    def __init__(self, fetch: Callable[[], Awaitable[_T]], clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._value: _T | None = None
        self._fetched = 0.0
        self._tried: float | None = None
        self._error: ProviderError | None = None
        self._fetching = asyncio.Lock()
        self._aside: asyncio.Task[None] | None = None

    async def get(self) -> _T:
        """Raises `ProviderError` where there is nothing, or nothing that is young enough."""
        if self._value is None or self._age() >= STALE_SECONDS:
            await self._fetch_if(STALE_SECONDS)
        elif self._age() >= FRESH_SECONDS and self._may_try() and not self._fetching.locked():
            self._aside = asyncio.create_task(self._fetch_if(FRESH_SECONDS))
        return self._held()

    async def _fetch_if(self, older: float) -> None:
        async with self._fetching:
            if self._value is None or self._age() >= older:
                await self._try()

    async def newer(self, than: _T) -> _T:
        """Another one if there is one by now; the same where it was asked for a moment ago."""
        async with self._fetching:
            if self._value is than:
                await self._try()
        return self._held()

    def _may_try(self) -> bool:
        cooldown = COOLDOWN_SECONDS if self._value is not None else _FIRST_COOLDOWN_SECONDS
        return self._tried is None or self._clock() - self._tried >= cooldown

    async def _try(self) -> None:
        if not self._may_try():
            return
        self._tried = self._clock()
        try:
            self._value = await self._fetch()
        except ProviderError as error:
            if self._error is None:
                _log.warning("%s", error)
            self._error = error
            return
        self._fetched, self._error = self._clock(), None

    def _held(self) -> _T:
        if self._value is not None and self._age() < STALE_SECONDS:
            return self._value
        raise self._error or ProviderError("the identity provider was not asked yet")

    def _age(self) -> float:
        return self._clock() - self._fetched
