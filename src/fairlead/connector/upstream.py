"""Requests to the control plane: what of a caller's request travels, and what an answer of no becomes.

Headers and query are rebuilt from lists of what may pass, so nothing that identifies the caller to the app cluster, and
nothing a second parameter of the same name could smuggle, reaches the control plane.
"""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from urllib.parse import urlencode

from fairlead.client.api import refusal
from fairlead.client.connection import Connection
from fairlead.client.errors import ClientError, Unreachable
from fairlead.connector import answering, impersonating
from fairlead.connector.answering import Names
from fairlead.connector.catalog import Offer
from fairlead.connector.naming import Identity, Scope
from fairlead.connector.rewriting import Rewriter
from fairlead.machinery.messages import Headers, Request, Response
from fairlead.machinery.paths import RequestInfo
from fairlead.machinery.principals import Principal
from fairlead.machinery.statuses import StatusError
from fairlead.serving.streams import Held

# Just above what the control plane itself allows (34 s and 60 s), so that it is the one to give up first.
WRITE_SECONDS = 40.0
READ_SECONDS = 65.0
_PASSED = ("user-agent", "audit-id", "traceparent", "tracestate")
_COLLECTIONS = ("list", "watch", "deletecollection")
PARTIAL = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


@dataclass(frozen=True)
class Call:
    """One request for an offered resource, understood."""

    request: Request
    info: RequestInfo
    principal: Principal
    offer: Offer
    scope: Scope
    user: str = ""
    """Who is impersonated towards the control plane; empty for nobody."""

    @property
    def identity(self) -> Identity:
        return Identity(self.scope.cluster, self.info.namespace, self.info.name)

    @property
    def about_one(self) -> bool:
        """Whether the URL names an object; a field selector on the name makes authorization see one as well."""
        return bool(self.info.name) and self.info.verb not in _COLLECTIONS

    @property
    def names(self) -> Names:
        identity = self.identity if self.info.name and self.info.namespace else None
        return Names(self.scope, self.offer.prefix, identity, self.info.namespace, self.user)

    @property
    def rewriter(self) -> Rewriter:
        return Rewriter(self.scope, self.offer.prefix, self.request.parameters.get("includeObject") != "None")

    def path(self, *, subresource: bool = True) -> str:
        """In the control plane: of the object where the request names one, else of the collection."""
        name = self.identity.backend(self.offer.prefix) if self.about_one else None
        return self.offer.resource.path(
            self.scope.namespace, name, (self.info.subresource or None) if subresource else None
        )


class Upstream:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def send(
        self,
        call: Call,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        accept: str = "application/json",
        body: bytes = b"",
        content_type: str = "",
        names: Names | None = None,
    ) -> tuple[int, Headers, bytes]:
        """A good answer. Raises the `StatusError` that the caller is to get for any other."""
        writes = method != "GET"
        try:
            answer = await self._connection.request(
                method,
                path,
                # Indented for curl and browsers, what we leave untouched would be half of an answer.
                query=urlencode({**(query or {}), "pretty": "false"}),
                headers=_headers(call, accept, content_type),
                body=body,
                timeout=WRITE_SECONDS if writes else READ_SECONDS,
            )
        except ClientError as error:
            raise _no_answer(error, writes=writes) from error
        return _good(answer, names or call.names)

    async def stream(self, call: Call, path: str, query: Mapping[str, str], *, accept: str) -> Held:
        """The chunks of a good answer; close it. Raises as `send` does."""
        headers = _headers(call, accept, "")
        stack = AsyncExitStack()
        try:
            streamed = await stack.enter_async_context(
                self._connection.stream("GET", path, query=urlencode(query), headers=headers)
            )
            if streamed.status < 300:
                return Held(streamed.chunks, stack.aclose)
            body = b"".join([chunk async for chunk in streamed.chunks])
        except ClientError as error:
            await stack.aclose()
            raise _no_answer(error, writes=False) from error
        except BaseException:
            await stack.aclose()
            raise
        await stack.aclose()
        raise _refusal(Response(streamed.status, streamed.headers, body), call.names)


def _headers(call: Call, accept: str, content_type: str) -> Headers:
    lines = [(key, value) for key, value in call.request.headers.lines if key in _PASSED]
    lines += impersonating.headers(call.scope.cluster, call.principal) if call.user else []
    lines.append(("accept", accept))
    if content_type:
        lines.append(("content-type", content_type))
    return Headers(lines)


def _good(answer: Response, names: Names) -> tuple[int, Headers, bytes]:
    if answer.status >= 300:
        raise _refusal(answer, names)
    return answer.status, answer.headers, _body(answer)


def _refusal(answer: Response, names: Names) -> StatusError:
    status = refusal(answer.status, _body(answer), answer.headers).to_object()
    error = answering.failure(status, answer.status, names)
    error.warnings = tuple(map(names.text, answer.headers.all("warning")))
    return error


def _body(answer: Response) -> bytes:
    if not isinstance(answer.body, bytes):
        raise TypeError("a stream where a whole answer was expected")
    return answer.body


def _no_answer(error: ClientError, *, writes: bool) -> StatusError:
    sent = isinstance(error, Unreachable) and error.sent
    return answering.unreachable(sent=sent, writes=writes)
