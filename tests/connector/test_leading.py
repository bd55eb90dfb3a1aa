from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from unittest.mock import AsyncMock

import anyio
import anyio.lowlevel
import pytest

from fairlead.aggregation.leasing import Leadership
from fairlead.client.api import Client
from fairlead.connector import leading

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("connector:leader-loops")]


class Elected(Leadership):
    def __init__(self) -> None:
        super().__init__(AsyncMock(spec=Client), "kube-system", "fairlead", "one")
        self.now = False

    @property
    def held(self) -> bool:
        return self.now


class Terms:
    def __init__(self) -> None:
        self.begun = 0
        self.running = 0

    async def loop(self) -> None:
        self.begun += 1
        self.running += 1
        try:
            await anyio.sleep_forever()
        finally:
            self.running -= 1

    async def until(self, running: int) -> None:
        with anyio.fail_after(10):
            while self.running != running:
                await anyio.lowlevel.checkpoint()


@asynccontextmanager
async def background(leadership: Leadership, *loops: leading.Loop) -> AsyncIterator[None]:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(leading.while_leading, leadership, loops)
        yield
        tasks.cancel_scope.cancel()


async def test_each_term_begins_new_loops_and_its_end_ends_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leading, "LOOK_SECONDS", 0.001)
    leadership, terms = Elected(), Terms()
    async with background(leadership, terms.loop, terms.loop):
        for term in (1, 2):
            leadership.now = True
            await terms.until(2)
            assert terms.begun == 2 * term
            leadership.now = False
            await terms.until(0)
        leadership.now = True
        await terms.until(2)
    assert terms.running == 0, "nothing goes on after the end"


async def test_a_loop_that_fails_ends_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leading, "LOOK_SECONDS", 0.001)
    leadership, terms = Elected(), Terms()
    leadership.now = True

    async def broken() -> None:
        await terms.until(1)
        raise ValueError("a mistake of ours")

    with pytest.raises(ExceptionGroup, match="unhandled"):
        await leading.while_leading(leadership, [terms.loop, broken])
    assert terms.running == 0
