"""Strategic merge against what a real API server made of each patch, over that server's own schemas."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.machinery.schemas import Schema
from fairlead.machinery.statuses import StatusError
from fairlead.machinery.strategic import strategic_merge
from fairlead.machinery.structural import Node
from tests.machinery.gather_patch_answers import KINDS
from tests.machinery.patch_cases import STRATEGIC
from tests.machinery.test_patches import ANSWERS


def _schema(kind: str) -> Node:
    return Schema.compile(ANSWERS["schemas"][KINDS[kind][2]], ANSWERS["schemas"]).node


@pytest.mark.requirement("patches:strategic")
@pytest.mark.parametrize("name", sorted(STRATEGIC))
def test_a_strategic_merge_does_what_the_real_server_does(name: str) -> None:
    answer = ANSWERS["strategic"][name]
    before, patch = answer["before"], STRATEGIC[name][1]
    schema = _schema(before["kind"])
    if answer["code"] < 400:
        merged = strategic_merge(before, patch, schema)
        if not merged.get("data", True):
            del merged["data"]  # a built-in kind's encoding leaves out an empty map
        assert merged == answer["after"]
        return
    untouched = deepcopy((before, patch))
    with pytest.raises(StatusError) as refused:
        strategic_merge(before, patch, schema)
    assert [refused.value.status_code, refused.value.message] == [answer["code"], answer["message"]]
    assert (before, patch) == untouched


names = st.sampled_from(["a", "b", "c", "d"])
containers = st.lists(
    st.fixed_dictionaries({"name": names}, optional={"image": st.sampled_from(["i", "j"])}),
    max_size=4,
    unique_by=lambda each: each["name"],
)


def _pod(items: list[dict[str, str]], **more: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": items, **more}}}}


@pytest.mark.requirement("patches:strategic")
@given(containers, containers)
def test_merging_the_same_patch_again_changes_nothing(
    stored: list[dict[str, str]], wanted: list[dict[str, str]]
) -> None:
    schema = _schema("Deployment")
    once = strategic_merge(_pod(stored), _pod(wanted), schema)
    assert strategic_merge(once, _pod(wanted), schema) == once


@pytest.mark.requirement("patches:strategic")
@given(containers, containers)
def test_an_order_over_all_names_decides_the_order(stored: list[dict[str, str]], wanted: list[dict[str, str]]) -> None:
    known = sorted({each["name"] for each in [*stored, *wanted]}, reverse=True)
    wanted = sorted(wanted, key=lambda each: each["name"], reverse=True)
    order = {"$setElementOrder/containers": [{"name": name} for name in known]}
    merged = strategic_merge(_pod(stored), _pod(wanted, **order), _schema("Deployment"))
    assert [each["name"] for each in merged["spec"]["template"]["spec"]["containers"]] == known


@pytest.mark.requirement("patches:strategic")
@given(containers, names)
def test_a_deleted_item_is_gone_and_the_others_stay(stored: list[dict[str, str]], name: str) -> None:
    patch = _pod([{"name": name, "$patch": "delete"}])
    merged = strategic_merge(_pod(stored), patch, _schema("Deployment"))
    assert merged == _pod([each for each in stored if each["name"] != name])
