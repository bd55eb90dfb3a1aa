"""Prometheus metrics under the names that every Kubernetes API server has, so that existing dashboards work.

Only resources that are served become label values: paths of callers would let anyone grow the number of series. The
registry is no global, because one process may run several servers.

Source: `pkg/endpoints/metrics` of k8s.io/apiserver, `tools/metrics` of k8s.io/client-go; reference/aggregation-layer.md
§11.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder

from fairlead.machinery.messages import Headers, Request, Response
from fairlead.machinery.paths import RequestInfo

PATH = "/metrics"
_RESOURCE = ("verb", "group", "version", "resource", "subresource", "scope")
_ANSWERED = (*_RESOURCE, "component")
_WATCHED = ("group", "version", "resource")
_SECONDS = (0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60)
_BYTES = (1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9)
_EVENT_BYTES = tuple(1024 * 2**power for power in range(8))
_CLIENT_SECONDS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
_GO_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_REVIEW_SECONDS = (0.25, 0.5, 0.7, 1, 1.5, 3, 5, 10)
_DAY = 86_400
_LIFETIMES = (0, 1800, 3600, 7200, 21600, 43200, *(days * _DAY for days in (1, 2, 4, 7, 30, 90, 180, 360)))
_READING = ("GET", "LIST", "WATCH")
_APPLY = "application/apply-patch"
_VERBS = {
    "get": "GET",
    "head": "GET",
    "list": "LIST",
    "watch": "WATCH",
    "create": "POST",
    "post": "POST",
    "update": "PUT",
    "put": "PUT",
    "patch": "PATCH",
    "delete": "DELETE",
    "deletecollection": "DELETE",
}

# Each counter would come with a gauge of when it was made: twice the series, and nobody asks for it.
disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus_client has no annotation here


@dataclass(frozen=True)
class Kind:
    """The labels of a request; of what is not known to be served, the verb alone."""

    verb: str
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    scope: str = ""
    component: str = ""
    dry_run: str = ""

    @classmethod
    def of(cls, info: RequestInfo, request: Request) -> "Kind":
        verb = cls.not_served(info).verb
        if verb == "PATCH" and request.headers.get("content-type").startswith(_APPLY):
            verb = "APPLY"
        dry_run = request.parameters.get("dryRun", "")
        return cls(
            verb, info.group, info.version, info.plural, info.subresource, _scope(info), "apiserver",
            dry_run if dry_run in ("", "All") else "invalid",
        )  # fmt: skip

    @classmethod
    def not_served(cls, info: RequestInfo) -> "Kind":
        return cls(_VERBS.get(info.verb, "other"))

    @property
    def values(self) -> tuple[str, ...]:
        return self.verb, self.group, self.version, self.resource, self.subresource, self.scope


def _scope(info: RequestInfo) -> str:
    if info.name or info.verb == "create":
        return "resource"
    return "namespace" if info.namespace else "cluster"


class Metrics:
    def __init__(self, version: str = "") -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        built = Gauge("fairlead_build_info", "Always 1.", ("version",), registry=registry)
        built.labels(version).set(1)
        self._requests = Counter(
            "apiserver_request", "Requests, by what they ask and what they get.", (*_ANSWERED, "dry_run", "code"),
            registry=registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "apiserver_request_duration_seconds", "How long answers take; of a watch, until it begins.",
            (*_ANSWERED, "dry_run"), buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self._sizes = Histogram(
            "apiserver_response_sizes", "Bytes of whole answers.", _ANSWERED, buckets=_BYTES, registry=registry
        )
        self._inflight = Gauge(
            "apiserver_current_inflight_requests", "Requests that wait for their answer.", ("request_kind",),
            registry=registry,
        )  # fmt: skip
        self._running = Gauge("apiserver_longrunning_requests", "Watches under way.", _ANSWERED, registry=registry)
        self._events = Counter("apiserver_watch_events", "Events sent in watches.", _WATCHED, registry=registry)
        self._event_sizes = Histogram(
            "apiserver_watch_events_sizes", "Bytes of such events.", _WATCHED, buckets=_EVENT_BYTES, registry=registry
        )
        self._certificates = Histogram(
            "apiserver_client_certificate_expiration_seconds",
            "How long client certificates that convinced were still valid.",
            buckets=_LIFETIMES, registry=registry,
        )  # fmt: skip
        self._upstream = Counter(
            "fairlead_upstream_requests", "Requests to the control plane on behalf of requests.", _RESOURCE,
            registry=registry,
        )  # fmt: skip
        self._reviews = _Reviews(registry)
        self.tokens = TokenMetrics(registry)
        self._client = Counter(
            "rest_client_requests", "Requests to API servers.", ("code", "method", "host"), registry=registry
        )
        self._client_seconds = Histogram(
            "rest_client_request_duration_seconds", "How long API servers take.", ("verb", "host"),
            buckets=_CLIENT_SECONDS, registry=registry,
        )  # fmt: skip

    def began(self, kind: Kind) -> Callable[[], None]:
        """What to call when the answer is there."""
        gauge = self._inflight.labels("readOnly" if kind.verb in _READING else "mutating")
        gauge.inc()
        return gauge.dec

    def answered(self, kind: Kind, code: int, seconds: float, size: int | None, upstream: int) -> None:
        """`size` in bytes is None for a stream; `upstream` is the number of requests that it took."""
        answered = *kind.values, kind.component
        self._requests.labels(*answered, kind.dry_run, str(code)).inc()
        self._seconds.labels(*answered, kind.dry_run).observe(seconds)
        self._upstream.labels(*kind.values).inc(upstream)
        if size is not None and kind.verb in ("GET", "LIST"):  # as there: what is read is what can be large
            self._sizes.labels(*answered).observe(size)

    def streaming(self, kind: Kind) -> Callable[[], None]:
        """What to call when the stream has ended."""
        gauge = self._running.labels(*kind.values, kind.component)
        gauge.inc()
        return gauge.dec

    def events(self, kind: Kind) -> "Events":
        """Of a stream of this kind, from its chunks."""
        labels = kind.group, kind.version, kind.resource
        return Events(self._events.labels(*labels), self._event_sizes.labels(*labels))

    def certificate(self, remaining: float) -> None:
        """A client certificate convinced; `remaining` in seconds."""
        self._certificates.observe(remaining)

    def asked(self, method: str, host: str, code: str, seconds: float) -> None:
        """A request of our own; `code` is `<error>` where no answer came."""
        self._client.labels(code, method, host).inc()
        self._client_seconds.labels(method, host).observe(seconds)

    def reviewed(self, what: str, code: str, seconds: float) -> None:
        """`what` is `authn` or `authz`; `code` is `<error>` where no answer came."""
        self._reviews.reviewed(what, code, seconds)

    def gauge(self, name: str, help: str, value: Callable[[], float]) -> None:
        """Read whenever somebody looks."""
        Gauge(name, help, registry=self.registry).set_function(value)

    def response(self, request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept"))
        return Response(200, Headers([("content-type", content_type)]), encode(self.registry))


class Events:
    """Each line of a watch is an event; a chunk holds some, and may end within one."""

    def __init__(self, count: Counter, sizes: Histogram) -> None:
        self._count = count
        self._sizes = sizes
        self._begun = 0

    def sent(self, chunk: bytes) -> None:
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            self._sizes.observe(self._begun + len(line))
            self._begun = 0
        self._count.inc(len(whole))
        self._begun += len(rest)


class _Reviews:
    def __init__(self, registry: CollectorRegistry) -> None:
        said = {"authn": "Token reviews", "authz": "Access reviews"}
        self._total = {
            what: Counter(f"apiserver_delegated_{what}_request", f"{words}.", ("code",), registry=registry)
            for what, words in said.items()
        }
        self._seconds = {
            what: Histogram(
                f"apiserver_delegated_{what}_request_duration_seconds", f"{words}: how long they take.", ("code",),
                buckets=_REVIEW_SECONDS, registry=registry,
            )
            for what, words in said.items()
        }  # fmt: skip

    def reviewed(self, what: str, code: str, seconds: float) -> None:
        self._total[what].labels(code).inc()
        self._seconds[what].labels(code).observe(seconds)


class TokenMetrics:
    """What `aggregation.tokens` tells of the tokens that it remembers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        prefix, by = "authentication_token_cache", ("status",)
        self._looked = Counter(f"{prefix}_request", "Tokens looked up.", by, registry=registry)
        self._seconds = Histogram(
            f"{prefix}_request_duration_seconds", "How long that takes.", by, registry=registry,
            buckets=_GO_SECONDS,
        )  # fmt: skip
        self._fetched = Counter(f"{prefix}_fetch", "Tokens reviewed.", by, registry=registry)
        self._active = Gauge(f"{prefix}_active_fetch_count", "Reviews under way.", by, registry=registry)

    def looked_up(self, hit: bool, seconds: float) -> None:
        status = "hit" if hit else "miss"
        self._looked.labels(status).inc()
        self._seconds.labels(status).observe(seconds)

    @contextmanager
    def fetching(self) -> Iterator[None]:
        """A review, which failed if the block raises."""
        status = "error"
        with self._active.labels("in_flight").track_inprogress():
            try:
                yield
                status = "ok"
            finally:
                self._fetched.labels(status).inc()
