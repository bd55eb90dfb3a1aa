from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.machinery import conditions
from fairlead.machinery.conditions import condition

pytestmark = pytest.mark.requirement("crossplane:conditions")

wanted = st.builds(
    condition, st.sampled_from(["Ready", "Synced"]), st.sampled_from(["True", "False"]), st.sampled_from(["A", "B"]),
    st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]), st.sampled_from(["", "why"]),
)  # fmt: skip


def test_conditions_of_an_object_are_found_by_type() -> None:
    obj = {
        "status": {
            "conditions": [{"type": "Ready", "status": "True"}, "broken", {"type": "Synced", "status": "Unknown"}]
        }
    }
    assert conditions.is_true(obj, "Ready")
    assert not conditions.is_true(obj, "Synced")
    assert conditions.get(obj, "Other") is None


@pytest.mark.parametrize("obj", [{}, {"status": None}, {"status": "x"}, {"status": {"conditions": "x"}}])
def test_an_object_without_conditions_has_none(obj: dict[str, Any]) -> None:
    assert conditions.conditions(obj) == []


def test_the_time_moves_only_with_the_status() -> None:
    old = [condition("Ready", "False", "Waiting", "2026-01-01T00:00:00Z")]
    same = conditions.put(old, condition("Ready", "False", "Creating", "2026-01-02T00:00:00Z", "soon"))
    assert same == [condition("Ready", "False", "Creating", "2026-01-01T00:00:00Z", "soon")]
    moved = conditions.put(old, condition("Ready", "True", "Available", "2026-01-02T00:00:00Z"))
    assert moved == [condition("Ready", "True", "Available", "2026-01-02T00:00:00Z")]


@given(st.lists(wanted, max_size=4), wanted)
def test_putting_again_changes_nothing_and_one_of_a_type_remains(
    known: list[dict[str, Any]], new: dict[str, Any]
) -> None:
    start = conditions.put([], *known)
    once = conditions.put(start, new)
    assert conditions.put(once, {**new, "lastTransitionTime": "2030-01-01T00:00:00Z"}) == once
    kinds = [each["type"] for each in once]
    assert len(kinds) == len(set(kinds))
    assert new["type"] in kinds
