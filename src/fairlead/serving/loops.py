"""Which event loop a server runs on: uvloop halves the latency of the default one, where it exists."""

import asyncio
import importlib.util
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=factory()) as runner:
        return runner.run(main)


def factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """None where asyncio's own is to be used."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    from fairlead.serving.descriptors import Loop

    return Loop
