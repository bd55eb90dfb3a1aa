"""Which kinds of a provider are switched on, and by which patterns.

On Crossplane 2 a provider brings definitions, and only an active one becomes a CRD. Policies name what is to be active
by patterns; what they have once activated stays so for good, so a pattern is tried out here before it is sent. Patterns
are those of Go's `filepath.Match`, which is not what Python's `fnmatch` reads: a class is negated by `^`, a backslash
takes a character as it is, and a pattern that is malformed matches nothing and says nothing.

Source: reference/crossplane.md §1.4; crossplane `apiextensions/v1alpha1` (ActivationPolicy.Match); Go `path/filepath`.
"""

import asyncio
import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from fairlead.crossplane import packages
from fairlead.crossplane.judging import judge
from fairlead.crossplane.managed import providing
from fairlead.machinery.errors import FairleadError
from fairlead.resources.gathering import together
from fairlead.resources.kinds import UnknownKindError
from fairlead.resources.reading import Query, Reader

Object = dict[str, Any]
GROUP = "apiextensions.crossplane.io"
MRD, VERSION = providing.MRD, providing.MRD_VERSION
POLICY = "ManagedResourceActivationPolicy"
ACTIVE = "Active"
_AT_ONCE = 12


class NoDefinitionsError(FairleadError):
    """On Crossplane 1 there are none."""


# -- Patterns ----------------------------------------------------------------------------------------------------------


class _MalformedError(ValueError):
    pass


def is_wellformed(pattern: str) -> bool:
    return _compiled(pattern) is not None


def matches(pattern: str, name: str) -> bool:
    """As Crossplane would; nothing where the pattern is malformed."""
    found = _compiled(pattern)
    return found is not None and found.fullmatch(name) is not None


def covered(patterns: Iterable[str], names: Iterable[str]) -> list[str]:
    """Those of the names that any of the patterns matches."""
    wanted = tuple(patterns)
    return [name for name in names if any(matches(each, name) for each in wanted)]


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile("".join(_parts(pattern)), re.DOTALL)
    except _MalformedError:
        return None


def _parts(pattern: str) -> Iterable[str]:
    place = 0
    while place < len(pattern):
        sign = pattern[place]
        if sign == "*":
            yield "[^/]*"
            place += 1
        elif sign == "?":
            yield "[^/]"
            place += 1
        elif sign == "[":
            found, place = _class(pattern, place + 1)
            yield found
        else:
            literal, place = _escaped(pattern, place)
            yield re.escape(literal)


def _escaped(pattern: str, place: int) -> tuple[str, int]:
    if pattern[place] == "\\":
        place += 1
    if place >= len(pattern):
        raise _MalformedError
    return pattern[place], place + 1


def _class(pattern: str, place: int) -> tuple[str, int]:
    """Of a class that begins here: a range from high to low is allowed, and holds nothing."""
    negated = pattern[place : place + 1] == "^"
    place += negated
    ranges: list[tuple[str, str]] = []
    while not (ranges and pattern[place : place + 1] == "]"):
        low, place = _of_class(pattern, place)
        high = low
        if pattern[place] == "-":
            high, place = _of_class(pattern, place + 1)
        ranges.append((low, high))
    inside = "".join(f"{re.escape(low)}-{re.escape(high)}" for low, high in ranges if low <= high)
    if not inside:
        return ("." if negated else "(?!)"), place + 1
    return f"[{'^' if negated else ''}{inside}]", place + 1


def _of_class(pattern: str, place: int) -> tuple[str, int]:
    if place >= len(pattern) or pattern[place] in "-]":
        raise _MalformedError
    found, place = _escaped(pattern, place)
    if place >= len(pattern):
        raise _MalformedError  # the class does not end
    return found, place


# -- Definitions and policies ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Definition:
    """Of a managed resource."""

    obj: Object
    provider: str
    """Empty where it is not known."""
    in_use: int | None = None
    """How many objects there are of it; None where that could not be read, 0 where it is not served."""

    @property
    def name(self) -> str:
        return str(self.obj["metadata"]["name"])

    @property
    def is_active(self) -> bool:
        return is_active(self.obj)

    @property
    def state(self) -> str:
        health = judge(self.obj)
        if not self.is_active:
            return "Inactive"
        return ACTIVE if health.state.value == "healthy" else f"{ACTIVE}, {health.state.value}: {health.reason}"


