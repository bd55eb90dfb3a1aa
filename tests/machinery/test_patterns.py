import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.machinery.patterns import compile_pattern

pytestmark = pytest.mark.requirement("schemas:patterns")


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("^a$", "a", True),
        ("^a$", "a\n", False),
        ("(?m)^a$", "a\nb", True),
        (r"^a\z", "a", True),
        (r"^[[:alpha:]_]+$", "aB_", True),
        (r"^[[:alpha:]]+$", "a1", False),
        (r"^\p{Lu}\p{Ll}$", "Äö", True),
        (r"^[\p{L}-]+$", "ä-b", True),
        (r"^\PL$", "1", True),
        (r"^\P{L}$", "a", False),
        (r"^\d+$", "١", False),
        (r"^\Qa.b\E$", "a.b", True),
        (r"^\Qa.b\E$", "axb", False),
        (r"^\x{e4}$", "ä", True),
        (r"^[]a]$", "]", True),
        (r"^[^]a]$", "]", False),
        ("a[$]b", "a$b", True),
        (r"a\$b", "a$b", True),
        ("a[[b]", "a[", True),
    ],
)
def test_a_go_pattern_means_the_same_here(pattern: str, text: str, matches: bool) -> None:
    compiled = compile_pattern(pattern)
    assert compiled is not None
    assert (compiled.search(text) is not None) == matches


@pytest.mark.parametrize("pattern", ["(", r"\p{Nonsense}", "a(?i)b"])
def test_what_cannot_be_run_is_none(pattern: str) -> None:
    assert compile_pattern(pattern) is None


@settings(deadline=None)  # the first Unicode class is slow: all characters are looked through once
@given(st.text("ab[]^$.-\\QE:alph{}pLz()|*", max_size=12))
def test_no_pattern_breaks_the_translation(pattern: str) -> None:
    compile_pattern(pattern)
