"""Ctrl-C and SIGTERM, as an end that a program can prepare for."""

import asyncio
import signal


async def stopped() -> None:
    """Returns when the person or the system asks us to end; until then both signals do nothing else."""
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, asked.set)
    try:
        await asked.wait()
    finally:
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(each)
