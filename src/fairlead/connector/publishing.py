"""Sources into a catalog, and the catalog into APIServices.

The decisions are pure; `Synchronizer` asks the control plane and `Registrar` the app cluster. One APIService is
published for each group and version; it stays until every source behind it is gone with authority, or says itself that
the version is no longer served.

Source: reference/connector-and-migration.md (b) 1 to 6.
"""

import base64
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from fairlead.aggregation import registering
from fairlead.aggregation.registering import APISERVICES, Backend, Conflict, Plan, Registration
from fairlead.client import discovery as discovering
from fairlead.client.api import Client, decoded
from fairlead.connector import catalog as catalogs
from fairlead.connector import rivals
from fairlead.connector.catalog import Catalog
from fairlead.connector.rivals import CONNECTOR as CONNECTOR
from fairlead.connector.sources import Source, SourceName, Sources
from fairlead.machinery import discovery, encoding, openapi_filter, statuses
from fairlead.machinery.discovery import APIGroup, APIResource
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.messages import Headers
from fairlead.machinery.paths import GroupVersion

Object = dict[str, Any]

SOURCES = "fairlead.dev/sources"
_FIRST_PRIORITY = 100

_log = logging.getLogger(__name__)


class IncompleteError(FairleadError):
    """The control plane does not yet serve all that its definitions promise; ask again."""


def wanted(sources: Sources) -> set[tuple[str, str, str]]:
    """Group, version and plural of everything that is to be served."""
    return {
        (each.offered.group, version, each.offered.plural)
        for each in sources.known.values()
        for version in each.versions
    }


def carried_over(groups: Iterable[APIGroup], before: Catalog | None, sources: Sources) -> tuple[APIGroup, ...]:
    """With what was served before, is still promised, and is missing from the control plane's discovery for now."""
    kept = {group.name: group for group in catalogs.keep(_promised(groups, sources), sources.offered)}
    for group in before.groups if before else ():
        for version in group.versions:
            for api in version.resources:
                if (group.name, version.version, api.plural) in wanted(sources):
                    kept[group.name] = _with(kept.get(group.name) or APIGroup(group.name), version.version, api)
    return tuple(kept[name] for name in sorted(kept))


def _promised(groups: Iterable[APIGroup], sources: Sources) -> list[APIGroup]:
    promises = wanted(sources)
    return [
        replace(
            group,
            versions=tuple(
                replace(
                    version,
                    resources=tuple(
                        each for each in version.resources if (group.name, version.version, each.plural) in promises
                    ),
                )
                for version in group.versions
            ),
        )
        for group in groups
    ]


def _with(group: APIGroup, version: str, api: APIResource) -> APIGroup:
    found = group.version(version)
    if found is None:
        return replace(group, versions=(*group.versions, discovery.APIVersion(version, (api,))))
    if any(each.plural == api.plural for each in found.resources):
        return group
    filled = replace(found, resources=(*found.resources, api))
    return replace(group, versions=tuple(filled if each.version == version else each for each in group.versions))


def missing(groups: Iterable[APIGroup], sources: Sources) -> list[str]:
    """What is promised and not served; a catalog without it would be incomplete."""
    served = {(each.group, each.version, each.plural) for each, _ in discovery.resources(groups)}
    return [f"{plural}.{version}.{group}" for group, version, plural in sorted(wanted(sources) - served)]


