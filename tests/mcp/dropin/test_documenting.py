"""What the documentation says of keys."""

from pathlib import Path

import pytest

from fairlead.mcp.dropin import documenting, keys

PAGE = Path(__file__).parents[3] / "docs" / "mcp-configuration.md"


@pytest.mark.requirement("mcp-dropin:documented")
def test_the_tables_of_keys_are_those_of_the_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert documenting.filled(page) == page, "write it anew: documenting.filled"
    for each in keys.KEYS:
        assert f"| `{each.path}` |" in page


@pytest.mark.requirement("mcp-dropin:documented")
def test_filling_a_page_twice_is_filling_it_once() -> None:
    page = "# A\n\n<!-- table: fairlead -->\n\n| outdated | table |\n\nMore.\n\n<!-- table: server files -->\n"
    once = documenting.filled(page)
    assert documenting.filled(once) == once
    assert "outdated" not in once
    assert once.index("`fairlead.production`") < once.index("More.") < once.index("`timeoutSeconds`")
