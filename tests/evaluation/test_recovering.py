"""After any wrong call the reply is enough to make the right one."""

from collections.abc import Callable
from typing import Any

import pytest

from fairlead.mcp.tools import Tool, ToolError, arguments
from testenv.registry import Registry
from tests.e2e.hands import Kubectl
from tests.evaluation import calls, standing, wrong
from tests.evaluation.agents import Agent
from tests.evaluation.calls import Standing
from tests.evaluation.wrong import Mistake, NotSaidError

pytestmark = pytest.mark.requirement("crossplane-evaluation:recoverability")
ANYTHING = Standing(*(["something.example.org"] * len(Standing.__dataclass_fields__)))


def test_there_is_a_right_call_for_every_tool() -> None:
    assert sorted(calls.tools().keys() - calls.right(ANYTHING).keys()) == []


@pytest.mark.parametrize("tool", calls.tools().values(), ids=lambda tool: tool.name)
def test_what_the_schema_forbids_is_mended_by_what_the_reply_says(tool: Tool) -> None:
    right = calls.right(ANYTHING)[tool.name]
    arguments(tool, right)
    for mistake in wrong.of_schema(tool, right):
        with pytest.raises(ToolError) as refused:
            arguments(tool, mistake.given)
        arguments(tool, wrong.mended(mistake, str(refused.value), right))


@pytest.fixture(scope="module")
def there(plane: Kubectl, registry: Registry) -> Standing:
    return standing.settled(plane, registry)


@pytest.mark.anyio
@pytest.mark.real
@pytest.mark.whole
async def test_the_right_calls_succeed(agent: Agent, there: Standing) -> None:
    for name, tool in calls.tools().items():
        await agent(name, **calls.rehearsed(tool, calls.right(there)[name]))


@pytest.mark.anyio
@pytest.mark.real
@pytest.mark.whole
async def test_every_wrong_call_is_followed_by_one_that_succeeds(
    agent: Agent, there: Standing, record_property: Callable[[str, object], None]
) -> None:
    made, lost = 0, list[str]()
    for name, tool in calls.tools().items():
        right = calls.rehearsed(tool, calls.right(there)[name])
        mistakes = [*wrong.of_schema(tool, right), *wrong.of_cluster(tool, right)]
        made += len(mistakes)
        lost += [f"{each.tool}: {each.what}: {why}" for each in mistakes if (why := await _why_not(agent, each, right))]
    record_property("figure", ("wrong calls made right", f"{1 - len(lost) / made:.1%} of {made:,}", "100 %"))
    assert not lost, "\n".join(lost)


async def _why_not(agent: Agent, mistake: Mistake, right: dict[str, Any]) -> str:
    """Empty where the reply to a wrong call was enough for one that succeeds."""
    reply = await agent.outcome(mistake.tool, mistake.given)
    if not reply.failed:
        return "it was taken"
    try:
        second = await agent.outcome(mistake.tool, wrong.mended(mistake, reply.answer.text, right))
    except NotSaidError:
        return reply.answer.text
    return f"{reply.answer.text}; then {second.answer.text}" if second.failed else ""
