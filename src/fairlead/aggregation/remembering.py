"""Answers that stay good for a few seconds.

Every request to an extension server costs an access review in the API server behind it, and a busy client asks the same
thing a hundred times a second. Answers are kept for a bounded time, in bounded number, and callers who ask for the same
at the same moment wait for one question. Failures are never kept.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_CAPACITY = 4096


class Remembered(Generic[K, V]):
    """`lifetime` in seconds of `clock`."""

    def __init__(
        self, lifetime: float, *, capacity: int = _CAPACITY, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._lifetime = lifetime
        self._capacity = capacity
        self._clock = clock
        self._answers: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self._asking: dict[K, asyncio.Task[V]] = {}

    def has(self, key: K) -> bool:
        """Whether `get` would answer without asking."""
        kept = self._answers.get(key)
        return kept is not None and kept[0] > self._clock()

    async def get(self, key: K, ask: Callable[[], Awaitable[V]]) -> V:
        """The answer kept for `key`, or that of `ask`, whose errors reach every caller that waited for it."""
        if self.has(key):
            self._answers.move_to_end(key)
            return self._answers[key][1]
        if key not in self._asking:
            self._asking[key] = asyncio.ensure_future(self._ask(key, ask))
        # A caller who gives up must not take the answer from the others.
        return await asyncio.shield(self._asking[key])

    async def _ask(self, key: K, ask: Callable[[], Awaitable[V]]) -> V:
        try:
            answer = await ask()
        finally:
            del self._asking[key]
        self._answers[key] = (self._clock() + self._lifetime, answer)
        self._answers.move_to_end(key)
        while len(self._answers) > self._capacity:
            self._answers.popitem(last=False)
        return answer
