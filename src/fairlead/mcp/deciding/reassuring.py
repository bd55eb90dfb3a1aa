"""A sign of life from a call that lasts: how long it has, and what it is at.

Clients give up what they hear nothing of, many after a minute, and count anew with each sign where they ask for
progress. It costs a timer, and a task only where a call lasts; no tool has to think of it.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fairlead.mcp.conversing import Conversation

SECONDS = 5.0
_log = logging.getLogger(__name__)


@contextmanager
def reassured(talk: Conversation, at: Callable[[], str]) -> Iterator[None]:
    """`at` says in few words what is being done; nothing where there is nothing to tell."""
    loop = asyncio.get_running_loop()
    telling: list[asyncio.Task[None]] = []
    timer = loop.call_later(SECONDS, lambda: telling.append(loop.create_task(_tell(talk, at))))
    try:
        yield
    finally:
        timer.cancel()
        for each in telling:
            each.cancel()


async def _tell(talk: Conversation, at: Callable[[], str]) -> None:
    seconds = SECONDS
    try:
        while True:
            if said := at():
                await talk.progress(seconds, message=f"{seconds:.0f} s: {said}")
            await asyncio.sleep(SECONDS)
            seconds += SECONDS
    except Exception as error:
        _log.debug("progress cannot be told any more: %s", error)  # whoever has gone misses nothing
