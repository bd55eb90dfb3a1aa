"""Allowances: exact at their edge, the same in memory and in Redis, and no larger for a hundred thousand callers."""

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.mcp.deciding.keeping import StoreError
from fairlead.mcp.deciding.limiting import HOUR, HourlyLimiter, RedisLimiter
from fairlead.mcp.deciding.sharing import Shared, SharingError, opened
from fairlead.mcp.named.servers import Limits, NamedServer
from tests.mcp.changing import ME, YOU, World, gate
from tests.mcp.redisserver import redis_url

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("mcp:limits")]
__all__ = ["redis_url"]


@given(st.integers(1, 50), st.lists(st.floats(-200, 4000), max_size=60))
def test_never_more_than_the_allowance_in_any_hour(allowance: int, steps: list[float]) -> None:
    """Whatever the clock does: an hour's worth at once, then one for each share of the hour."""
    now = [1e6]
    limiter = HourlyLimiter(lambda: now[0])
    taken: list[float] = []
    furthest = now[0]
    for step in steps:
        now[0] += step
        furthest = max(furthest, now[0])
        while limiter.take_now(("a",), allowance) == 0:
            taken.append(furthest)
            assert (
                len(taken)
                <= allowance + (furthest - 1e6 + sum(-each for each in steps if each < 0)) * allowance / HOUR + 1
            )


@given(st.integers(1, 1000), st.floats(0, 10_000))
def test_who_waits_as_long_as_told_has_one_and_not_before(allowance: int, idle: float) -> None:
    now = [50.0 + idle]
    limiter = HourlyLimiter(lambda: now[0])
    assert [limiter.take_now(("a",), allowance) for _ in range(allowance)] == [0.0] * allowance
    wait = limiter.take_now(("a",), allowance)
    assert wait == pytest.approx(HOUR / allowance)
    now[0] += wait * 0.99
    assert limiter.take_now(("a",), allowance) > 0
    now[0] += wait * 0.011
    assert limiter.take_now(("a",), allowance) == 0


async def test_a_hundred_thousand_principals_are_forgotten_once_they_are_whole() -> None:
    now = [0.0]
    limiter = HourlyLimiter(lambda: now[0])
    for index in range(100_000):
        await limiter.take((f"principal {index}", "one", "read"), 1000)
        now[0] += 0.01
    assert len(limiter._whole) < 12_000  # its memory is the point of this test
    assert await limiter.take(("principal 1", "one", "read"), 1000) == 0


async def test_each_principal_server_and_class_has_its_own() -> None:
    world, shared = World(), Shared()
    limits = Limits(write=1, delete=1)
    one = gate(world, NamedServer("one", limits=limits), shared=shared)
    two = gate(world, NamedServer("two", limits=limits), shared=shared)
    for where, who, tool, refused in (
        (one, ME, "things_apply", False),
        (one, ME, "things_apply", True),
        (one, YOU, "things_apply", False),
        (two, ME, "things_apply", False),
        (one, ME, "things_delete", False),
        (one, ME, "things_delete", True),
    ):
        outcome = await where.call(who, tool, {"name": "a", "dry_run": True})
        assert ("too many" in outcome.answer.text) is refused, (tool, outcome)


@pytest.mark.requirement("mcp-policy:shared-limits")
async def test_workers_that_share_a_redis_share_one_allowance(redis_url: str) -> None:
    async with opened(redis_url) as one, opened(redis_url) as two:
        assert isinstance(one.limiter, RedisLimiter)
        key = ("me", "one", f"read {time.monotonic()}")
        said = await asyncio.gather(*(each.limiter.take(key, 40) for each in (one, two) for _ in range(30)))
        assert [each == 0 for each in said].count(True) == 40
        assert all(0 < each <= HOUR / 40 for each in said if each)
        assert await one.limiter.take((*key[:2], f"{key[2]}'"), 40) == 0
        quick = ("me", "one", f"quick {time.monotonic()}")
        assert [await one.limiter.take(quick, 1, 0.2), await two.limiter.take(quick, 1, 0.2) > 0] == [0, True]
        deadline = time.monotonic() + 30
        while await two.limiter.take(quick, 1, 0.2):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)


@pytest.mark.requirement("mcp-policy:shared-limits")
async def test_a_redis_that_cannot_be_used_says_so_without_its_password() -> None:
    secret = "kX9vQ2mLpR7"
    for url, error in ((f"redis://:{secret}@127.0.0.1:1/0", StoreError), (f"nonsense://:{secret}@x", SharingError)):
        with pytest.raises(error) as caught:
            async with opened(url):
                pass
        assert secret not in str(caught.value)
