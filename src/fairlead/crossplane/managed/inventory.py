"""Which managed resources there are, over all their kinds: a row of each, the troubled ones first.

Somebody who asks for them has hundreds of kinds and thousands of objects, and wants those of one provider, of one
composite, or by the name that the cloud knows them under; so everything is looked at here, and little is shown.

Source: issue Crossplane toolset, 2; reference/crossplane.md §2.3 (list_managed_resources).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fairlead.crossplane import packages, references, sweeping
from fairlead.crossplane.judging import Health, State, judge
from fairlead.crossplane.managed import managing
from fairlead.crossplane.references import Reference
from fairlead.crossplane.surveying import Finding, Survey
from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError
from fairlead.resources.kinds import Kind
from fairlead.resources.reading import Query, Reader

Object = Mapping[str, Any]
STATES = (
    *(each.value for each in (State.HEALTHY, State.UNHEALTHY, State.PROGRESSING, State.PAUSED, State.DELETING)),
    "observe-only",
    "create-pending",
    "standalone",
)
_ORDER = (State.UNHEALTHY, State.UNKNOWN, State.DELETING, State.PROGRESSING, State.PAUSED, State.HEALTHY)


class NoProviderError(FairleadError):
    """Neither a provider nor an API group of managed resources is called so."""


@dataclass(frozen=True)
class Wish:
    """Which are wanted; what is empty is not asked."""

    state: str = ""
    owner: str = ""
    external_name: str = ""
    namespace: str = ""
    label_selector: str = ""


@dataclass(frozen=True)
class Row:
    reference: Reference
    kind: Kind
    health: Health
    external_name: str
    owner: str


@dataclass(frozen=True)
class Inventory:
    rows: tuple[Row, ...]
    """The troubled ones first."""
    kinds: int
    objects: int
    """That were looked at."""
    unread: tuple[str, ...]

    @property
    def counts(self) -> str:
        found = Counter(each.health.state for each in self.rows)
        return ", ".join(f"{found[state]} {state.value}" for state in _ORDER if found[state])

    @property
    def troubles(self) -> Survey:
        """The same as a survey, which groups what has one cause."""
        found = tuple(Finding(each.reference, each.health) for each in self.rows if each.health.message)
        return Survey(self.kinds, self.objects, found, ())


async def inventory(reader: Reader, kinds: Iterable[Kind], wish: Wish) -> Inventory:
    """A kind that cannot be read is told instead."""

    def take(kind: Kind, obj: Object) -> Row | None:
        health = judge(obj, kind.api.categories)
        if not _fits(obj, health, wish):
            return None
        return Row(references.of(obj), kind, health, managing.external_name(obj), managing.owner(obj))

    query = Query(namespace=wish.namespace, label_selector=wish.label_selector)
    found = await sweeping.sweep(reader, kinds, take, query)
    rows = sorted((row for each in found for row in each.taken), key=_place)
    return Inventory(tuple(rows), len(found), sum(each.seen for each in found), sweeping.gaps(found))


def _place(row: Row) -> tuple[int, Reference]:
    return _ORDER.index(row.health.state), row.reference


def _fits(obj: Object, health: Health, wish: Wish) -> bool:
    if wish.external_name and managing.external_name(obj) != wish.external_name:
        return False
    if wish.owner and wish.owner.rpartition("/")[2] not in managing.owner_names(obj):
        return False
    match wish.state:
        case "":
            return True
        case "observe-only":
            return managing.is_observed_only(obj)
        case "create-pending":
            return managing.creation(obj).is_unknown
        case "standalone":
            return not managing.owner(obj)
        case State.UNHEALTHY.value:
            return health.is_trouble
        case State.PAUSED.value:
            return health.state is State.PAUSED or not managing.policies(obj)
    return health.state.value == wish.state


async def kinds_of(reader: Reader, provider: str) -> list[Kind]:
    """The managed kinds of a provider, by its name or by an API group or its end.

    Raises `NoProviderError`, and what `Reader` raises.
    """
    managed = [each for each in (await reader.kinds()).category("managed") if each.can("list")]
    by_group = [each for each in managed if _is_in(each.resource.group, provider)]
    if by_group:
        return by_group
    names = await _installed(reader, provider)
    return [each for each in managed if each.resource.qualified in names]


def _is_in(group: str, end: str) -> bool:
    return group == end or ("." in end and group.endswith(f".{end}"))


async def _installed(reader: Reader, provider: str) -> set[str]:
    kind = await reader.kind("Provider", f"{packages.GROUP}/v1")
    try:
        found = await reader.one(kind, provider)
    except statuses.NotFound as error:
        raise NoProviderError(f"no provider or API group is called {provider!r}", "", "see list_providers") from error
    return {
        name
        for revision in await packages.revisions(reader, found)
        for _, name in await packages.installed(reader, revision)
    }
