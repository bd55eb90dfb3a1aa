"""What goes on while the connector runs: following both clusters, building catalogs, registering, rotating.

The loops share one `State` and wake each other by its events; each begins anew what failed, and what was known before
stays good meanwhile. Which cluster is asked for what, and when anything may be concluded from an answer, is decided in
`sources`, `publishing` and `aggregation`; here is only the order.
"""

import asyncio
import logging
import socket
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from fairlead.aggregation.authenticating import Authenticator
from fairlead.aggregation.authorizing import Authorizer
from fairlead.aggregation.certifying import SharedCertificate
from fairlead.aggregation.following import TrustFollower
from fairlead.aggregation.leasing import Leadership
from fairlead.aggregation.registering import APISERVICES, Backend
from fairlead.aggregation.tokens import Create, TokenReviews
from fairlead.client import watching
from fairlead.client.api import Client
from fairlead.client.errors import ClientError
from fairlead.client.watching import Applied, Backoff, Deleted, Interrupted, Listed
from fairlead.connector import publishing
from fairlead.connector import sources as reading_sources
from fairlead.connector.catalog import Catalog, Offer
from fairlead.connector.guarding import Guarded
from fairlead.connector.handling import Claims
from fairlead.connector.mirroring import SecretMirror
from fairlead.connector.naming import Scope
from fairlead.connector.observing import Observer, Place
from fairlead.connector.preparing import NAMESPACES
from fairlead.connector.publishing import IncompleteError, Registrar, Synchronizer
from fairlead.connector.reaching import Reachability
from fairlead.connector.retelling import EventMirror
from fairlead.connector.settings import Settings
from fairlead.connector.sources import CRD, XRD, Source, SourceName, Sources
from fairlead.crossplane import xrds
from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import RequestInfo, Resource
from fairlead.serving.audit import AuditLog
from fairlead.serving.health import Health
from fairlead.serving.metrics import Metrics

Object = dict[str, Any]

CRDS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", namespaced=False)
_TOKEN_REVIEWS = Resource("authentication.k8s.io", "v1", "tokenreviews", namespaced=False)
_ACCESS_REVIEWS = Resource("authorization.k8s.io", "v1", "subjectaccessreviews", namespaced=False)
# The control plane's OpenAPI documents lag behind its discovery by about a second.
_RETRY_SECONDS = 0.5
_RESYNC_SECONDS = 60.0
_ROTATE_SECONDS = 2.0

_log = logging.getLogger(__name__)


class EndingError(FairleadError):
    """A replica that ends is to get no new work."""


