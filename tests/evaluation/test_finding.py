"""The measure of findability is a fair one."""

from collections.abc import Callable

import pytest

from fairlead.mcp.named import catalog
from fairlead.mcp.tools import Answer, Tool
from tests.evaluation.calls import TOOLSETS
from tests.evaluation.finding import Index, Phrasing, findability, phrasings, terms

SHARE = 0.95
pytestmark = pytest.mark.requirement("crossplane-evaluation:findability")


async def _nothing(call: object, arguments: object) -> Answer:
    return Answer("")


def tool(name: str, description: str) -> Tool:
    return Tool(name, name, description, _nothing)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("list_xrds", ["list", "xrd"]),
        ("Which XRDs are installed?", ["xrd", "install"]),
        ("ManagedResourceActivationPolicy", ["manag", "resourc", "activation", "policy"]),
        ("policies of running operations", ["policy", "run", "operation"]),
        ("managementPolicies, status, classes", ["management", "policy", "status", "class"]),
    ],
)
def test_words_are_compared_in_one_form(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


def test_rare_words_count_for_more_and_a_tie_for_nothing() -> None:
    index = Index([tool("get_cat", "One animal."), tool("get_dog", "One animal."), tool("feed_all", "Every animal.")])
    assert index.place(Phrasing("show the cat", ("get_cat",), "")) == 1
    assert index.place(Phrasing("an animal", ("get_cat",), "")) == 3
    assert index.place(Phrasing("the canary", ("get_cat",), "")) is None


def test_the_phrasings_cover_every_tool_and_say_where_they_are_from() -> None:
    found = phrasings()
    assert len(found) >= 120
    assert len({each.text for each in found}) == len(found)
    assert all(each.source == "seed" or "#" in each.source for each in found)
    sets = catalog.toolsets()
    assert {tool.name for each in TOOLSETS for tool in sets[each].tools} <= {
        name for each in found for name in each.tools
    }


@pytest.mark.parametrize("server", [TOOLSETS, ("crossplane",)], ids=["all toolsets", "crossplane"])
def test_the_words_of_users_lead_to_the_right_tools(
    server: tuple[str, ...], record_property: Callable[[str, object], None]
) -> None:
    sets = catalog.toolsets()
    found = findability({tool.name: tool for each in server for tool in sets[each].tools}.values())
    what = f"found in the first 3, {'all toolsets' if len(server) > 1 else server[0]}"
    record_property("figure", (what, f"{found.share:.1%} of {found.asked}", "at least 95 %"))
    assert found.share >= SHARE, "\n".join(map(str, found.misses))
