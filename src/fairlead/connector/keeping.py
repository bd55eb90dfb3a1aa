"""The connector while it runs: what it is made of, and which loops keep it current.

`_loops` run on every replica, `_leader_loops` on the one that holds the Lease. What each does is said where it is
defined; they share one `State`.
"""

import socket
import uuid
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from fairlead.aggregation.authenticating import Authenticator
from fairlead.aggregation.authorizing import Authorizer
from fairlead.aggregation.certifying import SharedCertificate
from fairlead.aggregation.following import TrustFollower
from fairlead.aggregation.leasing import Leadership
from fairlead.aggregation.registering import Backend
from fairlead.aggregation.tokens import TokenReviews
from fairlead.aggregation.webhookcalls import Caller
from fairlead.aggregation.webhooks import Webhooks, live_labels
from fairlead.client.api import Client
from fairlead.connector import announcing, publishing, reviewing, rivals
from fairlead.connector.catalog import Catalog, Offer
from fairlead.connector.charging import Quotas
from fairlead.connector.following import CRDS as CRDS
from fairlead.connector.following import Definitions, follow_api_services
from fairlead.connector.guarding import Guarded
from fairlead.connector.handling import Claims
from fairlead.connector.leading import Loop, after, run_all, while_leading
from fairlead.connector.mirroring import SecretMirror
from fairlead.connector.namespaces import Namespaces
from fairlead.connector.naming import Scope
from fairlead.connector.observing import Observer, Place
from fairlead.connector.owning import Owner
from fairlead.connector.policies import PolicyWatch
from fairlead.connector.publishing import IncompleteError, Registrar, Synchronizer
from fairlead.connector.reaching import Reachability
from fairlead.connector.reaping import Reaper
from fairlead.connector.renewing import TokenRenewal
from fairlead.connector.retelling import EventMirror
from fairlead.connector.rights import Rights
from fairlead.connector.settings import Settings
from fairlead.connector.state import State
from fairlead.connector.synchronizing import CatalogLoop
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import RequestInfo
from fairlead.serving.audit import AuditLog
from fairlead.serving.health import Health
from fairlead.serving.metrics import Metrics


class EndingError(FairleadError):
    """A replica that ends is to get no new work."""


