"""The API server as one function: who asks, may they, and what is the answer."""

import logging
from collections.abc import Awaitable, Callable

from fairlead.aggregation.authorizing import always_allowed, refusal
from fairlead.embedded import answering, authenticating, decoding
from fairlead.embedded.answering import Form
from fairlead.embedded.builtin import AUTHENTICATION, AUTHORIZATION
from fairlead.embedded.core import Core
from fairlead.embedded.exploring import Explorer, OpenAPI
from fairlead.embedded.extending import Extensions
from fairlead.embedded.kinds import Kind
from fairlead.embedded.resources import Resources, not_allowed
from fairlead.embedded.reviewing import Reviewer
from fairlead.machinery import paths, statuses
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.messages import Request, Response
from fairlead.machinery.paths import GroupVersion, RequestInfo
from fairlead.machinery.principals import Principal
from fairlead.serving.health import Health

Authenticate = Callable[[Request], Awaitable[Principal]]
Identify = Callable[[str], Awaitable[Principal | None]]

_log = logging.getLogger(__name__)


class ApiServer:
    """`authenticate` tells the caller of a request, `identify` that of a bearer token (for TokenReview)."""

    def __init__(self, core: Core, authenticate: Authenticate, identify: Identify, extensions: Extensions) -> None:
        self._core = core
        self._authenticate = authenticate
        self._extensions = extensions
        self._resources = Resources(core)
        self._reviewer = Reviewer(core.policy, identify)
        self._explorer = Explorer(core.catalog, extensions.groups, lambda: self.address)
        self._openapi = OpenAPI(core.catalog, extensions.openapi_entries)
        self._health = Health({"livez": {}, "readyz": {}, "healthz": {}})
        self.address = "127.0.0.1"
        """Our own `host:port`, as `/api` tells it."""

    async def handle(self, request: Request) -> Response:
        """Answers in any case; what is no error of ours to explain is logged and becomes a 500 without its text."""
        try:
            return await self._answer(request)
        except FairleadError as error:
            return answering.failure(error, request)
        except Exception:
            _log.exception("%s %s failed", request.method, request.path)
            return answering.failure(
                statuses.InternalError("an error on the server has prevented the request"), request
            )

    async def _answer(self, request: Request) -> Response:
        info = paths.read(request.method, request.path, request.parameters)
        caller = await self._authenticate(request)
        policy = self._core.policy()
        principal = authenticating.impersonated(caller, request.headers, policy.decide)
        if not always_allowed(info):
            decision = policy.decide(principal, info)
            if not decision.allowed:
                raise refusal(principal, info, decision.reason)
        forwarded = await self._extensions.forward(request, principal)
        if forwarded is not None:
            return forwarded
        if self._health.serves(request.path):
            return await self._health.handle(request)
        if request.path.startswith("/openapi/"):
            return self._openapi.handle(request)
        if info.is_resource:
            return await self._resource(request, info, principal)
        if request.method not in ("GET", "HEAD"):
            raise not_allowed()
        return self._explorer.handle(request)

    async def _resource(self, request: Request, info: RequestInfo, principal: Principal) -> Response:
        kind = self._core.catalog.find(info.group, info.version, info.plural)
        if kind is None:
            if info.group in self._built_in_groups and self._core.catalog.serves(
                GroupVersion(info.group, info.version)
            ):
                raise statuses.no_such_resource()
            return answering.plain_not_found()
        if kind.group in (AUTHENTICATION, AUTHORIZATION):
            return await self._review(request, info, kind, principal)
        return self._resources.handle(request, info, kind)

    @property
    def _built_in_groups(self) -> set[str]:
        return {each.group for each in self._core.catalog.kinds() if not each.custom}

    async def _review(self, request: Request, info: RequestInfo, kind: Kind, principal: Principal) -> Response:
        if info.verb != "create" or bool(info.namespace) != kind.namespaced:
            raise not_allowed()
        form = Form.of(request, kind)
        decoded = decoding.typed(kind, decoding.document(request, kind.kind))
        answer = await self._reviewer.review(kind.plural, decoded.object, principal, info.namespace)
        return form.response(form.one(answer), 201)
