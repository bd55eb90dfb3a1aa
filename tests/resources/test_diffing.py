from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.resources.diffing import diff

SECRET = "kX9vQ2mLpR7"

pytestmark = pytest.mark.requirement("mcp-core-writes:diff")

scalars = st.booleans() | st.integers(-2, 2) | st.text("ab \n\u2028", max_size=2)
named = st.builds(
    lambda name, rest: {"name": name, **rest}, st.sampled_from("abc"), st.dictionaries(st.just("v"), scalars)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner | named, max_size=4)
        | st.dictionaries(st.sampled_from(["a", "b", "x.y/z", "n\nl"]), inner, max_size=3)
    ),
    max_leaves=12,
)
objects = st.dictionaries(st.sampled_from(["spec", "data", "c"]), values, max_size=3)


def is_kept(one: Any, other: Any) -> bool:
    """Another way to say it than the code's: try every place."""
    if isinstance(one, dict) and isinstance(other, dict):
        return all(key in other and is_kept(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        if not one:
            return True
        return any(is_kept(one[0], each) and is_kept(one[1:], other[at + 1 :]) for at, each in enumerate(other))
    return type(one) is type(other) and bool(one == other)


@given(objects)
def test_nothing_is_said_of_what_stays(obj: dict[str, Any]) -> None:
    assert not diff(obj, obj)


@pytest.mark.requirement("mcp-core-writes:removes")
@given(objects, objects)
def test_it_removes_what_is_missing_or_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    found = diff(before, after)
    assert found.removes is not is_kept(before, after)
    assert bool(found) is not (is_kept(before, after) and is_kept(after, before))  # to Python, True is 1
    assert all(line.isprintable() and line[:2] in ("+ ", "- ") for line in found.lines)


@pytest.mark.requirement("mcp-core-writes:removes")
@given(objects, st.data())
def test_more_of_the_same_removes_nothing(before: dict[str, Any], data: st.DataObject) -> None:
    after = {**before, **data.draw(st.dictionaries(st.sampled_from(["new", "more"]), values))}
    assert not diff(before, after).removes
    assert diff(after, before).removes is not is_kept(after, before)


def pod(*containers: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": {"containers": list(containers)}}


def test_each_line_stands_alone() -> None:
    before = pod({"name": "web", "image": "web:1", "args": ["a", "b"]}, labels={"app": "web", "example.org/old": "x"})
    after = pod(
        {"name": "side", "image": "side:1"},
        {"name": "web", "image": "web:2", "args": ["a", "b", "c d\n"]},
        labels={"app": "web"},
        resourceVersion="5",
    )
    assert diff(before, after).lines == (
        "- metadata.labels[example.org/old]: x",
        '+ spec.containers[web].args[2]: "c d\\n"',
        "- spec.containers[web].image: web:1",
        "+ spec.containers[web].image: web:2",
        '+ spec.containers[side]: {"image": "side:1", "name": "side"}',
    )


@pytest.mark.requirement("mcp-core-writes:removes")
def test_another_order_is_a_change() -> None:
    one, other = {"name": "a"}, {"name": "b"}
    assert diff(pod(one, other), pod(other, one)).lines == (
        "- spec.containers: in the order a, b",
        "+ spec.containers: in the order b, a",
    )


def test_a_new_object_is_all_plus_and_one_that_goes_all_minus() -> None:
    obj = pod({"name": "a"}, name="p", labels={"app": "p"}) | {"status": {"phase": "Pending"}}
    assert diff(None, obj).lines == ("+ metadata.labels.app: p", '+ spec.containers: [{"name": "a"}]')
    assert diff(obj, None).removes


def test_a_secret_that_changes_shows_that_it_does() -> None:
    before = {"kind": "Secret", "apiVersion": "v1", "data": {"a": SECRET, "b": "x"}}
    changed = diff(before, {**before, "data": {"a": SECRET[::-1], "c": SECRET}})
    assert SECRET not in changed.text()
    assert changed.lines == (
        "- data.a: <redacted by fairlead: 11 characters>",
        "+ data.a: <redacted by fairlead: 11 characters> (another value)",
        "- data.b: <redacted by fairlead: 1 characters>",
        "+ data.c: <redacted by fairlead: 11 characters>",
    )
    by_name = diff({"spec": {"password": SECRET}}, {"spec": {"password": "x"}})
    assert len(by_name.lines) == 2
    assert SECRET not in by_name.text()


@pytest.mark.requirement("mcp-core-writes:removes")
def test_what_is_removed_is_shown_however_long_the_rest() -> None:
    added = {f"k{index}": "v" for index in range(50)}
    text = diff({"data": {"zz": "1"}}, {"data": added}).text(most=5)
    assert "- data.zz: 1" in text
    assert "more that are added" in text
    assert len(text.splitlines()) <= 7