class Connector:
    def __init__(
        self,
        settings: Settings,
        app: Client,
        control_plane: Client,
        scope: Scope,
        cluster_uid: str,
        certificate: SharedCertificate,
        reachability: Reachability,
        metrics: Metrics,
        owner: Owner,
    ) -> None:
        self._settings = settings
        self._app = app
        self._control_plane = control_plane
        self._scope = scope
        self._reachability = reachability
        self._metrics = metrics
        self._ending = False
        self._state = State.new()
        self.certificate = certificate
        certificate.changed = self._state.published.set
        self._namespaces = Namespaces(app)
        self._quotas = Quotas(app) if settings.quota else None
        self._reaper = Reaper(
            app, control_plane, scope, self._catalog, self._namespaces, cluster_uid, deletes=settings.reap
        )
        self._owner = owner
        self._policies = PolicyWatch(app, lambda: [each.resource for each in self._offers.values()])
        self._webhooks = Webhooks(app, Caller(app), live_labels(app)) if settings.webhooks else None
        self._registrar = Registrar(app, self.backend, self._owner.look)
        service = settings.service
        self._leadership = Leadership(
            *(app, service.namespace, service.name, _replica()), gained=self._state.published.set, owners=owner.current
        )
        self._show()

    def _show(self) -> None:
        """What is read whenever somebody looks at the metrics."""
        gauge = self._metrics.gauge
        gauge("fairlead_control_plane_reachable", "1 while it answers.", lambda: self._reachability.reachable)
        gauge("fairlead_leader", "1 on the replica that registers.", lambda: self._leadership.held)
        gauge("fairlead_policies_unenforced", "CEL admission policies that do not hold for claims.", self._unenforced)
        gauge("fairlead_resources", "Resources that are served.", lambda: len(self._offers))
        gauge("fairlead_apis_without_rights", "APIs that the control plane does not let us have.", self._denied)
        gauge("fairlead_group_conflicts", "Groups that are another connector's.", lambda: len(self._group_conflicts()))
        gauge("fairlead_orphan_claims", "Claims whose namespace is gone.", lambda: self.orphans)
        gauge("fairlead_serving_certificate_expiration_timestamp_seconds", "When it ends.", self._expiry)

    def _rivals(self) -> dict[str, str]:
        found = (self._state.api_services or {}).values()
        return rivals.rivals(found, publishing.connector(self.backend()))

    def _group_conflicts(self) -> list[str]:
        """In sentences; empty unless the group is one of ours."""
        groups = [each.name for each in self._state.catalog.groups] if self._state.catalog else []
        return [f"{each.name} belongs to {each.owner}" for each in rivals.conflicts(groups, self._rivals())]

    def _published(self) -> Catalog | None:
        """The catalog without what another connector has: not ours to write about in the app cluster."""
        return self._state.catalog.without(self._rivals()) if self._state.catalog else None

    @property
    def orphans(self) -> int:
        """Claims without their namespace, where this replica looks for them."""
        return self._reaper.count

    def _unenforced(self) -> int:
        return len(self._policies.found())

    def _denied(self) -> int:
        return len(self._state.without_rights)

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
        service, port = self._settings.service, self._settings.service_port
        return Backend(service.namespace, service.name, port, self.certificate.bundle, self._owner.references)

    def _bundles(self) -> list[bytes]:
        return publishing.bundles((self._state.api_services or {}).values(), self.backend())

    def handler(self, trust: TrustFollower, audit: AuditLog | None = None) -> Guarded:
        authorizer = Authorizer(reviewing.access_reviews(self._app, self._metrics))
        claims = Claims(
            self._scope,
            self._control_plane.connection,
            self._catalog,
            self._namespaces,
            authorizer.authorize,
            webhooks=self._webhooks,
            impersonates=self._settings.impersonate,
            quotas=self._quotas,
        )
        reviews = TokenReviews(reviewing.token_reviews(self._app, self._metrics), self._metrics.tokens).authenticate
        ready = {
            "shutdown": self._staying,
            "catalog": self._synced,
            "front-proxy": trust_check(trust),
            "certificate": self._trusted,
        }
        health = Health({"livez": {}, "healthz": {}, "readyz": ready}, self._group_conflicts)
        observer = Observer(self._metrics, audit, self._locate)
        authenticator = Authenticator(trust.trust, reviews, self._metrics.certificate)
        return Guarded(claims, authenticator, authorizer, health, observer, self._metrics)

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

    def _catalog(self) -> Catalog | None:
        return self._state.catalog

    async def run(self) -> None:
        """Until cancelled."""
        self._state.sources = self._state.sources.suspecting(await self._registrar.suspects())
        await run_all(self._loops())

    def _loops(self) -> list[Loop]:
        state = self._state
        settings = self._settings
        definitions = Definitions(
            state, self._control_plane, self._reachability, settings.allowed_crds, settings.choice
        )
        rights = Rights(self._control_plane, self._scope.namespace)
        return [
            definitions.follow_xrds,
            definitions.follow_crds,
            partial(follow_api_services, state, self._app),
            CatalogLoop(state, definitions, Synchronizer(self._control_plane), rights, self.backend()).run,
            partial(announcing.register, state, self._registrar, self._leadership, self._trusted),
            self._namespaces.run,
            *([self._quotas.run] if self._quotas else []),
            self.certificate.follow,
            self._leadership.run,
            partial(while_leading, self._leadership, self._leader_loops()),
            *([self._webhooks.follow] if self._webhooks else []),
            self._policies.run,
        ]

    def _leader_loops(self) -> list[Loop]:
        """Each is called anew for each term."""
        loops: list[Loop] = [
            partial(announcing.rotate, self._state, self.certificate, self._bundles),
            lambda: after(self._state.ready, self._reaper.run),
        ]
        clusters = (self._app, self._control_plane, self._scope, self._published)
        if self._settings.sync_secrets:
            loops.append(lambda: SecretMirror(*clusters).run())
        if secret := self._settings.renew_token_secret:
            loops.append(lambda: TokenRenewal(self._app, self._control_plane, secret).run())
        if self._settings.mirror_events:
            loops.append(lambda: after(self._state.ready, EventMirror(*clusters).run))
        return loops


def _replica() -> str:
    """As client-go names them: who it is, for people; and unlike any other."""
    return f"{socket.gethostname()}_{uuid.uuid4()}"


def trust_check(trust: TrustFollower) -> Callable[[], Awaitable[None]]:
    async def check() -> None:
        if not trust.trust().client_authorities:
            raise IncompleteError("the front proxy's authority is not known yet")

    return check
