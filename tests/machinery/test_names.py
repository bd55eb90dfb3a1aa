import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.machinery import names


@pytest.mark.requirement("machinery:names")
@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (names.subdomain, ["a", "a.b-c", "1"], ["", "A", "a.", "-a", "a" * 254]),
        (names.label, ["a", "a-b"], ["a.b", "", "a" * 64]),
        (names.label_1035, ["a1"], ["1a", ""]),
        (names.path_segment, ["system:x", "A b"], [".", "..", "a/b", "a%b"]),
        (names.config_key, ["a_b.C-1", ".x"], ["", ".", "..", "..a", "a/b"]),
        (names.label_key, ["a", "x.io/A_b.c"], ["", "/a", "a/", "a/b/c", "-a", "X/a"]),
        (names.label_value, ["", "a", "A_b.c"], ["-a", "a" * 64, "a b"]),
    ],
)
def test_what_is_well_formed(check: object, good: list[str], bad: list[str]) -> None:
    assert callable(check)
    assert [each for each in good if check(each)] == []
    assert [each for each in bad if not check(each)] == []


@pytest.mark.requirement("machinery:names")
@given(st.text(max_size=80))
def test_a_label_is_a_subdomain_without_dots(text: str) -> None:
    expected = not names.subdomain(text) and "." not in text and len(text) <= 63
    assert (names.label(text) == []) == expected
