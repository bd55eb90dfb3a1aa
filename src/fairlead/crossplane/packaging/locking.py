"""Who depends on whom among installed packages, and whose constraints are not met: the Lock, read as a graph.

Crossplane tells a conflict on the revision that suffers from it alone, and once it is too late: the Lock's `Resolved`
stays true, because nothing is missing. Before an upgrade, what will break has to be worked out from the constraints.

Source: reference/crossplane.md §1.5; seen on Crossplane 2.3.4.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fairlead.crossplane.packaging import versions

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Need:
    kind: str
    source: str
    constraint: str


@dataclass(frozen=True)
class Locked:
    """An active revision of a package."""

    kind: str
    revision: str
    source: str
    version: str
    needs: tuple[Need, ...] = ()

    @property
    def package(self) -> str:
        """Its name, which is that of the revision without its digest."""
        return self.revision.rpartition("-")[0] or self.revision

    def __str__(self) -> str:
        return f"{self.kind} {self.package}"


def entries(lock: Object) -> list[Locked]:
    return [
        Locked(
            _kind(each),
            str(each.get("name") or ""),
            str(each.get("source") or ""),
            str(each.get("version") or ""),
            tuple(
                Need(_kind(need), str(need.get("package") or ""), str(need.get("constraints") or ""))
                for need in each.get("dependencies") or ()
            ),
        )
        for each in lock.get("packages") or ()
    ]


def _kind(entry: Object) -> str:
    """Crossplane 1 and the short form of a dependency say a type instead."""
    return str(entry.get("kind") or entry.get("type") or "")


def dependents(locked: Sequence[Locked], source: str) -> list[tuple[Locked, str]]:
    """Who needs the package of that source, each with its constraint."""
    return [(each, need.constraint) for each in locked for need in each.needs if need.source == source]


def broken_by(locked: Sequence[Locked], source: str, version: str) -> list[tuple[Locked, str]]:
    """Whose constraints that version would not meet, or could not be compared with."""
    return [
        (each, constraint)
        for each, constraint in dependents(locked, source)
        if versions.meets(version, constraint) is False or versions.is_incomparable(version, constraint)
    ]


def conflicts(locked: Sequence[Locked], package: str = "") -> list[str]:
    """What is missing or of a version that is not wanted, as it is now; of all, or of one package."""
    there = {each.source: each.version for each in locked}
    found = []
    for each in locked:
        for need in each.needs if package in ("", each.package) else ():
            wants = f"{each} needs {need.source} {need.constraint}".rstrip()
            version = there.get(need.source)
            if version is None:
                found.append(f"{wants}, which is not installed")
            elif versions.meets(version, need.constraint) is False:
                found.append(f"{wants}, and {version} is installed")
            elif versions.is_incomparable(version, need.constraint):
                found.append(f"{wants}, and {version} is installed, which is no version to compare with it")
    return found
