import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.connector.choosing import EVERYTHING, Choice, ChoiceError, Pattern

pytestmark = pytest.mark.requirement("connector:api-choice")

NAMES = st.from_regex(r"[a-z]([a-z0-9]{0,6}[a-z0-9])?", fullmatch=True)
GROUPS = st.lists(NAMES, min_size=1, max_size=3).map(".".join)


@given(plural=NAMES, group=GROUPS)
def test_deny_wins_over_allow(plural: str, group: str) -> None:
    patterns = [f"{plural}.{group}", f"*.{group}", "*"]
    for allow in patterns:
        assert Choice.parse([allow], []).admits(group, plural, {})
        for deny in patterns:
            assert not Choice.parse([allow], [deny]).admits(group, plural, {})
            assert not Choice.parse([], [deny]).admits(group, plural, {}, named=True)


@given(plural=NAMES, group=GROUPS, other=NAMES)
def test_a_pattern_is_for_its_own_names_alone(plural: str, group: str, other: str) -> None:
    assert EVERYTHING.admits(group, plural, {})
    one, all_of_group = Choice.parse([f"{plural}.{group}"], []), Choice.parse([f"*.{group}"], [])
    assert one.admits(group, other, {}) == (other == plural)
    assert all_of_group.admits(group, other, {})
    for choice in (one, all_of_group):
        assert not choice.admits(f"{other}.{group}", plural, {}), "a group below is another group"
        assert choice.admits(f"{other}.{group}", plural, {}, named=True), "but a CRD that is named needs no pattern"


def test_labels_are_selected_from() -> None:
    choice = Choice.parse([], [], "tier in (gold, silver),!internal")
    assert choice.admits("example.org", "things", {"tier": "gold"})
    assert not choice.admits("example.org", "things", {"tier": "gold", "internal": ""}, named=True)
    assert not choice.admits("example.org", "things", {})


@pytest.mark.parametrize("text", ["", "databases", "*.*", "Data.example.org", ".example.org", "a b.example.org", "**"])
def test_what_names_no_api_is_refused(text: str) -> None:
    with pytest.raises(ChoiceError, match="names no API"):
        Pattern.parse(text)


def test_a_broken_selector_is_refused() -> None:
    with pytest.raises(ChoiceError, match="no label selector"):
        Choice.parse([], [], "a in (b")
