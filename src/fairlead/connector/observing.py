"""What operators see of each request: metrics, and one line in the audit log.

How many requests to the control plane a request took is counted where they are sent, and belongs to the request through
a context variable: it is the promise "one upstream request per request" as a number, and no layer between has to pass
it on.
"""

import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import msgspec

from fairlead.connector.naming import Identity
from fairlead.machinery.messages import Headers, Request, Response
from fairlead.machinery.paths import RequestInfo
from fairlead.machinery.principals import Principal
from fairlead.serving.audit import AuditLog, Event
from fairlead.serving.metrics import Events, Kind, Metrics
from fairlead.serving.streams import Held

BACKEND_NAMESPACE = "fairlead.dev/backend-namespace"
BACKEND_NAME = "fairlead.dev/backend-name"
LATENCY = "fairlead.dev/latency-seconds"
UPSTREAM = "fairlead.dev/upstream-requests"
_LONGEST_ID = 64


@dataclass
class Exchange:
    """A request under way."""

    request: Request
    info: RequestInfo
    audit_id: str
    received: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: float = field(default_factory=time.monotonic)
    principal: Principal | None = None
    upstream: int = 0
    code: int = 0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started


_current: ContextVar[Exchange | None] = ContextVar("fairlead_exchange", default=None)


def upstream_request() -> None:
    """A request is about to be sent to the control plane; counted for the request that it is for, if for any."""
    if (exchange := _current.get()) is not None:
        exchange.upstream += 1


@dataclass(frozen=True)
class Place:
    """Where in the control plane a collection is; `prefix` is of stored names."""

    cluster: str
    namespace: str
    prefix: str


class Observer:
    """`locate` answers None for what is not served."""

    def __init__(self, metrics: Metrics, audit: AuditLog | None, locate: Callable[[RequestInfo], Place | None]) -> None:
        self._metrics = metrics
        self._audit = audit
        self._locate = locate

    async def observed(
        self, request: Request, info: RequestInfo, answer: Callable[[Exchange], Awaitable[Response]]
    ) -> Response:
        """The answer; a caller without an Audit-ID of its API server learns the one that it was given."""
        given = request
        request, audit_id = _identified(given)
        exchange = Exchange(request, info, audit_id)
        place = self._locate(info)
        kind = Kind.of(info, request) if place else Kind.not_served(info)
        over = self._metrics.began(kind)
        token = _current.set(exchange)
        try:
            response = await answer(exchange)
        except Exception:
            self._over(exchange, kind, place, 500, None)
            raise
        finally:
            _current.reset(token)
            over()
        if request is not given:
            response = replace(response, headers=Headers([*response.headers.lines, ("audit-id", audit_id)]))
        if isinstance(response.body, bytes):
            self._over(exchange, kind, place, response.status, response.body)
            return response
        return replace(response, body=self._streamed(exchange, kind, place, response.body))

    def _over(self, exchange: Exchange, kind: Kind, place: Place | None, code: int, body: bytes | None) -> None:
        exchange.code = code
        self._metrics.answered(kind, code, exchange.seconds, None if body is None else len(body), exchange.upstream)
        name = exchange.info.name
        if exchange.info.verb == "create" and code == 201 and body:
            name = name or _name(body)
        self._write(exchange, place, name, "ResponseComplete")

    def _streamed(self, exchange: Exchange, kind: Kind, place: Place | None, body: AsyncIterator[bytes]) -> Held:
        exchange.code = 200
        self._metrics.answered(kind, exchange.code, exchange.seconds, None, exchange.upstream)
        self._write(exchange, place, exchange.info.name, "ResponseStarted")
        ended = self._metrics.streaming(kind)

        async def release() -> None:
            ended()
            self._write(exchange, place, exchange.info.name, "ResponseComplete")

        return Held(_Told(body, self._metrics.events(kind)), release)

    def _write(self, exchange: Exchange, place: Place | None, name: str, stage: str) -> None:
        if self._audit is None:
            return
        annotations = {LATENCY: f"{exchange.seconds:.6f}", UPSTREAM: str(exchange.upstream)}
        info = replace(exchange.info, name=name)
        if place is not None:
            annotations[BACKEND_NAMESPACE] = place.namespace
            if info.name and info.namespace:
                identity = Identity(place.cluster, info.namespace, info.name)
                annotations[BACKEND_NAME] = identity.backend(place.prefix)
        event = Event(
            exchange.audit_id, stage, exchange.request, info, exchange.principal, exchange.code, exchange.received,
            annotations,
        )  # fmt: skip
        self._audit.write(event)


def _identified(request: Request) -> tuple[Request, str]:
    """API servers give each request an id; who comes past them gets one here."""
    given = request.headers.get("audit-id")
    if 0 < len(given) <= _LONGEST_ID:
        return request, given
    made = str(uuid.uuid4())
    others = [each for each in request.headers.lines if each[0] != "audit-id"]
    return replace(request, headers=Headers([*others, ("audit-id", made)])), made


class _Told(AsyncIterator[bytes]):
    """An object, for the same reason as `serving.streams.Held`."""

    def __init__(self, chunks: AsyncIterator[bytes], events: Events) -> None:
        self._chunks = chunks
        self._events = events

    async def __anext__(self) -> bytes:
        chunk = await anext(self._chunks)
        self._events.sent(chunk)
        return chunk

    async def aclose(self) -> None:
        close = getattr(self._chunks, "aclose", None)
        if close is not None:
            await close()


class _Metadata(msgspec.Struct):
    name: str = ""


class _Named(msgspec.Struct):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)


def _name(body: bytes) -> str:
    """Of the object that was made; empty where the answer shows no single object."""
    try:
        return msgspec.json.decode(body, type=_Named).metadata.name
    except msgspec.DecodeError:
        return ""
