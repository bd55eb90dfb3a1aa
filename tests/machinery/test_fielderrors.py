from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.machinery.fielderrors import compact, go_float, quoted, shown
from fairlead.machinery.values import same

pytestmark = pytest.mark.requirement("schemas:go-words")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (1.5, "1.5"),
        (1e21, "1e+21"),
        (1e20, "1e+20"),
        (1e6, "1e+06"),
        (123456.0, "123456"),
        (1234567.5, "1.2345675e+06"),
        (1e-5, "1e-05"),
        (0.0001, "0.0001"),
        (123456789.125, "1.23456789125e+08"),
        (-2.5e-7, "-2.5e-07"),
        (1.2345e22, "1.2345e+22"),
        (0.0, "0"),
    ],
)
def test_floats_are_printed_as_go_prints_them(value: float, text: str) -> None:
    assert go_float(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_printed_float_reads_back_as_itself(value: float) -> None:
    assert float(go_float(value)) == value


def test_unprintable_characters_are_escaped() -> None:
    assert quoted("a\u00a0\u200b\u00ad\ufeff\ue000é😀\u0378\x01") == r'"a\u00a0\u200b\u00ad\ufeff\ue000é😀\u0378\x01"'


@given(st.text())
def test_quoted_text_is_printable_and_on_one_line(text: str) -> None:
    assert quoted(text).isprintable()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", '"a"'),
        (True, "true"),
        (3, "3"),
        (None, "null"),
        ({"b": "<&>", "a": []}, r'{"a":[],"b":"\u003c\u0026\u003e"}'),
    ],
)
def test_values_are_shown_by_kind(value: Any, text: str) -> None:
    assert shown(value) == text


def test_compact_keeps_the_order_of_lists() -> None:
    assert compact([2, 1, {"b": 1, "a": 2}]) == '[2,1,{"a":2,"b":1}]'


def test_true_is_not_one() -> None:
    assert same({"a": [1]}, {"a": [1.0]})
    assert not same({"a": [1]}, {"a": [True]})
