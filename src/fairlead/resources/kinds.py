"""Which resource somebody means who writes `pods`, `po`, `Deployment`, `deployments.apps` or `apps/v1 Deployment`.

Where a name fits several, the first in the server's own order wins, as with kubectl: the core group, then groups by
priority, each in its preferred version. Who names a group or a version gets that one or nothing. A miss answers with
what is near, because the next question is always "what did I get wrong".
"""

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from fairlead.machinery import discovery
from fairlead.machinery.discovery import APIGroup, APIResource
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import GroupVersion, Resource

_NEAR = 5


@dataclass(frozen=True)
class Kind:
    resource: Resource
    api: APIResource

    @property
    def api_version(self) -> str:
        return str(self.resource.group_version)

    @property
    def names(self) -> Iterator[str]:
        """All by which it may be called, in lower case."""
        yield from {each.lower() for each in (self.api.plural, self.api.kind, self.api.singular) if each}
        yield from (each.lower() for each in self.api.short_names)

    def can(self, verb: str) -> bool:
        return verb in self.api.verbs


class UnknownKindError(FairleadError):
    """No resource of the server is called so."""


class Kinds:
    """What a server serves, to be looked up in; made anew whenever it is discovered anew."""

    def __init__(self, groups: Iterable[APIGroup]) -> None:
        self.groups = tuple(groups)

    @cached_property
    def all(self) -> tuple[Kind, ...]:
        """In the server's order, preferred versions first in each group."""
        return tuple(Kind(resource, api) for resource, api in discovery.resources(self.groups))

    @property
    def stale(self) -> list[str]:
        """Group versions whose server does not answer: what they serve is not known just now."""
        return [
            str(group.group_version(version))
            for group in self.groups
            for version in group.versions
            if not version.fresh
        ]

    def find(self, name: str, api_version: str = "") -> Kind:
        """`name` may itself say the group (`deployments.apps`) or group and version (`deployments.v1.apps`).

        Raises `UnknownKindError`.
        """
        wanted = name.strip().lower()
        found = self._of(GroupVersion.parse(api_version.strip()), wanted) if api_version else self._named(wanted)
        if found is None:
            raise self._unknown(name, api_version)
        return found

    def _of(self, group_version: GroupVersion, wanted: str) -> Kind | None:
        plain = wanted.removesuffix(f".{group_version.group}") if group_version.group else wanted
        return next(
            (each for each in self._called(plain) if each.resource.group_version == group_version),
            None,
        )

    def _named(self, wanted: str) -> Kind | None:
        for each in self._called(wanted):
            return each
        plain, _, group = wanted.partition(".")
        for each in self._called(plain):
            resource = each.resource
            if group in (resource.group, f"{resource.version}.{resource.group}", f"{resource.version}."):
                return each
        return None

    def _called(self, wanted: str) -> Iterator[Kind]:
        return (each for each in self.all if wanted in each.names)

    def serves(self, qualified: str) -> bool:
        """By plural and group, in whatever version."""
        return qualified in self._qualified

    @cached_property
    def _qualified(self) -> frozenset[str]:
        return frozenset(each.resource.qualified for each in self.all)

    def category(self, name: str) -> list[Kind]:
        """Those that discovery puts into it, each once, in its preferred version."""
        found: dict[str, Kind] = {}
        for each in self.all:
            if name in each.api.categories:
                found.setdefault(each.resource.qualified, each)
        return list(found.values())

    def search(self, words: str) -> list[Kind]:
        """All whose names or group contain each of the words; each once, in its preferred version."""
        asked = words.lower().split()
        found: dict[str, Kind] = {}
        for each in self.all:
            told = " ".join((*each.names, each.resource.group, *each.api.categories))
            if all(word in told for word in asked):
                found.setdefault(each.resource.qualified, each)
        return list(found.values())

    def near(self, name: str) -> list[str]:
        """Names that are nearly this one, qualified, best first."""
        by_name: dict[str, str] = {}
        for each in self.all:
            for called in (*each.names, each.resource.qualified):
                by_name.setdefault(called, each.resource.qualified)
        asked = name.strip().lower()
        close = difflib.get_close_matches(asked, by_name, n=_NEAR * 2, cutoff=0.65)
        inside = [called for called in by_name if len(asked) > 2 and asked.partition(".")[0] in called]
        return list(dict.fromkeys(by_name[called] for called in (*close, *inside)))[:_NEAR]

    def _unknown(self, name: str, api_version: str) -> UnknownKindError:
        where = f" in {api_version}" if api_version else ""
        near = self.near(name)
        remedy = f"near: {', '.join(near)}" if near else "search the API resources by a word of its name"
        reason = f"not known just now: {', '.join(self.stale)}" if self.stale else ""
        return UnknownKindError(f"the server has no kind {name!r}{where}", reason, remedy)
