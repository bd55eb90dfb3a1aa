"""Claims whose app namespace is gone.

Deleting a namespace deletes its claims through the app cluster's own namespace controller. Where that was prevented
(somebody finalized the namespace by hand, or a claim arrived too late to be found) they are left behind, and nobody in
the app cluster can see them any more. They are counted and told of; deleting them is a choice, because whoever deletes
databases on the word of an incomplete list deletes databases.

So a claim is deleted only when this process itself saw the namespace of the recorded uid end, that namespace is gone or
another one has its name, the list of namespaces is complete, and the app cluster is the one that it was. Everything
else is only told: after a restart nothing was seen yet.

Claims are listed before namespaces: a namespace and a claim made meanwhile must not look like a claim without one.

Source: issue Connector, Deliver 3; reference/aggregation-layer.md §9.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from fairlead.client.api import Client
from fairlead.connector.catalog import Catalog, Offer
from fairlead.connector.naming import APP_CLUSTER, APP_NAMESPACE, APP_NAMESPACE_UID, APP_RESOURCE_NAME, Identity, Scope
from fairlead.connector.preparing import NAMESPACES
from fairlead.connector.state import either
from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError

Object = dict[str, Any]

ROUND_SECONDS = 60.0
SETTLE_SECONDS = 2.0
"""Between the end of a namespace and the round that it causes: many may end together."""
_PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_PAGE = "500"

_log = logging.getLogger(__name__)


class Sightings(Protocol):
    @property
    def changed(self) -> asyncio.Event: ...

    def ended(self, name: str, uid: str) -> bool:
        """Whether this process saw it terminating or deleted."""


@dataclass(frozen=True)
class Orphan:
    """A claim without its namespace."""

    offer: Offer
    identity: Identity
    namespace_uid: str
    """Empty where the claim does not say."""
    uid: str
    resource_version: str

    def __str__(self) -> str:
        return f"{self.offer.resource.qualified} {self.identity.namespace}/{self.identity.name}"


class AnotherClusterError(FairleadError):
    """What answers is not the app cluster that this process was started for."""


def orphan(metadata: Mapping[str, Any], offer: Offer, scope: Scope, namespaces: Mapping[str, str]) -> Orphan | None:
    """`namespaces` are the uids by name. None for a claim that is not ours, has its namespace, or is going already."""
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    identity = Identity(labels.get(APP_CLUSTER, ""), labels.get(APP_NAMESPACE, ""), labels.get(APP_RESOURCE_NAME, ""))
    if identity.cluster != scope.cluster or metadata.get("name") != identity.backend(offer.prefix):
        return None
    recorded, there = str(annotations.get(APP_NAMESPACE_UID) or ""), namespaces.get(identity.namespace)
    if "deletionTimestamp" in metadata or (there is not None and recorded in ("", there)):
        return None
    return Orphan(offer, identity, recorded, str(metadata["uid"]), str(metadata["resourceVersion"]))


@dataclass
class Reaper:
    app: Client
    control_plane: Client
    scope: Scope
    catalog: Callable[[], Catalog | None]
    sightings: Sightings
    cluster_uid: str
    """Of the app cluster's `kube-system` when this process started."""
    deletes: bool = False
    count: int = field(default=0, init=False)
    """Of orphans, as the last round found them; zero while it does not run."""
    _said: str = field(default="", init=False)

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                self.sightings.changed.clear()
                try:
                    self.count = len(await self.round())
                except FairleadError as error:
                    self._say(f"claims without a namespace cannot be looked for: {error}")
                await either(self.sightings.changed, ROUND_SECONDS)
                await asyncio.sleep(SETTLE_SECONDS)
        finally:
            self.count = 0

    async def round(self) -> list[Orphan]:
        """The orphans that are left. Raises `FairleadError` where anything is not known for certain."""
        catalog = self.catalog()
        if catalog is None:
            raise statuses.ServiceUnavailable("what the control plane offers is not known yet")
        listed = [each async for each in self._claims(catalog)]
        namespaces = await self._namespaces()
        orphans = [
            each for offer, metadata in listed if (each := orphan(metadata, offer, self.scope, namespaces)) is not None
        ]
        left = [each for each in orphans if not await self._reaped(each)]
        self._say(report(left, deletes=self.deletes))
        return left

    async def _claims(self, catalog: Catalog) -> AsyncIterator[tuple[Offer, Mapping[str, Any]]]:
        for offer in _one_version(catalog):
            path, token = offer.resource.path(self.scope.namespace), ""
            while True:
                query = {"labelSelector": f"{APP_CLUSTER}={self.scope.cluster}", "limit": _PAGE}
                page = await self.control_plane.read(
                    path, query | ({"continue": token} if token else {}), _PARTIAL_LIST
                )
                for each in page.get("items") or ():
                    yield offer, each["metadata"]
                token = (page.get("metadata") or {}).get("continue") or ""
                if not token:
                    break

    async def _namespaces(self) -> dict[str, str]:
        """The uids of all, by name. Raises where the list is incomplete or another cluster's."""
        listed = await self.app.list(NAMESPACES)
        found = {str(each["metadata"]["name"]): str(each["metadata"]["uid"]) for each in listed.items}
        if found.get("kube-system") != self.cluster_uid:
            raise AnotherClusterError(
                "the app cluster is not the one that this process was started for",
                f"its kube-system has the uid {found.get('kube-system') or 'of nothing'}, it was {self.cluster_uid}",
                "restart the connector if this is right",
            )
        return found

    async def _reaped(self, each: Orphan) -> bool:
        if not (
            self.deletes and each.namespace_uid and self.sightings.ended(each.identity.namespace, each.namespace_uid)
        ):
            return False
        preconditions = {"uid": each.uid, "resourceVersion": each.resource_version}
        options = {"preconditions": preconditions, "propagationPolicy": "Background"}
        name = each.identity.backend(each.offer.prefix)
        try:
            await self.control_plane.delete(each.offer.resource, name, self.scope.namespace, options=options)
        except statuses.NotFound:
            return True
        except statuses.Conflict:
            return False  # it changed meanwhile: the next round looks again
        _log.warning("%s is deleted: this process saw its namespace end without it", each)
        return True

    def _say(self, text: str) -> None:
        """Once, until it is something else."""
        if text and text != self._said:
            _log.warning("%s", text)
        self._said = text


def report(orphans: Iterable[Orphan], *, deletes: bool = False) -> str:
    """One line; empty when there are none."""
    counts = Counter(each.identity.namespace for each in orphans)
    if not counts:
        return ""
    where = ", ".join(f"{name} ({number})" for name, number in sorted(counts.items()))
    advice = "this process did not see those namespaces end" if deletes else "--reap delete would look after later ones"
    return f"claims without their namespace in the app cluster: {where}; {advice}"


def _one_version(catalog: Catalog) -> list[Offer]:
    """Each kind once, in the version that its group prefers."""
    found: dict[tuple[str, str], Offer] = {}
    for offer in catalog.offers.values():
        found.setdefault((offer.resource.group, offer.resource.plural), offer)
    return list(found.values())
