"""A next call that this caller cannot make is not said; whatever stands between fences stays as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.mcp import fencing
from fairlead.mcp.deciding.pointing import possible

pytestmark = pytest.mark.requirement("crossplane-pains:next-calls")


def has(tool: str) -> bool:
    return tool == "get_xrd"


def test_only_what_can_be_called_is_named() -> None:
    text = "done\nnext: get_xrd name=one\n   next: delete_xrd name=one\nnext: delete_xrd\nthe end"
    assert possible(text, has) == "done\nnext: get_xrd name=one\nthe end"
    assert possible("done\nnext: delete_xrd name=one", has) == "done"
    assert possible("2 shown; next: cursor=abc; narrow it", has) == "2 shown; next: cursor=abc; narrow it"


@given(st.text(alphabet=st.characters(exclude_categories=("Cc", "Cf", "Co", "Cs", "Cn"))))
def test_data_of_a_cluster_is_not_touched(logged: str) -> None:
    said = fencing.fenced(f"{logged}\nnext: delete_xrd name=one\n{logged}", "the log of a Pod")
    assert possible(f"{said}\nnext: delete_xrd name=one", has) == said
    assert possible(said, has) == said
