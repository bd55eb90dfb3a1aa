"""A change to the outcome of an apply, as part of what is applied."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.connector.merging import merged, withheld

pytestmark = pytest.mark.requirement("connector:admission-apply")
Object = dict[str, Any]

values = st.recursive(
    st.integers(0, 2) | st.text("ab", max_size=1),
    lambda inner: st.dictionaries(st.sampled_from("xyz"), inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=8,
)
objects = st.dictionaries(st.sampled_from("xyz"), values, max_size=3)


def test_only_what_changed_is_taken_into_the_configuration() -> None:
    configuration = {"spec": {"mine": 1}}
    before = {"spec": {"mine": 1, "others": 2, "deep": {"a": 1, "b": 2}, "list": [1]}}
    after = {"spec": {"mine": 1, "others": 2, "deep": {"a": 1, "b": 3}, "list": [1, 2], "new": {"c": 4}}}
    assert merged(configuration, before, after) == {
        "spec": {"mine": 1, "deep": {"b": 3}, "list": [1, 2], "new": {"c": 4}}
    }


def test_what_is_taken_away_leaves_the_configuration_and_others_keep_theirs() -> None:
    configuration = {"spec": {"mine": 1}}
    before = {"spec": {"mine": 1, "others": 2}}
    assert merged(configuration, before, {"spec": {"others": 2}}) == {"spec": {}}
    assert withheld(configuration, before, {"spec": {"others": 2}}) == []
    assert withheld(configuration, before, {"spec": {"mine": 1}}) == ["spec.others"]


@given(objects, objects)
def test_a_configuration_that_is_all_there_is_becomes_the_outcome(before: Object, after: Object) -> None:
    assert merged(before, before, after) == after
    assert withheld(before, before, after) == []


@given(objects, objects)
def test_no_change_changes_nothing(configuration: Object, found: Object) -> None:
    assert merged(configuration, found, found) == configuration
