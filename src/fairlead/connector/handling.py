"""A request for the claim APIs in, an answer out; free of any HTTP server and of who may do what.

Source: reference/aggregation-layer.md §5 to §8.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable

import msgspec

from fairlead.client.connection import Connection
from fairlead.connector import answering, bodies, documents, impersonating, writing
from fairlead.connector.admitting import Admission, Planning, Verbs
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

Carrying = Callable[[Call], Awaitable[Response]]

_ACROSS_NAMESPACES = ("list", "watch")
_VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
_MOST_PRINCIPALS = 1000
_MOST_KNOWN = 1000


class PerPrincipal:
    """What one caller's requests made known about objects decides nothing for another, who may have other rights."""

    def __init__(self, make: Callable[[Known], Carrying]) -> None:
        self._make = make
        self._made: OrderedDict[Principal, Carrying] = OrderedDict()

    def of(self, principal: Principal) -> Carrying:
        found = self._made.get(principal) or self._make(Known(most=_MOST_KNOWN))
        self._made[principal] = found
        self._made.move_to_end(principal)
        while len(self._made) > _MOST_PRINCIPALS:
            self._made.popitem(last=False)
        return found


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
        impersonates: bool = False,
    ) -> None:
        self._scope = scope
        self._catalog = catalog
        self._impersonates = impersonates
        self._webhooks = webhooks
        upstream = Upstream(connection)

        def made(known: Known) -> Carrying:
            reader = Reader(upstream, known)
            shared = Writing(upstream, known, reader)
            creator, updater, remover = Creator(shared, namespaces, quotas), Updater(shared), Remover(shared)
            applier = Applier(shared, creator, authorize)

            async def patch(call: Call) -> Response:
                return await (applier.apply(call) if bodies.is_apply(call.request.headers) else updater.patch(call))

            return self._admitted(
                {
                    "get": reader.get,
                    "list": reader.list,
                    "watch": reader.watch,
                    "create": creator.create,
                    "update": updater.update,
                    "patch": patch,
                    "delete": remover.delete,
                    "deletecollection": remover.delete_collection,
                }
            )

        shared_by_all = made(known or Known())
        self._carrying = PerPrincipal(made).of if impersonates else lambda _: shared_by_all

    def _admitted(self, verbs: Verbs) -> Carrying:
        if self._webhooks:
            return Admission(self._webhooks, verbs, self._versions).carry_out
        return lambda call: verbs[call.info.verb](call)

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
        except RecursionError:
            too_deep = statuses.BadRequest("the body of the request is nested too deeply")
            return answering.respond(too_deep, request.headers)

    async def _resource(self, request: Request, info: RequestInfo, principal: Principal, catalog: Catalog) -> Response:
        offer = catalog.offers.get((info.group, info.version, info.plural))
        if offer is None or not (info.namespace or info.verb in _ACROSS_NAMESPACES):
            return answering.no_such_page()
        if info.subresource and not offer.has(info.subresource):
            raise statuses.not_found(offer.resource, info.name)
        if info.verb not in _VERBS or not _allowed(info, offer):
            raise answering.not_supported(offer.resource, info.verb)
        user = impersonating.user(self._scope.cluster, principal) if self._impersonates else ""
        call = Call(request, info, principal, offer, self._scope, user)
        if info.verb in ("update", "patch") and not info.name:
            raise statuses.BadRequest("name must be provided")
        try:
            answer = await self._carrying(principal)(call)
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
