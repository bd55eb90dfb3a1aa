import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.machinery import fieldsets
from fairlead.machinery.fieldsets import FieldsError

pytestmark = pytest.mark.requirement("machinery:fields-v1")

scalars = st.one_of(st.text(max_size=4), st.integers(-3, 3), st.booleans(), st.sampled_from([0.5, 2.0]))
names = st.text(st.characters(codec="utf-8"), max_size=4)
elements = st.one_of(
    names.map(fieldsets.field),
    scalars.map(fieldsets.value),
    st.dictionaries(names, scalars, min_size=1, max_size=2).map(fieldsets.key),
    st.integers(0, 12).map(lambda index: f"i:{index}"),
)
field_sets = st.frozensets(st.lists(elements, min_size=1, max_size=3).map(tuple), max_size=8)


@given(field_sets)
def test_what_is_written_is_read_again(fields: fieldsets.FieldSet) -> None:
    written = fieldsets.write(fields)
    assert fieldsets.read(json.loads(json.dumps(written))) == fields


@given(field_sets)
def test_no_element_of_the_written_form_is_both_a_leaf_and_marked(fields: fieldsets.FieldSet) -> None:
    def visit(node: dict[str, object]) -> None:
        for name, below in node.items():
            assert isinstance(below, dict)
            assert name == "." or set(below) != {"."}
            visit(below)

    visit(fieldsets.write(fields))


def test_the_order_is_the_servers() -> None:
    """Members, then list map entries, set entries and indices; numbers by value and before strings."""
    written: dict[str, dict[str, object]] = {
        "f:list": {
            ".": {},
            'k:{"port":9}': {},
            'k:{"port":80}': {".": {}, "f:name": {}, "f:port": {}},
            'k:{"port":80,"protocol":"TCP"}': {},
        },
        "f:set": {".": {}, "v:2": {}, "v:10": {}, 'v:"a"': {}, "v:true": {}},
    }
    shuffled = {name: dict(reversed(below.items())) for name, below in reversed(written.items())}
    assert json.dumps(fieldsets.write(fieldsets.read(shuffled))) == json.dumps(written)


@pytest.mark.parametrize(
    ("element", "canonical"),
    [
        ('k:{"protocol":"TCP", "port":80}', 'k:{"port":80,"protocol":"TCP"}'),
        ("v:1.0", "v:1"),
        ('v:"<é>"', 'v:"\\u003cé\\u003e"'),
        ("f:a: b", "f:a: b"),
        ("i:03", "i:3"),
        ("x:later", None),
    ],
)
def test_equal_elements_have_one_form(element: str, canonical: str | None) -> None:
    assert fieldsets.canonical(element) == canonical


@pytest.mark.parametrize("element", ["", "f", "name", "k:[]", "k:{", "v:", "i:x"])
def test_a_malformed_element_is_said_so(element: str) -> None:
    with pytest.raises(FieldsError):
        fieldsets.read({element: {}})


def test_a_kind_of_element_from_the_future_is_left_out() -> None:
    assert fieldsets.read({"f:a": {"x:new": {}}, "x:new": {"f:b": {}}}) == {("f:a",)}


def test_a_path_is_shown_as_conflicts_name_it() -> None:
    key = fieldsets.key({"port": 80, "protocol": "TCP"})
    assert fieldsets.show((*fieldsets.path("spec", "ports"), key, "f:name")) == (
        '.spec.ports[port=80,protocol="TCP"].name'
    )
    assert fieldsets.show(("f:finalizers", 'v:"a"')) == '.finalizers[="a"]'
    assert fieldsets.show(("f:list", "i:3")) == ".list[3]"


@given(field_sets, st.lists(st.lists(elements, min_size=1, max_size=2).map(tuple), max_size=3))
def test_leaving_out_a_root_leaves_out_all_below_it(fields: fieldsets.FieldSet, roots: list[fieldsets.Path]) -> None:
    left = fieldsets.without(fields, roots)
    assert left <= fields
    assert all(any(path[: len(root)] == root for root in roots) for path in fields - left)
    assert not any(path[: len(root)] == root for root in roots for path in left)
