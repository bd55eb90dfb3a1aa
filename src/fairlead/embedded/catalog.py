"""Which kinds are served at this moment: the built-in ones and those of every established CRD.

It is derived from the store and rebuilt when a CRD changes, so that there is no second truth to fall behind.
"""

from collections.abc import Iterable, Iterator

from fairlead.embedded import definitions
from fairlead.embedded.builtin import KINDS
from fairlead.embedded.kinds import CRDS, Kind, Object
from fairlead.embedded.store import Store
from fairlead.machinery.discovery import APIGroup, APIVersion
from fairlead.machinery.paths import GroupVersion


class Catalog:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._kinds: dict[tuple[str, str, str], Kind] = {}
        self._definitions: list[str] = []
        self._built_in = {(each.group, each.version, each.plural): each for each in KINDS}
        self._kinds = dict(self._built_in)

    def refresh(self) -> None:
        """To be called after a CRD has changed."""
        found: dict[tuple[str, str, str], Kind] = dict(self._built_in)
        for definition in self.established():
            for kind in definitions.kinds(definition):
                found[kind.group, kind.version, kind.plural] = kind
        self._kinds = found

    def established(self) -> Iterator[Object]:
        for _, definition in self._store.scan(CRDS):
            conditions = (definition.get("status") or {}).get("conditions") or ()
            if any(each["type"] == "Established" and each["status"] == "True" for each in conditions):
                yield definition

    def find(self, group: str, version: str, plural: str) -> Kind | None:
        return self._kinds.get((group, version, plural))

    def serves(self, group_version: GroupVersion) -> bool:
        return any(group_version == each.group_version for each in self._kinds.values())

    def of_collection(self, collection: tuple[str, str]) -> Kind | None:
        """The kind at its preferred version."""
        found = [each for each in self._kinds.values() if each.collection == collection and not each.stored_as]
        return min(found, key=lambda each: definitions.version_order(each.version), default=None)

    def of_type(self, api_version: str, kind: str) -> Kind | None:
        return next((e for e in self._kinds.values() if (e.api_version, e.kind) == (api_version, kind)), None)

    def kinds(self) -> Iterable[Kind]:
        return self._kinds.values()

    def groups(self) -> list[APIGroup]:
        """Core first, then the built-in groups as the real server orders them, then those of CRDs by name."""
        built_in = list(dict.fromkeys(each.group for each in self._built_in.values()))
        custom = sorted({each.group for each in self._kinds.values()} - set(built_in))
        return [self._group(name) for name in (*built_in, *custom)]

    def _group(self, name: str) -> APIGroup:
        members = [each for each in self._kinds.values() if each.group == name]
        versions = sorted({each.version for each in members}, key=definitions.version_order)
        return APIGroup(
            name,
            tuple(
                APIVersion(
                    version,
                    tuple(
                        each.to_discovery()
                        for each in sorted(members, key=lambda each: each.plural)
                        if each.version == version
                    ),
                )
                for version in versions
            ),
        )
