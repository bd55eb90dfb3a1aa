"""Patches against what a real API server made of them (`gather_patch_answers.py`), and the laws of the RFCs."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.machinery.patches import json_patch, merge_patch
from fairlead.machinery.statuses import StatusError, TooLarge
from tests.machinery.patch_cases import JSON, MERGE

ANSWERS = json.loads((Path(__file__).parent / "data" / "patch_answers.json").read_text())

scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab/~", max_size=3)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~", max_size=2), inner, max_size=3),
    max_leaves=12,
)
objects = st.dictionaries(st.text("ab/~", max_size=2), values, max_size=4)


@pytest.mark.requirement("patches:json", "patches:json-errors")
@pytest.mark.parametrize("name", sorted(JSON))
def test_a_json_patch_does_what_the_real_server_does(name: str) -> None:
    before, operations = JSON[name]
    answer = ANSWERS["json"][name]
    target = {"spec": deepcopy(before)}
    if answer["code"] < 400:
        assert json_patch(target, operations)["spec"] == answer["after"]
        return
    with pytest.raises(StatusError) as refused:
        json_patch(target, operations)
    status = refused.value.to_object()
    assert [status[key] for key in ("code", "reason", "message")] == [
        answer[key] for key in ("code", "reason", "message")
    ]
    assert target == {"spec": before}


@pytest.mark.requirement("patches:merge")
@pytest.mark.parametrize("name", sorted(MERGE))
def test_a_merge_patch_does_what_the_real_server_does(name: str) -> None:
    before, patch = MERGE[name]
    assert merge_patch(before, patch) == ANSWERS["merge"][name]["after"]


# RFC 7396, appendix A: target, patch, result.
RFC_7396 = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.requirement("patches:merge")
@pytest.mark.parametrize(("target", "patch", "result"), RFC_7396)
def test_the_examples_of_the_merge_patch_rfc(target: Any, patch: Any, result: Any) -> None:
    assert merge_patch(target, patch) == result


def _without_nulls_in_lists(value: Any, *, inside: bool = False) -> Any:
    """The server keeps a null below a list that replaces an object once, and drops it the second time."""
    if isinstance(value, dict):
        kept = {key: each for key, each in value.items() if not (inside and each is None)}
        return {key: _without_nulls_in_lists(each, inside=inside) for key, each in kept.items()}
    return [_without_nulls_in_lists(each, inside=True) for each in value] if isinstance(value, list) else value


@pytest.mark.requirement("patches:merge")
@given(values, values.map(_without_nulls_in_lists))
def test_merging_the_same_patch_again_changes_nothing(target: Any, patch: Any) -> None:
    before = deepcopy((target, patch))
    once = merge_patch(target, patch)
    assert merge_patch(once, patch) == once
    assert (target, patch) == before


@pytest.mark.requirement("patches:merge")
@given(objects)
def test_an_empty_merge_patch_changes_nothing(target: Any) -> None:
    assert merge_patch(target, {}) == target


@pytest.mark.requirement("patches:json")
@given(objects, objects)
def test_a_computed_difference_gives_the_target(before: Any, after: Any) -> None:
    """The difference comes from another implementation of RFC 6902."""
    operations = jsonpatch.make_patch(before, after).patch
    assert json_patch(before, operations) == after


@pytest.mark.requirement("patches:json-errors")
@given(objects, st.text("ab/", min_size=1, max_size=4))
def test_a_patch_that_fails_changes_nothing(target: Any, member: str) -> None:
    before = deepcopy(target)
    with pytest.raises(StatusError):
        json_patch(target, [{"op": "add", "path": "/a", "value": 1}, {"op": "test", "path": "/a", "value": member}])
    assert target == before


@pytest.mark.requirement("patches:json-errors")
def test_too_many_operations_are_too_large() -> None:
    with pytest.raises(TooLarge):
        json_patch({}, [{"op": "add", "path": "/a", "value": 1}] * 10_001)
