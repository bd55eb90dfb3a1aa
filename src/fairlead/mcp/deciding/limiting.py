"""How many calls one principal may make of one server in an hour, by class of tool.

Refilled steadily: whoever has used up an hour's reads waits seconds for the next one, not for the hour to end. All that
is kept of a principal is one moment, the one at which its allowance is whole again (the generic cell rate algorithm):
a call moves it on by its share of the hour, and is refused where that would be more than an hour from now. So a hundred
thousand principals cost as much as they have names, and whoever is whole again is forgotten. Keyed by who asks, never
by connection or session: the stateless protocol has neither, and a limit that a client escapes by leaving out a header
is none (reference/mcp-and-gateways.md §0, 7).

With several workers the moment lies in Redis, moved by a script there, on Redis' own clock. The library `limits` was
tried first: 0.46 s to import, an object for every call of the hour, and another meaning of "the next one" than this.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from fairlead.mcp.deciding.keeping import PREFIX, answering

if TYPE_CHECKING:
    from redis.asyncio import Redis

HOUR = 3600.0
_OFTEN = 10_000


class Limiter(Protocol):
    async def take(self, key: tuple[str, ...], allowance: int, window: float = HOUR) -> float:
        """Takes one of `allowance` in so many seconds; 0, or the seconds until there is one (then nothing is taken).

        Raises `StoreError` where it cannot be known.
        """


class HourlyLimiter:
    """In the memory of one process; on a clock that never jumps."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._whole: dict[tuple[str, ...], float] = {}
        self._until_tidied = _OFTEN

    async def take(self, key: tuple[str, ...], allowance: int, window: float = HOUR) -> float:
        return self.take_now(key, allowance, window)

    def take_now(self, key: tuple[str, ...], allowance: int, window: float = HOUR) -> float:
        now, share = self._clock(), window / allowance
        self._tidy(now)
        whole = min(max(self._whole.get(key, now), now), now + window) + share
        if whole - now > window + share * 1e-6:
            return whole - now - window
        self._whole[key] = whole
        return 0.0

    def _tidy(self, now: float) -> None:
        """Every so many calls, those whose allowance is whole go: they are as if they had never called."""
        self._until_tidied -= 1
        if self._until_tidied <= 0:
            self._whole = {key: each for key, each in self._whole.items() if each > now}
            self._until_tidied = max(_OFTEN, len(self._whole))


# Times in microseconds, which a double holds exactly; the key goes when the allowance is whole.
_SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local window, share = tonumber(ARGV[1]), tonumber(ARGV[1]) / tonumber(ARGV[2])
local whole = math.min(math.max(tonumber(redis.call('GET', KEYS[1]) or now), now), now + window) + share
if whole - now > window + share * 0.000001 then return string.format('%.0f', whole - now - window) end
redis.call('SET', KEYS[1], string.format('%.0f', whole), 'PX', math.max(1, math.ceil((whole - now) / 1000)))
return '0'
"""


class RedisLimiter:
    """One allowance for all workers that share a Redis."""

    def __init__(self, redis: "Redis") -> None:
        self._script: Any = redis.register_script(_SCRIPT)

    async def take(self, key: tuple[str, ...], allowance: int, window: float = HOUR) -> float:
        async with answering():
            found = await self._script(keys=[PREFIX + "limit:" + "|".join(key)], args=[int(window * 1e6), allowance])
        return float(found) / 1e6
