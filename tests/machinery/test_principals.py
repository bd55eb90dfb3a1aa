import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.machinery.principals import NOBODY, Principal

pytestmark = pytest.mark.requirement("aggregation:principals")

principals = st.builds(
    Principal,
    st.text(min_size=1),
    st.text(),
    st.lists(st.text(), max_size=3).map(tuple),
    st.dictionaries(st.text(), st.lists(st.text(), max_size=3).map(tuple), max_size=3).map(
        lambda extra: tuple(sorted(extra.items()))
    ),
)


@given(principals)
def test_user_info_loses_nothing(principal: Principal) -> None:
    assert Principal.from_user_info(principal.to_user_info()) == principal


@given(principals)
def test_the_authenticated_are_in_their_group_once(principal: Principal) -> None:
    once = principal.authenticated()
    assert once.groups.count("system:authenticated") == max(1, principal.groups.count("system:authenticated"))
    assert once.authenticated() == once


def test_nobody_is_never_authenticated() -> None:
    assert NOBODY.authenticated() == NOBODY
    assert NOBODY.to_user_info() == {"username": "system:anonymous", "groups": ["system:unauthenticated"]}


def test_a_review_calls_the_name_user() -> None:
    assert Principal.from_user_info({"user": "a", "extra": {"b": None}}) == Principal("a", extra=(("b", ()),))
