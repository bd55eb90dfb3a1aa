"""A request for the claim APIs in, an answer out; free of any HTTP server and of who may do what.

Source: reference/aggregation-layer.md §5 to §8.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import msgspec

from fairlead.client.connection import Connection
from fairlead.connector import answering, documents, writing
from fairlead.connector.catalog import Catalog, Offer
from fairlead.connector.naming import Scope
from fairlead.connector.reading import Reader
from fairlead.connector.upstream import Call, Upstream
from fairlead.connector.verifying import Known
from fairlead.connector.writing import Authorize, Namespaces, Writer
from fairlead.machinery import paths, statuses
from fairlead.machinery.encoding import DecodeError
from fairlead.machinery.messages import Headers, Request, Response
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
    ) -> None:
        known = known or Known()
        upstream = Upstream(connection)
        self._scope = scope
        self._catalog = catalog
        self._reader = Reader(upstream, known)
        self._writer = Writer(upstream, known, self._reader, namespaces, authorize)
        self._verbs: dict[str, Callable[[Call], Awaitable[Response]]] = {
            "get": self._reader.get,
            "list": self._reader.list,
            "watch": self._reader.watch,
            "create": self._writer.create,
            "update": self._writer.update,
            "patch": self._writer.patch,
            "delete": self._writer.delete,
            "deletecollection": self._writer.delete_collection,
        }

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
            answer = await self._verbs[info.verb](call)
        except statuses.StatusError as error:
            error.warnings = (*error.warnings, *(each for each in _warnings(call) if each not in error.warnings))
            raise
        more = [("warning", each) for each in _warnings(call)]
        return replace(answer, headers=Headers([*answer.headers.lines, *more])) if more else answer


def _warnings(call: Call) -> list[str]:
    return writing.warnings(call) if call.info.verb in ("create", "update", "patch") else []


def _allowed(info: RequestInfo, offer: Offer) -> bool:
    if not info.subresource:
        return info.verb in offer.api.verbs
    verbs = next(each.verbs for each in offer.api.subresources if each.name == info.subresource)
    return info.verb in verbs
