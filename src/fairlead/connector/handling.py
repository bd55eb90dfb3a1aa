"""A request for the claim APIs in, an answer out; free of any HTTP server and of who may do what.

Source: reference/aggregation-layer.md §5 to §8.
"""

from collections.abc import Awaitable, Callable

import msgspec

from fairlead.client.connection import Connection
from fairlead.connector import answering, bodies, documents, writing
from fairlead.connector.admitting import Admission, Planning
from fairlead.connector.applying import Applier, Authorize
from fairlead.connector.catalog import Catalog, Offer
from fairlead.connector.creating import Creator, Namespaces, Quotas
from fairlead.connector.naming import Scope
from fairlead.connector.reading import Reader
from fairlead.connector.removing import Remover
from fairlead.connector.updating import Updater
from fairlead.connector.upstream import Call, Upstream
from fairlead.connector.verifying import Known
from fairlead.connector.writing import Writing
from fairlead.machinery import paths, statuses
from fairlead.machinery.encoding import DecodeError
from fairlead.machinery.messages import Request, Response
from fairlead.machinery.paths import RequestInfo
from fairlead.machinery.principals import Principal

_ACROSS_NAMESPACES = ("list", "watch")


class Claims:
    """`catalog` answers the catalog of the moment, None before the first complete one."""

    def __init__(
        self,
        scope: Scope,
        connection: Connection,
        catalog: Callable[[], Catalog | None],
        namespaces: Namespaces,
        authorize: Authorize,
        known: Known | None = None,
        webhooks: Planning | None = None,
        *,
        quotas: Quotas | None = None,
    ) -> None:
        known = known or Known()
        upstream = Upstream(connection)
        self._scope = scope
        self._catalog = catalog
        reader = Reader(upstream, known)
        shared = Writing(upstream, known, reader)
        creator, updater, remover = Creator(shared, namespaces, quotas), Updater(shared), Remover(shared)
        applier = Applier(shared, creator, authorize)

        async def patch(call: Call) -> Response:
            return await (applier.apply(call) if bodies.is_apply(call.request.headers) else updater.patch(call))

        self._verbs: dict[str, Callable[[Call], Awaitable[Response]]] = {
            "get": reader.get,
            "list": reader.list,
            "watch": reader.watch,
            "create": creator.create,
            "update": updater.update,
            "patch": patch,
            "delete": remover.delete,
            "deletecollection": remover.delete_collection,
        }
        self._admission = Admission(webhooks, self._verbs, self._versions) if webhooks else None

    def _versions(self, offer: Offer) -> list[Offer]:
        """The others of the same resource."""
        catalog = self._catalog()
        found = catalog.offers.values() if catalog else ()
        same = (offer.resource.group, offer.resource.plural)
        return [each for each in found if each != offer and (each.resource.group, each.resource.plural) == same]

    async def handle(self, request: Request, principal: Principal) -> Response:
        info = paths.read(request.method, request.path, request.parameters)
        try:
            catalog = self._catalog()
            if catalog is None:
                raise statuses.ServiceUnavailable(
                    "what the control plane offers is not known yet", {"retryAfterSeconds": 1}
                )
            if not info.is_resource:
                return documents.answer(request, catalog)
            return await self._resource(request, info, principal, catalog)
        except statuses.StatusError as error:
            return answering.respond(error, request.headers)
        except (msgspec.DecodeError, DecodeError):
            unreadable = statuses.InternalError("the control plane's answer cannot be read")
            return answering.respond(unreadable, request.headers)

    async def _resource(self, request: Request, info: RequestInfo, principal: Principal, catalog: Catalog) -> Response:
        offer = catalog.offers.get((info.group, info.version, info.plural))
        if offer is None or not (info.namespace or info.verb in _ACROSS_NAMESPACES):
            return answering.no_such_page()
        if info.subresource and not offer.has(info.subresource):
            raise statuses.not_found(offer.resource, info.name)
        if info.verb not in self._verbs or not _allowed(info, offer):
            raise answering.not_supported(offer.resource, info.verb)
        call = Call(request, info, principal, offer, self._scope)
        if info.verb in ("update", "patch") and not info.name:
            raise statuses.BadRequest("name must be provided")
        try:
            answer = await (self._admission.carry_out(call) if self._admission else self._verbs[info.verb](call))
        except statuses.StatusError as error:
            if writing.is_read_before(error, call):
                error.warnings = (*(each for each in _warnings(call) if each not in error.warnings), *error.warnings)
            raise
        return answering.warned(answer, _warnings(call))


def _warnings(call: Call) -> list[str]:
    return writing.warnings(call) if call.info.verb in ("create", "update", "patch") else []


def _allowed(info: RequestInfo, offer: Offer) -> bool:
    if not info.subresource:
        return info.verb in offer.api.verbs
    verbs = next(each.verbs for each in offer.api.subresources if each.name == info.subresource)
    return info.verb in verbs
