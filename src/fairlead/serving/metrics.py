"""Prometheus metrics under the names that every Kubernetes API server has, so that existing dashboards work.

Only resources that are served become label values: paths of callers would let anyone grow the number of series. The
registry is no global, because one process may run several servers.

Source: `pkg/endpoints/metrics` of k8s.io/apiserver, `tools/metrics` of k8s.io/client-go; reference/aggregation-layer.md
§11.
"""

from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder

from fairlead.machinery.messages import Headers, Request, Response
from fairlead.machinery.paths import RequestInfo

PATH = "/metrics"
_RESOURCE = ("verb", "group", "version", "resource", "subresource", "scope")
_SECONDS = (0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60)
_BYTES = (1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9)
_CLIENT_SECONDS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
_READING = ("get", "list", "watch")
_VERBS = frozenset(
    (
        "get",
        "list",
        "watch",
        "create",
        "update",
        "patch",
        "delete",
        "deletecollection",
        "post",
        "put",
        "head",
        "options",
    )
)


@dataclass(frozen=True)
class Kind:
    """The labels of a request; of what is not known to be served, the verb alone."""

    verb: str
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    scope: str = ""

    @classmethod
    def of(cls, info: RequestInfo) -> "Kind":
        verb = cls.not_served(info).verb
        return cls(verb, info.group, info.version, info.plural, info.subresource, _scope(info))

    @classmethod
    def not_served(cls, info: RequestInfo) -> "Kind":
        return cls(info.verb.upper() if info.verb in _VERBS else "OTHER")

    @property
    def values(self) -> tuple[str, ...]:
        return self.verb, self.group, self.version, self.resource, self.subresource, self.scope


def _scope(info: RequestInfo) -> str:
    if info.name:
        return "resource"
    return "namespace" if info.namespace else "cluster"


class Metrics:
    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._requests = Counter(
            "apiserver_request", "Requests, by what they ask and what they get.", (*_RESOURCE, "code"),
            registry=registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "apiserver_request_duration_seconds", "How long answers take; of a watch, until it begins.", _RESOURCE,
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self._sizes = Histogram(
            "apiserver_response_sizes", "Bytes of whole answers.", _RESOURCE, buckets=_BYTES, registry=registry
        )
        self._inflight = Gauge(
            "apiserver_current_inflight_requests", "Requests that wait for their answer.", ("request_kind",),
            registry=registry,
        )  # fmt: skip
        self._running = Gauge("apiserver_longrunning_requests", "Watches under way.", _RESOURCE, registry=registry)
        self._upstream = Counter(
            "fairlead_upstream_requests", "Requests to the control plane on behalf of requests.", _RESOURCE,
            registry=registry,
        )  # fmt: skip
        self._reviews = {
            what: Counter(f"apiserver_delegated_{what}_request", said, ("code",), registry=registry)
            for what, said in (("authn", "Token reviews."), ("authz", "Access reviews."))
        }
        self._client = Counter(
            "rest_client_requests", "Requests to API servers.", ("code", "method", "host"), registry=registry
        )
        self._client_seconds = Histogram(
            "rest_client_request_duration_seconds", "How long API servers take.", ("verb", "host"),
            buckets=_CLIENT_SECONDS, registry=registry,
        )  # fmt: skip

    def began(self, kind: Kind) -> Callable[[], None]:
        """What to call when the answer is there."""
        gauge = self._inflight.labels("readOnly" if kind.verb.lower() in _READING else "mutating")
        gauge.inc()
        return gauge.dec

    def answered(self, kind: Kind, code: int, seconds: float, size: int | None, upstream: int) -> None:
        """`size` in bytes is None for a stream; `upstream` is the number of requests that it took."""
        self._requests.labels(*kind.values, str(code)).inc()
        self._seconds.labels(*kind.values).observe(seconds)
        self._upstream.labels(*kind.values).inc(upstream)
        if size is not None:
            self._sizes.labels(*kind.values).observe(size)

    def streaming(self, kind: Kind) -> Callable[[], None]:
        """What to call when the stream has ended."""
        gauge = self._running.labels(*kind.values)
        gauge.inc()
        return gauge.dec

    def asked(self, method: str, host: str, code: str, seconds: float) -> None:
        """A request of our own; `code` is `<error>` where no answer came."""
        self._client.labels(code, method, host).inc()
        self._client_seconds.labels(method, host).observe(seconds)

    def reviewed(self, what: str, code: str) -> None:
        """`what` is `authn` or `authz`; `code` is `<error>` where no answer came."""
        self._reviews[what].labels(code).inc()

    def gauge(self, name: str, help: str, value: Callable[[], float]) -> None:
        """Read whenever somebody looks."""
        Gauge(name, help, registry=self.registry).set_function(value)

    def response(self, request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept"))
        return Response(200, Headers([("content-type", content_type)]), encode(self.registry))