class Synchronizer:
    """Builds catalogs from complete answers only."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def catalog(self, sources: Sources, before: Catalog | None) -> Catalog:
        """Raises `IncompleteError`, or what the client raises; the catalog of before then holds."""
        groups = carried_over(await discovering.discover(self._client), before, sources)
        if lacking := missing(groups, sources):
            raise IncompleteError("the control plane does not serve all that it promises", ", ".join(lacking))
        bare = Catalog(groups, sources.offered)
        return replace(bare, openapi=await self._openapi(bare, before), openapi_v2=await self._openapi_v2(bare))

    async def _openapi(self, catalog: Catalog, before: Catalog | None) -> dict[GroupVersion, bytes]:
        paths: Mapping[str, Any] = (await self._client.read("/openapi/v3")).get("paths") or {}
        found: dict[GroupVersion, bytes] = {}
        for group_version in catalog.group_versions:
            entry = paths.get(group_version.path[1:])
            kinds = _kinds(catalog, group_version)
            document = openapi_filter.filter_v3(await self._read(entry), kinds) if entry else {}
            if document.get("paths"):
                found[group_version] = encoding.to_json(document)
            elif before and group_version in before.openapi:
                found[group_version] = before.openapi[group_version]
            else:
                raise IncompleteError("the control plane does not yet describe what it serves", str(group_version))
        return found

    async def _read(self, entry: Mapping[str, str]) -> Object:
        path, _, query = entry["serverRelativeURL"].partition("?")
        headers = Headers([("accept", "application/json")])
        return decoded(await self._client.connection.request("GET", path, query=query, headers=headers))

    async def _openapi_v2(self, catalog: Catalog) -> bytes:
        """Empty where the control plane has none."""
        try:
            document = await self._client.read("/openapi/v2")
        except (statuses.NotFound, statuses.NotAcceptable):
            return b""
        kinds = [kind for each in catalog.group_versions for kind in _kinds(catalog, each)]
        return encoding.to_json(openapi_filter.filter_v2(document, kinds))


def _kinds(catalog: Catalog, group_version: GroupVersion) -> list[openapi_filter.Kind]:
    resources = catalog.resources(group_version) or ()
    return [(group_version.group, group_version.version, each.kind) for each in resources]


# -- APIServices -------------------------------------------------------------------------------------------------------


def labels(backend: Backend) -> dict[str, str]:
    """By which the APIServices of one connector are found again."""
    return {"app.kubernetes.io/managed-by": "fairlead-connector", CONNECTOR: connector(backend)}


def connector(backend: Backend) -> str:
    return f"{backend.name}.{backend.namespace}"


def desired(catalog: Catalog, sources: Sources, backend: Backend) -> list[Object]:
    found = []
    for group in catalog.groups:
        for index, version in enumerate(group.versions):
            group_version = group.group_version(version)
            registration = Registration(
                group_version, catalog.hash(group_version), version_priority=max(1, _FIRST_PRIORITY - index)
            )
            document = registering.desired(registration, backend, labels(backend))
            names = sources.of(group.name, version.version)
            document["metadata"]["annotations"][SOURCES] = ",".join(map(str, names))
            found.append(document)
    return found


def named_sources(api_service: Object) -> list[SourceName]:
    text = (api_service["metadata"].get("annotations") or {}).get(SOURCES, "")
    return [SourceName.parse(each) for each in text.split(",") if each]


def may_go(api_service: Object, sources: Sources) -> bool:
    """Each of its sources is gone, or is known and no longer serves the version. Without any named: never."""
    version = api_service["spec"]["version"]
    names = named_sources(api_service)

    def finished(name: SourceName) -> bool:
        source: Source | None = sources.known.get(name)
        return name in sources.gone or (source is not None and version not in source.versions)

    return bool(names) and all(finished(name) for name in names)


def plan(catalog: Catalog, sources: Sources, existing: Iterable[Object], backend: Backend) -> Plan:
    """Leaves in place what is ours, is not in the catalog, and may not go; takes back what is another connector's."""
    found = list(existing)
    held = rivals.rivals(found, connector(backend))
    wanted = [each for each in desired(catalog, sources, backend) if each["spec"]["group"] not in held]
    draft = registering.plan(wanted, found, labels(backend))
    return replace(
        draft,
        remove=tuple(each for each in draft.remove if each["spec"]["group"] in held or may_go(each, sources)),
        conflicts=(*draft.conflicts, *rivals.conflicts([group.name for group in catalog.groups], held)),
    )


def ours(api_services: Iterable[Object], backend: Backend) -> list[Object]:
    mine = labels(backend).items()
    return [each for each in api_services if mine <= (each["metadata"].get("labels") or {}).items()]


def bundles(api_services: Iterable[Object], backend: Backend) -> list[bytes]:
    """The CA bundles that API servers trust this connector by."""
    return [base64.b64decode(each["spec"].get("caBundle") or "") for each in ours(api_services, backend)]


class Registrar:
    """`backend` answers that of the moment: its CA bundle changes when the authority is rotated."""

    def __init__(
        self, client: Client, backend: Callable[[], Backend], look: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """`look` is awaited before each registration; what it raises keeps it from happening."""
        self._client = client
        self._backend = backend
        self._look = look
        self._conflicts: frozenset[Conflict] = frozenset()

    async def existing(self) -> list[Object]:
        """APIServices of all owners."""
        return (await self._client.list(APISERVICES)).items

    async def suspects(self) -> list[SourceName]:
        """What the APIServices of ours were published for."""
        return [name for each in ours(await self.existing(), self._backend()) for name in named_sources(each)]

    def plan(self, catalog: Catalog, sources: Sources, existing: Iterable[Object]) -> Plan:
        return plan(catalog, sources, existing, self._backend())

    async def register(self, catalog: Catalog, sources: Sources) -> frozenset[Conflict]:
        """What stands in the way; said in the log when it changes. Raises what the client raises."""
        if self._look is not None:
            await self._look()
        todo = self.plan(catalog, sources, await self.existing())
        await registering.carry_out(self._client, todo)
        conflicts = frozenset(todo.conflicts)
        for each in sorted(conflicts - self._conflicts, key=lambda one: one.name):
            _log.error("%s cannot be published: it belongs to %s", each.name, each.owner)
        self._conflicts = conflicts
        return conflicts
