"""Sending spans away, where an operator says to whom.

The protocol's library and ours make spans with OpenTelemetry's API, which costs nothing until something collects them.
What does is the extra `otel`, told by OpenTelemetry's own environment variables, so that it is set up as everything
else is; without an endpoint nothing is imported. Its exporter runs in a thread: it begins after forking, in each
worker.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import ASGIApp, Receive, Scope, Send

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PARENTS = (b"traceparent", b"tracestate")
_log = logging.getLogger(__name__)


@contextmanager
def exported() -> Iterator[None]:
    """For the life of a process; what is not sent yet is sent at the end."""
    if not any(map(os.environ.get, _ENDPOINTS)) or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        yield
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        _log.warning("spans are asked for and not sent: install the extra fairlead[otel]")
        yield
        return
    from opentelemetry import trace

    ours = Resource({SERVICE_NAME: "fairlead-mcp"})
    provider = TracerProvider(resource=Resource.create().merge(ours).merge(OTELResourceDetector().detect()))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    try:
        yield
    finally:
        provider.shutdown()


class Continued:
    """An ASGI layer: a request that names its trace in its headers goes on with it.

    The protocol has a place of its own for that, which counts more; proxies and gateways know only the header.
    """

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        carrier = {key.decode(): value.decode("latin-1") for key, value in scope.get("headers", ()) if key in _PARENTS}
        if not carrier:
            await self._inner(scope, receive, send)
            return
        from opentelemetry import context
        from opentelemetry.propagate import extract

        token = context.attach(extract(carrier))
        try:
            await self._inner(scope, receive, send)
        finally:
            context.detach(token)
