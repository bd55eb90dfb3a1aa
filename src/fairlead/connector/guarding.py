"""Who asks and whether they may, before anything is handled; and all of it under the eyes of operators."""

from fairlead.aggregation.authenticating import Authenticator
from fairlead.aggregation.authorizing import Authorizer, Selectors, always_allowed
from fairlead.connector import answering
from fairlead.connector.handling import Claims
from fairlead.connector.observing import Exchange, Observer
from fairlead.machinery import paths, statuses
from fairlead.machinery.messages import Request, Response
from fairlead.serving import metrics
from fairlead.serving.health import Health
from fairlead.serving.metrics import Metrics


class Guarded:
    """A `Handler`. The selectors that are reviewed are the client's, never those that the connector adds."""

    def __init__(
        self,
        claims: Claims,
        authenticator: Authenticator,
        authorizer: Authorizer,
        health: Health,
        observer: Observer,
        metrics: Metrics,
    ) -> None:
        self._observer = observer
        self._metrics = metrics
        self._claims = claims
        self._authenticator = authenticator
        self._authorizer = authorizer
        self._health = health

    async def __call__(self, request: Request) -> Response:
        info = paths.read(request.method, request.path, request.parameters)
        if always_allowed(info) and self._health.serves(request.path):
            return await self._health.handle(request)
        return await self._observer.observed(request, info, self._answer)

    async def _answer(self, exchange: Exchange) -> Response:
        request, info = exchange.request, exchange.info
        selectors = Selectors(request.parameters.get("labelSelector", ""), request.parameters.get("fieldSelector", ""))
        try:
            principal = exchange.principal = await self._authenticator.authenticate(request)
            await self._authorizer.authorize(principal, info, selectors)
        except statuses.StatusError as error:
            return answering.respond(error)
        if (info.verb, request.path) == ("get", metrics.PATH):
            return self._metrics.response(request)
        return await self._claims.handle(request, principal)
