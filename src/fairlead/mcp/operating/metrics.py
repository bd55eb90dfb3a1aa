"""The counts of a process as Prometheus reads them, or of all the workers that serve one port.

Workers count into files that they share (prometheus_client's multi-process mode), so that whichever of them is asked
answers for all, and what a dead one counted stays counted. That mode is chosen by an environment variable which that
library reads as it is imported; hence the function `shared_by_workers`, called before anything imports it.

The names are ours: a call of a tool is no request to an API server. Source: issue MCP serving, 7; the peer counts
whatever its callers invent as a label, and a failed call as a good one (reference/kubernetes-mcp-server.md §4).
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from fairlead import __version__
from fairlead.machinery.messages import Headers, Request, Response

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

PATH = "/metrics"
_FILES = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)


@contextmanager
def shared_by_workers() -> Iterator[None]:
    """In the parent, around starting them; prometheus_client must not have been imported."""
    with TemporaryDirectory(prefix="fairlead-metrics-") as folder:
        os.environ[_FILES] = folder
        import prometheus_client  # noqa: F401 - once for all, and in time

        try:
            yield
        finally:
            del os.environ[_FILES]


class PrometheusMeter:
    def __init__(self) -> None:
        from prometheus_client import (
            CollectorRegistry,
            Counter,
            Gauge,
            Histogram,
            ProcessCollector,
            disable_created_metrics,
        )

        self.is_stale: Callable[[], bool] = bool
        """Asked whenever somebody looks."""
        disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus_client has no annotation here
        self._registry = registry = CollectorRegistry()
        if _FILES not in os.environ:
            ProcessCollector(registry=registry)
        built = Gauge(
            "fairlead_build_info", "Always 1.", ("version",), registry=registry, multiprocess_mode="mostrecent"
        )
        built.labels(__version__).set(1)
        of_call = ("server", "tool")
        self._calls = Counter(
            "fairlead_mcp_calls", "Calls of tools, prompts and resources, by what came of them; those of what a server"
            " does not have, or not for that caller, have no name.", (*of_call, "result"), registry=registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "fairlead_mcp_call_duration_seconds", "How long calls take that were let in.", of_call,
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self._asked = Counter(
            "fairlead_mcp_upstream_requests", "Requests to clusters; the code is <error> where no answer came.",
            ("server", "method", "code"), registry=registry,
        )  # fmt: skip
        self._asked_seconds = Histogram(
            "fairlead_mcp_upstream_request_duration_seconds", "How long clusters take.", ("server", "method"),
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self._refused = Counter(
            "fairlead_mcp_refused_requests", "HTTP requests that were answered by an error, before or after they were"
            " a call.", ("code",), registry=registry,
        )  # fmt: skip
        self._stale = Gauge(
            "fairlead_mcp_servers_stale", "1 while the latest change of server files could not be taken up.",
            registry=registry, multiprocess_mode="mostrecent",
        )  # fmt: skip

        self._called_by = cache(self._calls.labels)  # names are few, and finding a series anew is half of counting
        self._called_for = cache(self._seconds.labels)
        self._asked_by = cache(self._asked.labels)
        self._asked_for = cache(self._asked_seconds.labels)

    def called(self, server: str, tool: str, result: str, seconds: float) -> None:
        self._called_by(server, tool, result).inc()
        if result not in ("denied", "limited"):
            self._called_for(server, tool).observe(seconds)

    def asked(self, server: str, method: str, code: str, seconds: float) -> None:
        self._asked_by(server, method, code).inc()
        self._asked_for(server, method).observe(seconds)

    def refused(self, status: int) -> None:
        self._refused.labels(str(status)).inc()

    async def handle(self, request: Request) -> Response:
        """`/metrics`, in the format that the reader asks for."""
        from prometheus_client.exposition import choose_encoder

        self._stale.set(float(self.is_stale()))
        encode, content_type = choose_encoder(request.headers.get("accept"))
        return Response(200, Headers([("content-type", content_type)]), encode(self._collected()))

    def _collected(self) -> "CollectorRegistry":
        if _FILES not in os.environ:
            return self._registry
        from prometheus_client import CollectorRegistry
        from prometheus_client.multiprocess import MultiProcessCollector

        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # as above
        return registry
