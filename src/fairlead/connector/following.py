"""The watches that feed the connector's state: definitions in the control plane, APIServices in the app cluster.

A watch says what is there; what may be concluded from what is not there is decided in `sources`.
"""

import logging
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from fairlead.aggregation.registering import APISERVICES
from fairlead.client import watching
from fairlead.client.api import Client
from fairlead.client.watching import Applied, Backoff, Deleted, Interrupted, Listed
from fairlead.connector import sources as reading_sources
from fairlead.connector.choosing import EVERYTHING, Choice
from fairlead.connector.reaching import Reachability
from fairlead.connector.sources import CRD, XRD, Source, SourceName
from fairlead.connector.state import State
from fairlead.crossplane import xrds
from fairlead.machinery import statuses
from fairlead.machinery.paths import Resource

Object = dict[str, Any]
Read = Callable[[Object], Source | None]

CRDS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", namespaced=False)

_log = logging.getLogger(__name__)


class Definitions:
    """The XRDs of the control plane, and its CRDs of the allow list."""

    def __init__(
        self,
        state: State,
        control_plane: Client,
        reachability: Reachability,
        allowed_crds: Collection[str],
        choice: Choice = EVERYTHING,
    ) -> None:
        self._state = state
        self._control_plane = control_plane
        self._reachability = reachability
        self._allowed_crds = allowed_crds
        self._readers: dict[str, Read] = {
            XRD: partial(reading_sources.of_xrd, choice=choice),
            CRD: partial(reading_sources.of_crd, choice=choice),
        }

    async def follow_xrds(self) -> None:
        await self._follow(XRD, xrds.V1, lambda name: True)

    async def follow_crds(self) -> None:
        await self._follow(CRD, CRDS, lambda name: name in self._allowed_crds)

    async def _follow(self, kind: str, resource: Resource, ours: Callable[[str], bool]) -> None:
        """Every event is a reason to look at discovery again: any CRD's change may be a claim's."""
        state, read = self._state, self._readers[kind]
        async for event in watching.watch(
            self._control_plane, resource, backoff=Backoff(sleep=self._reachability.pause)
        ):
            match event:
                case Listed(items):
                    found = {_named(kind, each): read(each) for each in items if ours(each["metadata"]["name"])}
                    state.sources = state.sources.listed(kind, found)
                    state.heard[kind] = True
                case Applied(each) if ours(each["metadata"]["name"]):
                    state.sources = state.sources.applied(_named(kind, each), read(each))
                case Deleted(each) if ours(each["metadata"]["name"]):
                    state.sources = state.sources.deleted(_named(kind, each))
                case Interrupted(error):
                    # No such API (Crossplane is not installed) is an answer, if not about any single definition.
                    state.heard[kind] = state.heard[kind] or isinstance(error, statuses.NotFound)
                    _log.warning("%s of the control plane cannot be watched: %s", resource.qualified, error)
                case _:
                    pass
            state.changed.set()

    async def clear_suspects(self) -> None:
        """Asks for each by name; only a 404 that is about the object itself removes it."""
        for name in sorted(self._state.sources.suspects):
            resource = xrds.V1 if name.kind == XRD else CRDS
            try:
                found = await self._control_plane.get(resource, name.name)
            except statuses.NotFound as error:
                if error.details.get("name") == name.name:
                    self._state.sources = self._state.sources.deleted(name)
                continue
            self._state.sources = self._state.sources.applied(name, self._readers[name.kind](found))


def _named(kind: str, obj: Object) -> SourceName:
    return SourceName(kind, obj["metadata"]["name"])


async def follow_api_services(state: State, app: Client) -> None:
    async for event in watching.watch(app, APISERVICES):
        match event:
            case Listed(items):
                state.api_services = {each["metadata"]["name"]: each for each in items}
            case Applied(each):
                state.api_services = (state.api_services or {}) | {each["metadata"]["name"]: each}
            case Deleted(each):
                gone = each["metadata"]["name"]
                state.api_services = {name: kept for name, kept in (state.api_services or {}).items() if name != gone}
            case Interrupted(error):
                _log.warning("APIServices cannot be watched: %s", error)
                continue
        state.published.set()
