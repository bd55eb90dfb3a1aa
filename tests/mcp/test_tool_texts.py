"""What a model pays for and chooses by: names, texts, schemas, hints."""

import json
import re

import pytest

from fairlead.mcp.named import catalog
from fairlead.mcp.tools import Tool, ToolClass

pytestmark = pytest.mark.requirement("mcp:tool-texts")

TOOLS = list({tool.name: tool for toolset in catalog.toolsets().values() for tool in toolset.tools}.values())
"""Once each: some are of two toolsets."""


def size(tool: Tool) -> int:
    """As it stands in the list."""
    shown = {
        "name": tool.name,
        "description": tool.description,
        "inputSchema": tool.schema(without=("context",)),
        "annotations": tool.hints,
    }
    return len(json.dumps(shown, separators=(",", ":")))


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_each_tool(tool: Tool) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)+", tool.name)
    assert len(tool.name) <= 40
    assert tool.title
    assert tool.description.endswith(".")
    assert all(each.description for each in tool.parameters)
    assert tool.schema()["additionalProperties"] is False
    assert len({each.name for each in tool.parameters}) == len(tool.parameters)
    assert tool.hints.keys() == {"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"}
    assert size(tool) <= 1300


def test_the_list_is_short() -> None:
    assert sum(map(size, TOOLS)) / len(TOOLS) <= 700


def test_no_two_say_the_same() -> None:
    assert len({tool.description for tool in TOOLS}) == len(TOOLS)


def test_what_may_remove_something_says_so() -> None:
    said = {tool.name for tool in TOOLS if tool.hints["destructiveHint"]}
    assert {"resources_delete", "resources_create_or_update", "rollout_undo", "pods_exec", "update_xrd"} <= said
    assert not {tool.name for tool in TOOLS if tool.tool_class is ToolClass.READ} & said
    assert {"create_xrd", "install_provider", "pods_run"}.isdisjoint(said)
