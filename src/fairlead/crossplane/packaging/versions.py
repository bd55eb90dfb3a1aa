"""Versions of packages and the constraints of those that depend on them, as Crossplane decides them.

Crossplane leaves this to the Go library Masterminds/semver, whose grammar is neither npm's nor Python's: `1.x`, `~1.2`
and even `=1.2` are ranges, a missing part of `>11` means "after all of 11", and a prerelease meets only a group of
constraints that names one itself. No library of Python's reads it, so the rules are here, held to the verdicts of that
library (tests/crossplane/data/constraints.json).

Source: reference/crossplane.md §1.5; github.com/Masterminds/semver v3.4.0, which Crossplane 2.3.4 is built with.
"""

import re
from dataclasses import dataclass
from functools import total_ordering
from typing import Any

_TAIL = r"(?:-(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+(?P<build>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
_VERSION = re.compile(rf"v?(?P<major>\d+)(?:\.(?P<minor>\d+))?(?:\.(?P<patch>\d+))?{_TAIL}")
_PART = r"(?:\d+|[xX*])"
_TERM = re.compile(
    rf"(?P<sign>=>|=<|>=|<=|!=|~>|=|>|<|~|\^|)\s*"
    rf"v?(?P<major>{_PART})(?:\.(?P<minor>{_PART}))?(?:\.(?P<patch>{_PART}))?{_TAIL}"
)
_RANGE = re.compile(r"(?P<low>\S+)\s+-\s+(?P<high>\S+)")
_BETWEEN = re.compile(r"\s*,\s*|\s+")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@total_ordering
@dataclass(frozen=True)
class Version:
    """What a build adds after `+` does not count."""

    major: int
    minor: int = 0
    patch: int = 0
    pre: str = ""

    def __lt__(self, other: "Version") -> bool:
        return self._key < other._key

    @property
    def _key(self) -> tuple[Any, ...]:
        """A prerelease comes before its release, a number in it before a word, and the shorter before the longer."""
        parts = [(0, int(each), "") if each.isdigit() else (1, 0, each) for each in self.pre.split(".")]
        return self.major, self.minor, self.patch, not self.pre, parts if self.pre else []


def parse(text: str) -> Version | None:
    """With or without `v`, and with parts left out; None for a digest or a word."""
    found = _VERSION.fullmatch(text.strip())
    if found is None:
        return None
    return Version(int(found["major"]), int(found["minor"] or 0), int(found["patch"] or 0), found["pre"] or "")


def meets(version: str, constraint: str) -> bool | None:
    """None where Crossplane itself could not tell: a tag that is no version, or a constraint that cannot be read.

    A constraint may be a digest, which only the same digest meets.
    """
    wanted = constraint.strip()
    if _DIGEST.fullmatch(wanted):
        return version == wanted
    groups = _groups(constraint)
    found = parse(version)
    if groups is None or found is None:
        return None
    return any(_holds(found, group) for group in groups)


def is_incomparable(version: str, constraint: str) -> bool:
    """Whether Crossplane gives up, and the dependent package with it: a range is wanted, a digest or word is there."""
    is_range = not _DIGEST.fullmatch(constraint.strip()) and _groups(constraint) is not None
    return is_range and parse(version) is None


def step(before: str, after: str) -> str:
    """What going from one to the other is, in words; empty where that cannot be told."""
    old, new = parse(before), parse(after)
    if old is None or new is None:
        return ""
    if new == old:
        return "the same version"
    if new < old:
        return "a downgrade"
    if new.major != old.major:
        return "a major upgrade"
    return "a minor upgrade" if new.minor != old.minor else "a patch upgrade"


@dataclass(frozen=True)
class _Term:
    sign: str
    base: Version
    """Zeros where parts are left out."""
    parts: int
    """How many of the three are given, before the first that is left out."""


def _groups(constraint: str) -> list[list[_Term]] | None:
    """Of which one has to hold whole; None where it cannot be read."""
    found = []
    for each in _RANGE.sub(r">=\g<low>, <=\g<high>", constraint).split("||"):
        terms = _terms(each.strip())
        if terms is None:
            return None
        found.append(terms)
    return found


def _terms(text: str) -> list[_Term] | None:
    found, place = list[_Term](), 0
    while match := _TERM.match(text, place):
        found.append(_term(match))
        if match.end() == len(text):
            return found
        between = _BETWEEN.match(text, match.end())
        if between is None:
            return None
        place = between.end()
    return None


def _term(match: re.Match[str]) -> _Term:
    given: list[int] = []
    for name in ("major", "minor", "patch"):
        if not (match[name] or "").isdigit():
            break
        given.append(int(match[name]))
    major, minor, patch = [*given, 0, 0, 0][:3]
    return _Term(match["sign"], Version(major, minor, patch, match["pre"] or ""), len(given))


def _holds(version: Version, group: list[_Term]) -> bool:
    if version.pre and not any(each.base.pre for each in group):
        return False
    return all(_met(version, each) for each in group)


def _met(version: Version, term: _Term) -> bool:
    sign, base = term.sign, term.base
    if sign in ("<", ">=", "=>"):
        return version < base if sign == "<" else version >= base
    if sign == "!=":
        return _differs(version, term)
    if sign == ">":
        return version > base if term.parts in (0, 3) else _given(version, term) > _given(base, term)
    if sign in ("<=", "=<"):
        # Without a single number the library bounds the major and the minor by zero.
        return version <= base if term.parts == 3 else _given(version, term, 2) <= _given(base, term, 2)
    if sign == "^":
        return version >= base and _same_left(version, term)
    if sign in ("", "=") and term.parts == 3:
        return version == base
    return version >= base and _near(version, term)


def _given(version: Version, term: _Term, without: int = 0) -> tuple[int, ...]:
    """As many parts as the term gives; `without` says how many where it gives none."""
    return (version.major, version.minor, version.patch)[: term.parts or without]


def _differs(version: Version, term: _Term) -> bool:
    if term.parts in (0, 3):
        return version != term.base
    return _given(version, term) != _given(term.base, term) or (term.parts == 2 and version.pre != term.base.pre)


def _near(version: Version, term: _Term) -> bool:
    """`~`: the last part that is given may not change, but the third."""
    if term.base == Version(0) and term.parts in (0, 3):
        return True
    return _given(version, term)[:2] == _given(term.base, term)[:2]


def _same_left(version: Version, term: _Term) -> bool:
    """`^`: the first part that is not zero may not change."""
    base = term.base
    if base.major > 0 or term.parts == 1:
        return version.major == base.major
    if base.minor > 0 or term.parts == 2:
        return (version.major, version.minor) == (base.major, base.minor)
    return (version.major, version.minor, version.patch) == (base.major, base.minor, base.patch)
