"""Ctrl-C and SIGTERM, as an end that a program can prepare for."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any


async def until_asked(work: Coroutine[Any, Any, None]) -> None:
    """Runs the work to its end, or until a signal asks us to end: it is cancelled then and cleans up, as no error.

    A second signal cuts the cleaning up short.
    """
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)
    asked = False

    def ask() -> None:
        nonlocal asked
        asked = True
        task.cancel()

    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, ask)
    try:
        await task
    except asyncio.CancelledError:
        if not asked:
            raise
    finally:
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(each)


async def forever() -> None:
    """What a command does once everything runs: nothing, until it is asked to end."""
    await asyncio.Event().wait()
