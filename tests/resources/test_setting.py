"""Single fields, given by their paths, as merge patches."""

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.resources.setting import SettingError, merge_patch

pytestmark = pytest.mark.requirement("crossplane-toolset:fields")

OBJ = {
    "metadata": {"name": "orders", "labels": {"app.kubernetes.io/name": "web"}},
    "spec": {"size": 3, "rules": [{"name": "a", "port": 1}, {"name": "b", "port": 2}]},
}


@pytest.mark.parametrize(
    ("assignments", "removals", "patch"),
    [
        (["spec.size=20"], [], {"spec": {"size": 20}}),
        (["spec.name=orders db"], [], {"spec": {"name": "orders db"}}),
        (["spec.name="], [], {"spec": {"name": ""}}),
        (["spec.new.deep={a: [1, 2]}"], [], {"spec": {"new": {"deep": {"a": [1, 2]}}}}),
        (["spec.note=a: b: c"], [], {"spec": {"note": "a: b: c"}}),
        ([], ["spec.size"], {"spec": {"size": None}}),
        ([], ["metadata.labels.app.kubernetes.io/name"], {"metadata": {"labels": {"app.kubernetes.io/name": None}}}),
        (["metadata.annotations.example.org/n=3"], [], {"metadata": {"annotations": {"example.org/n": "3"}}}),
        (['spec.map["a.b"]=1'], [], {"spec": {"map": {"a.b": 1}}}),
        ([r"spec.map.a\.b/c.d=1"], [], {"spec": {"map": {"a.b/c": {"d": 1}}}}),
        ([r"metadata.annotations.example\.org/n=3"], [], {"metadata": {"annotations": {"example.org/n": "3"}}}),
        (["spec.rules[1].port=9"], [], {"spec": {"rules": [{"name": "a", "port": 1}, {"name": "b", "port": 9}]}}),
        (["spec.rules[2]={name: c}"], [], {"spec": {"rules": [*OBJ["spec"]["rules"], {"name": "c"}]}}),  # type: ignore[index]
        ([], ["spec.rules[0]"], {"spec": {"rules": [{"name": "b", "port": 2}]}}),
        ([], ["spec.rules[0].port"], {"spec": {"rules": [{"name": "a"}, {"name": "b", "port": 2}]}}),
    ],
)
def test_a_path_becomes_a_patch(assignments: list[str], removals: list[str], patch: dict[str, Any]) -> None:
    before = deepcopy(OBJ)
    assert merge_patch(OBJ, assignments, removals) == patch
    assert before == OBJ


@pytest.mark.parametrize(
    ("assignments", "removals", "said"),
    [
        (["spec.size"], [], "path=value"),
        (["=3"], [], "path=value"),
        (["spec.size.more=3"], [], "size is no mapping"),
        (["spec.rules[7].port=3"], [], "the list has 2"),
        (["spec.rules.port=3"], [], "the list has 2"),
        ([], ["spec.nothing"], "there are: size, rules"),
        ([], ["spec.none.at.all"], "none is not there"),
        (["spec.[=3"], [], "cannot be read"),
    ],
)
def test_what_leads_nowhere_is_refused_with_what_is_there(
    assignments: list[str], removals: list[str], said: str
) -> None:
    with pytest.raises(SettingError) as refused:
        merge_patch(OBJ, assignments, removals)
    assert said in str(refused.value)


KEYS = st.text("abcxyz", min_size=1, max_size=4)
VALUES = st.one_of(st.integers(), st.booleans(), st.text("abc ", max_size=5), st.lists(st.integers(), max_size=3))


@given(st.lists(KEYS, min_size=1, max_size=4), VALUES, st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES)))
def test_merged_it_holds_the_value_and_all_else(path: list[str], value: Any, obj: dict[str, Any]) -> None:
    try:
        patch = merge_patch(obj, [f"{'.'.join(path)}={json.dumps(value)}"])
    except SettingError:
        return  # the path leads through something that is neither mapping nor list
    merged = _merged(obj, patch)
    here: Any = merged
    for each in path:
        here = here[each]
    assert here == value
    assert {key: each for key, each in merged.items() if key != path[0]} == {
        key: each for key, each in obj.items() if key != path[0]
    }


def _merged(obj: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    found = dict(obj) if isinstance(obj, dict) else {}
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = _merged(found.get(key), value)
    return found
