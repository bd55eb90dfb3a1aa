"""Thirty and more tasks by their shortest way: few calls, few bytes, and the cluster is then as was wished."""

import statistics
from collections.abc import Callable

import pytest

from testenv.registry import Registry
from tests.e2e.hands import Kubectl
from tests.evaluation.agents import Agent
from tests.evaluation.tasks import TASKS, Scene, Task, managing, operations, orders, packages, platforms, understanding

GROUPS = (platforms, orders, understanding, operations, packages, managing)
"""Their import is what fills `TASKS`."""
pytestmark = [pytest.mark.anyio, pytest.mark.real, pytest.mark.requirement("crossplane-evaluation:tasks")]
LEAST = 30
CALLS, BYTES, MOST_BYTES = 2, 6_000, 40_000
_WHOLE = [pytest.param(each, id=each.name, marks=() if each.quick else pytest.mark.whole) for each in TASKS]
Ledger = dict[str, tuple[int, int]]


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    """What each task took; one that has been done is not done again."""
    return {}


@pytest.fixture
def scene(agent: Agent, plane: Kubectl, registry: Registry, unique: Callable[[str], str]) -> Scene:
    return Scene(agent, plane, registry, unique)


async def done(task: Task, scene: Scene, ledger: Ledger) -> tuple[int, int]:
    if task.name not in ledger:
        scene.agent.calls.clear()
        await task.do(scene)
        ledger[task.name] = len(scene.agent.calls), scene.agent.bytes
    return ledger[task.name]


@pytest.mark.parametrize("task", _WHOLE)
async def test_each(task: Task, scene: Scene, ledger: Ledger, record_property: Callable[[str, object], None]) -> None:
    calls, size = await done(task, scene, ledger)
    record_property("task", (task.name, task.wish, calls, size))
    assert 1 <= calls <= 2 * CALLS
    assert size <= MOST_BYTES


@pytest.mark.whole
async def test_half_of_them_are_short(
    scene: Scene, ledger: Ledger, record_property: Callable[[str, object], None]
) -> None:
    taken = [await done(each, scene, ledger) for each in TASKS]
    calls, sizes = (statistics.median(each) for each in zip(*taken, strict=True))
    record_property("figure", ("tasks", f"{len(TASKS)}", "at least 30"))
    record_property("figure", ("calls of a task, median", f"{calls:g}", f"at most {CALLS}"))
    record_property("figure", ("bytes of a task, median", f"{sizes:,.0f}", f"at most {BYTES:,}"))
    assert len(TASKS) >= LEAST
    assert calls <= CALLS
    assert sizes <= BYTES
