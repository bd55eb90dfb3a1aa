"""How many calls one principal may make of one server in an hour, by class of tool.

Counted in buckets that refill steadily: whoever has used up an hour's reads waits seconds for the next one, not for the
hour to end. Keyed by who asks, never by connection or session: the stateless protocol has neither, and a limit that a
client escapes by leaving out a header is none (reference/mcp-and-gateways.md §0, 7).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

_HOUR = 3600.0
_MOST_KEYS = 10_000


@dataclass
class _Bucket:
    left: float
    at: float


class HourlyLimiter:
    """In the memory of one process; it forgets full buckets, so that it does not grow with every caller ever seen."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[tuple[str, ...], _Bucket] = {}

    def take(self, key: tuple[str, ...], allowance: int) -> float:
        """Takes one of `allowance` an hour; 0, or the seconds until there is one again (then nothing was taken)."""
        now = self._clock()
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= _MOST_KEYS:
                self._forget(now)
            bucket = self._buckets[key] = _Bucket(float(allowance), now)
        elapsed = max(0.0, now - bucket.at)
        bucket.left = min(float(allowance), bucket.left + elapsed * allowance / _HOUR)
        bucket.at = now
        if bucket.left < 1:
            return (1 - bucket.left) * _HOUR / allowance
        bucket.left -= 1
        return 0.0

    def _forget(self, now: float) -> None:
        """Those that nobody has used for an hour are full again; of the rest the oldest half goes if none was."""
        stale = [key for key, each in self._buckets.items() if now - each.at >= _HOUR]
        if not stale:
            by_age = sorted(self._buckets, key=lambda key: self._buckets[key].at)
            stale = by_age[: _MOST_KEYS // 2]
        for key in stale:
            del self._buckets[key]
