from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.mcp.callers import STDIO, Caller
from fairlead.mcp.named import scopes
from fairlead.mcp.named.identities import OIDC, Kubeconfig, Scopes
from fairlead.mcp.tools import ToolClass

pytestmark = pytest.mark.requirement("mcp-identity:scopes")

CLASSES = (ToolClass.READ, ToolClass.WRITE, ToolClass.DELETE)


def identity(read: str = "", write: str = "", admin: str = "") -> OIDC:
    return OIDC("https://idp.example", ("mcp",), "pass-on", scopes=Scopes(read, write, admin))


def reached(whole: OIDC, *held: str) -> list[bool]:
    return [scopes.reaches(whole, Caller("a", scopes=frozenset(held)), each) for each in CLASSES]


def test_each_level_includes_those_below() -> None:
    whole = identity("r", "w", "a")
    assert reached(whole) == [False, False, False]
    assert reached(whole, "r") == [True, False, False]
    assert reached(whole, "w") == [True, True, False]
    assert reached(whole, "a") == [True, True, True]
    assert scopes.needed(whole, ToolClass.EXEC) == ("r", "w", "a")
    assert scopes.needed(whole) == ("r",)


def test_who_comes_by_a_way_without_scopes_reaches_everything() -> None:
    assert scopes.reaches(identity("r", "w", "a"), STDIO, ToolClass.EXEC)
    assert scopes.reaches(Kubeconfig(), Caller("a", scopes=frozenset()), ToolClass.EXEC)
    assert scopes.needed(Kubeconfig(), ToolClass.EXEC) == ()


def test_nothing_mapped_asks_for_nothing() -> None:
    assert reached(identity()) == [True, True, True]
    assert scopes.needed(identity(), ToolClass.DELETE) == ()


@given(st.sets(st.sampled_from(["r", "w", "a", "other"])), st.tuples(*(st.booleans() for _ in range(3))))
def test_what_the_challenge_asks_for_is_enough_and_no_level_is_looser_than_the_one_below(
    held: set[str], mapped: tuple[bool, bool, bool]
) -> None:
    whole = identity(*(name if on else "" for name, on in zip("rwa", mapped, strict=True)))
    found = reached(whole, *held)
    assert found == sorted(found, reverse=True)
    for each in CLASSES:
        assert scopes.reaches(whole, Caller("a", scopes=frozenset({*held, *scopes.needed(whole, each)})), each)


def test_approving_is_administering() -> None:
    for names in product(("", "r"), ("", "w"), ("", "a")):
        for held in ((), ("r",), ("w",), ("a",)):
            caller = Caller("x", scopes=frozenset(held))
            whole = identity(*names)
            assert scopes.approves(whole, caller) is scopes.reaches(whole, caller, ToolClass.DELETE)
            assert scopes.needed_to_approve(whole) == scopes.needed(whole, ToolClass.DELETE)
