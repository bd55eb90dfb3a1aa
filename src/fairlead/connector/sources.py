"""What the control plane says is to be offered: claims and namespaced composites of XRDs, and CRDs that were named.

The difference that matters is between "not there" and "not known": an API that disappears from the app cluster takes
its claims out of namespace deletion and garbage collection. So a source only goes when it was deleted before our eyes
or when it was asked for by name and answered 404; a list without it, a failure or a refusal change nothing.

Source: issue Ground, 6; reference/aggregation-layer.md §0 rules 1 and 2.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fairlead.connector.catalog import Offered
from fairlead.connector.choosing import EVERYTHING, Choice
from fairlead.connector.naming import COMPOSITE_PREFIX
from fairlead.crossplane import xrds
from fairlead.crossplane.xrds import Definition, DefinitionError
from fairlead.machinery import conditions

Object = dict[str, Any]

XRD, CRD = "xrd", "crd"


@dataclass(frozen=True, order=True)
class SourceName:
    kind: str
    """`xrd` or `crd`."""
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> "SourceName":
        kind, _, name = text.partition("/")
        return cls(kind, name)


@dataclass(frozen=True)
class Source:
    offered: Offered
    versions: tuple[str, ...]
    """Those that are to be served; none of a source that was decided against."""


@dataclass(frozen=True)
class Sources:
    known: Mapping[SourceName, Source] = field(default_factory=dict)
    gone: frozenset[SourceName] = frozenset()
    """Known with authority not to exist any more."""
    suspects: frozenset[SourceName] = frozenset()
    """Missing from a list: to be asked for by name."""

    @property
    def offered(self) -> frozenset[Offered]:
        return frozenset(each.offered for each in self.known.values())

    def of(self, group: str, version: str) -> list[SourceName]:
        return sorted(
            name for name, each in self.known.items() if each.offered.group == group and version in each.versions
        )

    def applied(self, name: SourceName, source: Source | None) -> "Sources":
        """`source` is None for an object that offers nothing (yet): what it offered before stays."""
        known = self.known if source is None else {**self.known, name: source}
        return Sources(known, self.gone - {name}, self.suspects - {name})

    def deleted(self, name: SourceName) -> "Sources":
        known = {key: each for key, each in self.known.items() if key != name}
        return Sources(known, self.gone | {name}, self.suspects - {name})

    def listed(self, kind: str, found: Mapping[SourceName, Source | None]) -> "Sources":
        result: Sources = self
        for name, source in found.items():
            result = result.applied(name, source)
        missing = {name for name in result.known if name.kind == kind and name not in found}
        return replace(result, suspects=result.suspects | missing)

    def withholding(self, names: Iterable[SourceName]) -> "Sources":
        """As if these served nothing; only for what is not published."""
        left = {name: replace(self.known[name], versions=()) for name in names}
        return replace(self, known={**self.known, **left})

    def suspecting(self, names: Iterable[SourceName]) -> "Sources":
        """Named by an APIService of ours from an earlier life, and not seen in this one."""
        return replace(self, suspects=self.suspects | (frozenset(names) - self.known.keys() - self.gone))


def of_xrd(xrd: Object, choice: Choice = EVERYTHING) -> Source | None:
    """Its claims, or its composites where they are namespaced; without versions when they are not chosen.

    None when it has neither, or while they are not offered.
    """
    try:
        definition = xrds.read(xrd)
    except DefinitionError:
        return None
    offered, stands = _offered(definition)
    if offered is None:
        return None
    if not choice.admits(offered.group, offered.plural, xrd["metadata"].get("labels") or {}):
        return Source(offered, ())
    return Source(offered, definition.served) if stands else None


def _offered(definition: Definition) -> tuple[Offered | None, bool]:
    """What it is to offer, and whether that is served by now."""
    if definition.claim is not None:
        return Offered(definition.group, definition.claim.plural), definition.offered
    if definition.scope == xrds.NAMESPACED:
        return Offered(definition.group, definition.composite.plural, COMPOSITE_PREFIX), definition.established
    return None, False


def of_crd(crd: Object, choice: Choice = EVERYTHING) -> Source | None:
    """None for a cluster-scoped kind, or while it is not established; without versions when it is not chosen."""
    spec = crd.get("spec") or {}
    if spec.get("scope") != "Namespaced":
        return None
    offered = Offered(spec["group"], spec["names"]["plural"])
    labels = (crd.get("metadata") or {}).get("labels") or {}
    if not choice.admits(offered.group, offered.plural, labels, named=True):
        return Source(offered, ())
    if not conditions.is_true(crd, "Established"):
        return None
    return Source(offered, tuple(each["name"] for each in spec.get("versions") or () if each.get("served")))
