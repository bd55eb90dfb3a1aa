"""The page of the Crossplane tools names each of them under its toolset, and none that there is not."""

import re
from pathlib import Path

import pytest

from fairlead.mcp.named import catalog

PAGE = (Path(__file__).parents[3] / "docs" / "crossplane-tools.md").read_text(encoding="utf-8")
TOOLSETS = [each for each in catalog.toolsets() if each.startswith("crossplane")]


@pytest.mark.requirement("crossplane-toolset:page")
@pytest.mark.parametrize("toolset", TOOLSETS)
def test_the_page_names_each_tool(toolset: str) -> None:
    section = PAGE.partition(f"\n## `{toolset}`\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| [^|]+ \| (`.*?) \|$", section, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}
    also = {"update_composite"} if toolset == "crossplane-resources" else set()
    assert named | also == {tool.name for tool in catalog.toolsets()[toolset].tools}


@pytest.mark.requirement("crossplane-toolset:page")
def test_the_page_names_each_server() -> None:
    rows = PAGE.partition("| catalog entry |")[2].partition("\n\n")[0]
    presets = {name for name in catalog.presets(catalog.toolsets()) if name.startswith("crossplane")}
    named = set(re.findall(r"`([a-z-]+)`", "\n".join(re.findall(r"^\| (`.*?) \|", rows, re.MULTILINE))))
    assert named == presets | set(TOOLSETS)
