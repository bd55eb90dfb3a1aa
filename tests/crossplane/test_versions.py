"""Versions and constraints against the verdicts of the library that Crossplane uses (Masterminds/semver v3.4.0)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.crossplane.packaging.versions import Version, meets, parse, step
from tests.crossplane.constraint_cases import RECORDED, VERDICTS, VERSIONS

pytestmark = pytest.mark.requirement("crossplane-packages:constraints")
VERDICTS_OF = json.loads(RECORDED.read_text())
NUMBERS = st.integers(0, 20)
PRE = st.one_of(st.just(""), st.lists(st.sampled_from(["alpha", "rc", "0", "1", "11"]), min_size=1).map(".".join))
ANY = st.builds(Version, NUMBERS, NUMBERS, NUMBERS, PRE)
RELEASES = st.builds(Version, NUMBERS, NUMBERS, NUMBERS)


def written(version: Version) -> str:
    tail = f"-{version.pre}" if version.pre else ""
    return f"v{version.major}.{version.minor}.{version.patch}{tail}"


def test_each_constraint_is_met_by_what_crossplane_says() -> None:
    wrong = [
        (constraint, version)
        for constraint, letters in VERDICTS_OF.items()
        for version, letter in zip(VERSIONS, letters, strict=True)
        if meets(version, constraint) is not VERDICTS[letter]
    ]
    assert not wrong
    assert {letter for letters in VERDICTS_OF.values() for letter in letters} == set(VERDICTS)


@given(ANY)
def test_a_version_is_read_as_it_is_written_and_meets_itself(version: Version) -> None:
    assert parse(written(version)) == version
    assert meets(written(version), f"={written(version)[1:]}")
    assert step(written(version), written(version)) == "the same version"


@given(ANY, ANY)
def test_of_two_versions_one_is_the_upgrade(one: Version, other: Version) -> None:
    assert (one < other) + (other < one) + (one == other) == 1
    there, back = step(written(one), written(other)), step(written(other), written(one))
    assert [there, back].count("a downgrade") == (one != other)


@given(RELEASES, RELEASES)
def test_ranges_are_what_they_stand_for(one: Version, other: Version) -> None:
    text, base = written(one), written(other)
    assert meets(text, f">={base}") is not meets(text, f"<{base}")
    assert meets(text, f"~{base}") is (other == Version(0) or (one >= other and one < _next_minor(other)))
    if other.major:
        assert meets(text, f"^{base}") is (one >= other and one.major == other.major)


def _next_minor(version: Version) -> Version:
    return Version(version.major, version.minor + 1)


def test_a_digest_is_met_by_itself_alone() -> None:
    digest = f"sha256:{'a' * 64}"
    assert meets(digest, digest) is True
    assert meets("v1.0.0", digest) is False
    assert meets(digest, ">=v1.0.0") is None
    assert step("v1.0.0", digest) == ""
