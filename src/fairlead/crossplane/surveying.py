"""All that is not well in a control plane, over every kind that Crossplane has made or brought, grouped by cause.

A platform has hundreds of kinds, most of them without an object, and one of them may be slow or forbidden; so kinds are
listed some at a time, each by pages, and one that cannot be read is named and holds up nothing. The same message on a
hundred objects is one line with a number.

Source: issue Crossplane toolset, 3 (list_unhealthy) and Must hold (300 kinds in 30 s); reference/crossplane.md §7, 8.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fairlead.crossplane import presence, references, sweeping
from fairlead.crossplane.judging import Health, State, judge
from fairlead.crossplane.references import Reference
from fairlead.machinery.errors import FairleadError
from fairlead.resources.gathering import both
from fairlead.resources.kinds import Kind, Kinds
from fairlead.resources.reading import Query, Reader

Object = Mapping[str, Any]
SCOPES = ("packages", "xrds", "composites", "claims", "managed", "operations")
_CATEGORIES = {"composites": "composite", "claims": "claim", "managed": "managed"}
_GROUPS = {"packages": "pkg.crossplane.io", "operations": "ops.crossplane.io"}
_XRDS = {
    "CompositeResourceDefinition",
    "CompositionRevision",
    "ManagedResourceActivationPolicy",
    "ManagedResourceDefinition",
}


@dataclass(frozen=True)
class Finding:
    reference: Reference
    health: Health


@dataclass(frozen=True)
class Survey:
    kinds: int
    objects: int
    findings: tuple[Finding, ...]
    unread: tuple[str, ...]
    """Kinds that could not be read, or not whole, with the reason."""
    warnings: tuple[str, ...] = ()
    """Why what the objects say is not to be relied on."""

    def grouped(self) -> list[tuple[str, list[Finding]]]:
        """By kind and cause, the largest first; names and numbers in messages do not make another cause."""
        groups: dict[tuple[str, str, str, str], list[Finding]] = {}
        for each in self.findings:
            health = each.health
            key = (each.reference.kind, health.state.value, health.reason, _likeness(health.message))
            groups.setdefault(key, []).append(each)
        ordered = sorted(groups.items(), key=lambda item: (-_gravity(item[1][0]), -len(item[1]), item[0]))
        return [(_title(found[0]), found) for _, found in ordered]


_GRAVITY = {State.UNHEALTHY: 4, State.UNKNOWN: 3, State.DELETING: 2, State.PROGRESSING: 1, State.PAUSED: 0}
_NAMES = re.compile(r"[\"'`][^\"'`]*[\"'`]|[0-9a-f]{5,}|\d+|\S*[-/.]\S*")


def _gravity(finding: Finding) -> int:
    return _GRAVITY.get(finding.health.state, 0)


def _likeness(message: str) -> str:
    return _NAMES.sub("…", message[:400])[:200]  # its time grows with the square of a long word


def _title(finding: Finding) -> str:
    health = finding.health
    said = ": ".join(each for each in (health.reason, " ".join(health.message.split())) if each)
    return f"{finding.reference.kind} {health.state.value}" + (f": {said}" if said else "")


async def survey(reader: Reader, scopes: Iterable[str] = SCOPES, namespace: str = "") -> Survey:
    """Raises what discovery raises; a kind that cannot be read is told instead."""
    served = await reader.kinds(anew=True)
    kinds = chosen(served, scopes)
    look = sweeping.sweep(reader, kinds, _finding, Query(namespace=namespace))
    found, (warnings, unread) = await both(look, _presence(reader, served))
    findings = tuple(finding for each in found for finding in each.taken)
    seen = sum(each.seen for each in found)
    return Survey(len(kinds), seen, findings, (*sweeping.gaps(found), *unread), tuple(warnings))


async def _presence(reader: Reader, kinds: Kinds) -> tuple[list[str], list[str]]:
    """What is to be said before anything else, and what could not be read for it."""
    try:
        return await presence.warnings(reader, kinds), []
    except FairleadError as error:
        return [], [f"deployments.apps: whether Crossplane runs is not known: {error}"]


def _finding(kind: Kind, obj: Object) -> Finding | None:
    health = judge(obj, kind.api.categories)
    return None if health.state is State.HEALTHY or _is_off(obj) else Finding(references.of(obj), health)


def chosen(kinds: Kinds, scopes: Iterable[str]) -> list[Kind]:
    """Each once, in its preferred version; only what can be listed."""
    wanted = set(scopes)
    found: dict[str, Kind] = {}
    for scope, category in _CATEGORIES.items():
        if scope in wanted:
            found |= {each.resource.qualified: each for each in kinds.category(category)}
    for each in kinds.category("crossplane"):
        group = each.resource.group
        is_package = group == _GROUPS["packages"] and "packages" in wanted
        is_operation = group == _GROUPS["operations"] and "operations" in wanted
        if is_package or is_operation or ("xrds" in wanted and each.api.kind in _XRDS):
            found.setdefault(each.resource.qualified, each)
    return [each for each in found.values() if each.can("list")]


def _is_off(obj: Object) -> bool:
    """A revision that is not the active one has nothing to be healthy about; a definition may rest on purpose."""
    spec = obj.get("spec") or {}
    return spec.get("desiredState") == "Inactive" or (
        obj.get("kind") == "ManagedResourceDefinition" and spec.get("state") == "Inactive"
    )