class LiveNamespaces:
    """Asked of the app cluster each time: a remembered phase could let a claim into a namespace that is going."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def phase(self, name: str) -> str | None:
        try:
            found = await self._client.get(NAMESPACES, name)
        except statuses.NotFound:
            return None
        except (statuses.StatusError, ClientError) as error:
            raise statuses.InternalError(
                f"Internal error occurred: namespace {name} cannot be read: {error}"
            ) from error
        return str((found.get("status") or {}).get("phase") or "Active")


@dataclass
class State:
    """What the loops share. `changed` is set whenever the control plane may offer something else."""

    sources: Sources
    catalog: Catalog | None
    described: Sources
    """Those that the catalog was built from; newer ones must not be published with it."""
    changed: asyncio.Event
    published: asyncio.Event
    """Set whenever APIServices may have to change."""
    api_services: dict[str, Object] | None
    """Of the app cluster and of all owners, by name; None before the first list."""
    heard: dict[str, bool]
    """Which collections have been listed once, or are known not to be there."""
    ready: asyncio.Event
    problem: str = ""
    """Why the catalog is not of this moment; said once."""

    @classmethod
    def new(cls) -> "State":
        heard = {XRD: False, CRD: False}
        return cls(Sources(), None, Sources(), asyncio.Event(), asyncio.Event(), None, heard, asyncio.Event())


class Connector:
    def __init__(
        self,
        settings: Settings,
        app: Client,
        control_plane: Client,
        scope: Scope,
        certificate: SharedCertificate,
        reachability: Reachability,
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._app = app
        self._control_plane = control_plane
        self._scope = scope
        self._reachability = reachability
        self._metrics = metrics
        self._ending = False
        self._state = State.new()
        self._synchronizer = Synchronizer(control_plane)
        self.certificate = certificate
        certificate.changed = self._state.published.set
        self._registrar = Registrar(app, self.backend)
        service = settings.service
        self._leadership = Leadership(
            app, service.namespace, service.name, _replica(), gained=self._state.published.set
        )
        self._show()

    def _show(self) -> None:
        """What is read whenever somebody looks at the metrics."""
        gauge = self._metrics.gauge
        gauge("fairlead_control_plane_reachable", "1 while it answers.", lambda: self._reachability.reachable)
        gauge("fairlead_leader", "1 on the replica that registers.", lambda: self._leadership.held)
        gauge("fairlead_resources", "Resources that are served.", lambda: len(self._offers))
        gauge("fairlead_serving_certificate_expiration_timestamp_seconds", "When it ends.", self._expiry)

    def _expiry(self) -> float:
        return self.certificate.tls.pair.expires.timestamp()

    @property
    def _offers(self) -> Mapping[tuple[str, str, str], Offer]:
        return self._state.catalog.offers if self._state.catalog else {}

    def _locate(self, info: RequestInfo) -> Place | None:
        offer = self._offers.get((info.group, info.version, info.plural))
        if offer is None or (info.subresource and not offer.has(info.subresource)):
            return None
        return Place(self._scope.cluster, self._scope.namespace, offer.prefix)

    def end(self) -> None:
        """Unready from now on; everything else goes on."""
        self._ending = True

    @property
    def state(self) -> State:
        return self._state

    @property
    def scope(self) -> Scope:
        return self._scope

    def backend(self) -> Backend:
        service = self._settings.service
        return Backend(service.namespace, service.name, self._settings.service_port, self.certificate.bundle)

    def _bundles(self) -> list[bytes]:
        return publishing.bundles((self._state.api_services or {}).values(), self.backend())

    def handler(self, trust: TrustFollower, audit: AuditLog | None = None) -> Guarded:
        authorizer = Authorizer(_creating(self._app, _ACCESS_REVIEWS, partial(self._metrics.reviewed, "authz")))
        claims = Claims(
            self._scope,
            self._control_plane.connection,
            lambda: self._state.catalog,
            LiveNamespaces(self._app),
            authorizer.authorize,
        )
        reviews = TokenReviews(
            _creating(self._app, _TOKEN_REVIEWS, partial(self._metrics.reviewed, "authn"))
        ).authenticate
        ready = {
            "shutdown": self._staying,
            "catalog": self._synced,
            "front-proxy": trust_check(trust),
            "certificate": self._trusted,
        }
        health = Health({"livez": {}, "healthz": {}, "readyz": ready})
        observer = Observer(self._metrics, audit, self._locate)
        return Guarded(claims, Authenticator(trust.trust, reviews), authorizer, health, observer, self._metrics)

    async def _staying(self) -> None:
        if self._ending:
            raise EndingError("this replica is ending")

    async def _synced(self) -> None:
        if self._state.catalog is None:
            raise IncompleteError("the catalog is not complete yet")

    async def _trusted(self) -> None:
        if self._state.api_services is None:
            raise IncompleteError("the APIServices are not known yet")
        await self.certificate.check(self._bundles())

    async def run(self) -> None:
        """Until cancelled."""
        self._state.sources = self._state.sources.suspecting(await self._registrar.suspects())
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow(XRD, xrds.V1, reading_sources.of_xrd, lambda name: True))
            tasks.create_task(
                self._follow(CRD, CRDS, reading_sources.of_crd, lambda name: name in self._settings.allowed_crds)
            )
            tasks.create_task(self._follow_api_services())
            tasks.create_task(self._synchronize())
            tasks.create_task(self._register())
            tasks.create_task(self.certificate.follow())
            tasks.create_task(self._rotate())
            tasks.create_task(self._leadership.run())
            if self._settings.sync_secrets:
                mirror = SecretMirror(self._app, self._control_plane, self._scope, lambda: self._state.catalog)
                tasks.create_task(mirror.run())
            if self._settings.mirror_events:
                events = EventMirror(self._app, self._control_plane, self._scope, lambda: self._state.catalog)
                tasks.create_task(events.run())

    async def _follow(
        self, kind: str, resource: Resource, read: Callable[[Object], Source | None], ours: Callable[[str], bool]
    ) -> None:
        """Every event is a reason to look at discovery again: any CRD's change may be a claim's."""
        state = self._state
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

    async def _follow_api_services(self) -> None:
        state = self._state
        async for event in watching.watch(self._app, APISERVICES):
            match event:
                case Listed(items):
                    state.api_services = {each["metadata"]["name"]: each for each in items}
                case Applied(each):
                    state.api_services = (state.api_services or {}) | {each["metadata"]["name"]: each}
                case Deleted(each):
                    (state.api_services or {}).pop(each["metadata"]["name"], None)
                case Interrupted(error):
                    _log.warning("APIServices cannot be watched: %s", error)
                    continue
            state.published.set()

    async def _synchronize(self) -> None:
        state = self._state
        retry = False
        while True:
            await _either(state.changed, _RETRY_SECONDS if retry else _RESYNC_SECONDS)
            state.changed.clear()
            if not all(state.heard.values()):
                continue
            retry = not await self._synchronized()

    async def _synchronized(self) -> bool:
        state = self._state
        try:
            await self._clear_suspects()
            described = state.sources
            catalog = await self._synchronizer.catalog(described, state.catalog)
        except FairleadError as error:
            if str(error) != state.problem:
                _log.warning("the catalog stays as it was: %s", error)
            state.problem = str(error)
            return False
        state.problem = ""
        state.catalog, state.described = catalog, described
        state.published.set()
        return True

    async def _clear_suspects(self) -> None:
        """Asks for each by name; only a 404 that is about the object itself removes it."""
        for name in sorted(self._state.sources.suspects):
            resource = xrds.V1 if name.kind == XRD else CRDS
            try:
                found = await self._control_plane.get(resource, name.name)
            except statuses.NotFound as error:
                if error.details.get("name") == name.name:
                    self._state.sources = self._state.sources.deleted(name)
                continue
            read = reading_sources.of_xrd if name.kind == XRD else reading_sources.of_crd
            self._state.sources = self._state.sources.applied(name, read(found))

    async def _register(self) -> None:
        state = self._state
        retry = False
        while True:
            await _either(state.published, _RETRY_SECONDS * 4 if retry else _RESYNC_SECONDS)
            state.published.clear()
            if state.catalog is None:
                continue
            if not self._leadership.held:
                retry = not await self._registered_by_another(state.catalog)
                continue
            try:
                await self._registrar.register(state.catalog, state.described)
            except FairleadError as error:
                retry = True
                _log.warning("APIServices cannot be brought up to date: %s", error)
            else:
                retry = False
                state.ready.set()

    async def _registered_by_another(self, catalog: Catalog) -> bool:
        """Whether all that the catalog has is registered, in a way that lets this replica answer."""
        found = self._state.api_services or {}
        names = {f"{each.version}.{each.group}" for each in catalog.group_versions}
        try:
            await self._trusted()
        except FairleadError:
            return False
        if names <= found.keys() and self._leadership.another:
            self._state.ready.set()
            return True
        return False

    async def _rotate(self) -> None:
        while True:
            await asyncio.sleep(_ROTATE_SECONDS)
            if not self._leadership.held or self._state.api_services is None:
                continue
            try:
                await self.certificate.rotate(self._bundles())
            except FairleadError as error:
                _log.warning("the serving certificate stays as it is: %s", error)


def _replica() -> str:
    """As client-go names them: who it is, for people; and unlike any other."""
    return f"{socket.gethostname()}_{uuid.uuid4()}"


def trust_check(trust: TrustFollower) -> Callable[[], Awaitable[None]]:
    async def check() -> None:
        if not trust.trust().client_authorities:
            raise IncompleteError("the front proxy's authority is not known yet")

    return check


def _named(kind: str, obj: Object) -> SourceName:
    return SourceName(kind, obj["metadata"]["name"])


def _creating(client: Client, resource: Resource, counted: Callable[[str], None]) -> Create:
    async def create(review: Object) -> Object:
        code = "<error>"
        try:
            answer = await client.create(resource, review)
            code = "201"
        except statuses.StatusError as error:
            code = str(error.status_code)
            raise
        finally:
            counted(code)
        return answer

    return create


async def _either(event: asyncio.Event, seconds: float) -> None:
    """Returns when it is set, or after that time."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
