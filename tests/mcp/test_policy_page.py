"""The operators' page says what is so."""

import re
from pathlib import Path

import pytest

from fairlead.mcp.callers import Caller
from fairlead.mcp.calling import Use
from fairlead.mcp.deciding import confirming
from fairlead.mcp.deciding.auditing import line
from fairlead.mcp.deciding.conducting import MOST_AT_ONCE
from fairlead.mcp.deciding.handles import PERSON_SECONDS, SECONDS
from fairlead.mcp.entering import flooding
from fairlead.mcp.named.servers import Limits
from fairlead.mcp.tools import ToolClass

pytestmark = pytest.mark.requirement("mcp-policy:audit")
PAGE = (Path(__file__).parents[2] / "docs/mcp-policy.md").read_text(encoding="utf-8")


def test_each_field_of_the_log_is_named_and_no_other() -> None:
    section = PAGE.partition("| field | |")[2].partition("\n\n")[0]
    named = {each for row in section.splitlines()[2:] for each in re.findall(r"`(\w+)`", row.split("|")[1])}
    claims = {"iss": "i", "sub": "s", "azp": "c"}
    use = Use(Caller("me", groups=("g",), claims=claims), "t", {"context": "x"}, ToolClass.READ, "r", ToolClass.READ)
    use.dry_run, use.confirm_id, use.upstream = True, "c", ["a"]
    written = set(line(use, "one", "result", "allow", "d"))
    assert named - {"traceparent"} == written  # there only within a span


def test_its_figures_are_ours() -> None:
    words = " ".join(PAGE.split())
    limits = Limits()
    for said in (
        f"| read | {limits.read:,} |",
        f"| write, and what runs commands | {limits.write} |",
        f"| delete | {limits.delete} |",
        f"at most {MOST_AT_ONCE} calls at once",
        f"{flooding._LEAST:,} requests, or {flooding._AT_ONCE} at once",
        f"`{confirming.CONFIRM.name}` redeems it",
    ):
        assert said in words, said
    assert (SECONDS, PERSON_SECONDS) == (300, 900)
    assert "good for five minutes" in words
    assert "within fifteen minutes" in words
