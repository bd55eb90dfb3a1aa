"""The page of the Kubernetes tools names each of them, and none that there is not."""

import re
from pathlib import Path

import pytest

from fairlead.mcp.toolsets import config, core

PAGE = Path(__file__).parents[3] / "docs" / "mcp-core.md"


@pytest.mark.requirement("mcp-core-reads:page")
def test_the_page_names_each_tool() -> None:
    rows = re.findall(r"^\| (`.*?) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)} | {"pods_exec"}
    assert named == {tool.name for toolset in (core.TOOLSET, config.TOOLSET) for tool in toolset.tools}
