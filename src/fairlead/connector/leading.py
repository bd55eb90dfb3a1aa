"""Loops that only one of several replicas runs.

They begin when the Lease becomes ours and are cancelled when it is lost, so each must be able to end anywhere. Each
term begins with new loops: what a loop remembered of an earlier term may no longer be so.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from fairlead.aggregation.leasing import Leadership

Loop = Callable[[], Awaitable[None]]
"""Runs until cancelled; an error that leaves it ends the connector."""

LOOK_SECONDS = 0.5


async def run_all(loops: Sequence[Loop]) -> None:
    async with asyncio.TaskGroup() as tasks:
        for each in loops:
            tasks.create_task(_run(each))


async def after(event: asyncio.Event, loop: Loop) -> None:
    await event.wait()
    await loop()


async def _run(loop: Loop) -> None:
    await loop()


async def while_leading(leadership: Leadership, loops: Sequence[Loop]) -> None:
    """Until cancelled."""
    while True:
        if leadership.held:
            await _term(leadership, loops)
        await asyncio.sleep(LOOK_SECONDS)


async def _term(leadership: Leadership, loops: Sequence[Loop]) -> None:
    work = asyncio.create_task(run_all(loops))
    try:
        while leadership.held and not work.done():
            await asyncio.wait([work], timeout=LOOK_SECONDS)
    finally:
        ended = work.done()
        work.cancel()
        await asyncio.wait([work])
    if ended:
        work.result()