def is_active(definition: Object) -> bool:
    return bool((definition.get("spec") or {}).get("state") == ACTIVE)


async def definitions(reader: Reader) -> list[Object]:
    """Raises `NoDefinitionsError` on Crossplane 1, and what `Reader` raises."""
    return await _every(reader, MRD)


async def policies(reader: Reader) -> list[Object]:
    """Raises `NoDefinitionsError` on Crossplane 1, and what `Reader` raises."""
    return await _every(reader, POLICY)


async def _every(reader: Reader, kind: str) -> list[Object]:
    try:
        return await reader.every(kind, VERSION)
    except UnknownKindError as error:
        raise absent() from error


def absent() -> NoDefinitionsError:
    why = "every kind of a provider is served as soon as it is installed"
    return NoDefinitionsError("this Crossplane is a 1.x and has no managed resource definitions", why)


async def providers(reader: Reader) -> Mapping[str, str]:
    """Names of providers by those of their revisions. Raises what `Reader` raises."""
    found = await reader.every("ProviderRevision", f"{packages.GROUP}/v1")
    return {name_of(each): packages.owner(each) for each in found}


def provider_of(definition: Object, by_revision: Mapping[str, str]) -> str:
    owners = (str(each.get("name")) for each in definition["metadata"].get("ownerReferences") or ())
    return next((by_revision[each] for each in owners if by_revision.get(each)), "")


async def counted(reader: Reader, found: Sequence[Object], by_revision: Mapping[str, str]) -> list[Definition]:
    """How many objects there are of each: one short request for each active one, a dozen at a time."""
    turn = asyncio.Semaphore(_AT_ONCE)

    async def count(definition: Object) -> Definition:
        told = Definition(definition, provider_of(definition, by_revision), 0)
        if not told.is_active:
            return told
        try:
            async with turn:
                return Definition(definition, told.provider, await instances(reader, told.name))
        except FairleadError:
            return Definition(definition, told.provider)

    return await together(*(count(each) for each in found))


async def instances(reader: Reader, name: str) -> int:
    """Raises what `Reader` raises; 0 for what is not served."""
    try:
        kind = await reader.kind(name)
    except UnknownKindError:
        return 0
    page = await reader.page(kind, Query(limit=1), table=False)
    return len(page.document.get("items") or ()) + (page.remaining or 0)


def name_of(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def named(found: Sequence[Object], given: Iterable[str]) -> list[str]:
    """Names of the definitions that names, patterns or kinds mean; each once."""
    by_kind: dict[str, list[str]] = {}
    for each in found:
        names = (each.get("spec") or {}).get("names") or {}
        for called in {str(names.get(key)).lower() for key in ("kind", "plural", "singular")}:
            by_kind.setdefault(called, []).append(name_of(each))
    there = [name_of(each) for each in found]
    meant = (name for one in given for name in covered([one], there) or by_kind.get(one.lower(), []))
    return list(dict.fromkeys(meant))


def near(found: Sequence[Object], named: str) -> list[str]:
    """Names that hold it, or else whose kind is nearly called so."""
    there = [name_of(each) for each in found]
    kinds = {each.partition(".")[0] for each in there}
    close = difflib.get_close_matches(named.lower().partition(".")[0], kinds)
    held = [each for each in there if named.lower().strip("*.?") in each]
    return held or [each for each in there if each.partition(".")[0] in close]


def activators(name: str, found: Iterable[Object]) -> list[str]:
    """The policies whose patterns match it."""
    return [name_of(each) for each in found if covered(patterns(each), [name])]


def patterns(policy: Object) -> list[str]:
    return [str(each) for each in (policy.get("spec") or {}).get("activate") or ()]


def policy(name: str, activate: Sequence[str]) -> dict[str, Any]:
    spec = {"activate": list(activate)}
    return {"apiVersion": VERSION, "kind": POLICY, "metadata": {"name": name}, "spec": spec}
