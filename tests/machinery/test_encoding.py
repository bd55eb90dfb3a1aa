from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.machinery import encoding
from fairlead.machinery.encoding import DecodeError

printable = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | printable,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(printable, inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.requirement("machinery:yaml-as-kubernetes")
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2001-01-01", "2001-01-01"),
        ("1:30", "1:30"),
        ("=", "="),
        ("yes", True),
        ("off", False),
        ("010", 8),
        ("0o17", 15),
        ("0x1F", 31),
        ("-7", -7),
        ("12345678901234567890123", 12345678901234567890123),
        ("1e3", 1000.0),
        ("1.0", 1.0),
        (".5", 0.5),
        ("~", None),
        ("1.2.3", "1.2.3"),
    ],
)
def test_scalars(text: str, value: Any) -> None:
    found = encoding.from_yaml(f"a: {text}")["a"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.requirement("machinery:yaml-as-kubernetes")
def test_keys_become_strings_and_merge_keys_work() -> None:
    assert encoding.from_yaml("{1: a, true: b, x: c}") == {"1": "a", "true": "b", "x": "c"}
    assert encoding.from_yaml("b: &b {x: 1}\na: {<<: *b, y: 2}")["a"] == {"x": 1, "y": 2}


@pytest.mark.requirement("machinery:yaml-as-kubernetes")
@pytest.mark.parametrize("text", ["a: 1\na: 2", "a: [", "!!python/object:x {}", "? [a]\n: b", "a: 1\n---\nb: 2"])
def test_what_is_no_single_document_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(DecodeError) as caught:
        encoding.from_yaml(text)
    assert "\n" not in str(caught.value)


@pytest.mark.requirement("machinery:yaml-as-kubernetes")
def test_a_stream_gives_its_documents_without_the_empty_ones() -> None:
    assert encoding.documents("---\na: 1\n---\n---\nb: 2\n") == [{"a": 1}, {"b": 2}]
    assert encoding.from_yaml("") is None


@pytest.mark.requirement("machinery:yaml-bounded")
def test_an_alias_bomb_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 20)]
    with pytest.raises(DecodeError, match="aliases"):
        encoding.from_yaml("\n".join(lines))


@pytest.mark.requirement("machinery:yaml-bounded")
@pytest.mark.parametrize("text", ["a: &a [*a]", "a: &a {b: [*a]}"])
def test_an_alias_of_itself_is_refused(text: str) -> None:
    with pytest.raises(DecodeError, match="recursive"):
        encoding.from_yaml(text)


@pytest.mark.requirement("machinery:encoding-round-trip")
@given(json_values)
def test_values_survive_both_forms(value: Any) -> None:
    assert encoding.from_json(encoding.to_json(value)) == value
    assert encoding.from_yaml(encoding.to_yaml({"a": value})) == {"a": value}


@pytest.mark.requirement("machinery:encoding-round-trip")
@pytest.mark.parametrize("text", ["0E0", "1e3", "1:30", "2001-01-01", "0o17", "yes", "1_000", "=", "<<", ".5", "~", ""])
def test_a_string_that_looks_like_something_else_stays_a_string(text: str) -> None:
    assert encoding.from_yaml(encoding.to_yaml({"a": text, text: "b"})) == {"a": text, text: "b"}


@pytest.mark.requirement("machinery:encoding-round-trip")
@pytest.mark.parametrize("text", [b"{", b"\xff", b"[" * 100_000])
def test_broken_json_is_refused(text: bytes) -> None:
    with pytest.raises(DecodeError):
        encoding.from_json(text)
