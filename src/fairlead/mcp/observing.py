"""What operators see of each call and of each request that it takes: counts and spans.

A call is marked in the context in which it runs, so that a connection knows for whom it asks without being told; one
that was opened for several servers counts for the one that uses it. The protocol's library makes the span of the call
itself, as a child of the caller's `traceparent`; ours says of which server it was and what came of it. Requests to
clusters are its children and carry a `traceparent` of their own. Without an exporter (`spans`) all of that is nothing.

Label values are names that the operator wrote or a toolset has: what a caller invents becomes no label.
"""

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

from opentelemetry.propagate import inject
from opentelemetry.trace import SpanKind, Status, StatusCode, get_current_span, get_tracer

from fairlead.client.connection import Answered, Connection
from fairlead.client.credentials import Bearer
from fairlead.machinery.messages import Headers
from fairlead.mcp import straying
from fairlead.mcp.calling import answered

_Answer = TypeVar("_Answer", bound=Answered)
_tracer = get_tracer("fairlead")
NO_ANSWER = "<error>"
"""In the place of a status code."""


class Meter(Protocol):
    def called(self, server: str, tool: str, result: str, seconds: float) -> None:
        """`tool` is empty where the server has none of that name, or not for that caller."""

    def asked(self, server: str, method: str, code: str, seconds: float) -> None:
        """A request to a cluster; `code` is an HTTP status, or `NO_ANSWER`."""


class Unmeasured:
    def called(self, server: str, tool: str, result: str, seconds: float) -> None: ...

    def asked(self, server: str, method: str, code: str, seconds: float) -> None: ...


UNMEASURED = Unmeasured()
_present: ContextVar[tuple[Meter, str]] = ContextVar("observing", default=(UNMEASURED, ""))


@contextmanager
def calling(meter: Meter, server: str) -> Iterator[None]:
    """Requests to clusters in this block are this server's."""
    token = _present.set((meter, server))
    try:
        yield
    finally:
        _present.reset(token)


def called(meter: Meter, server: str, tool: str, result: str, seconds: float) -> None:
    meter.called(server, tool, result, seconds)
    span = get_current_span()
    if span.is_recording():
        span.set_attributes({"fairlead.server": server, "fairlead.result": result})


class ObservedConnection(Connection):
    most_bytes = 16 << 20

    async def _around(
        self, method: str, path: str, headers: Headers, exchange: Callable[[], Awaitable[_Answer]]
    ) -> _Answer:
        straying.check(path)
        meter, server = _present.get()
        began, code = time.perf_counter(), NO_ANSWER
        attributes = {"http.request.method": method, "url.path": path, "server.address": self.where}
        with _tracer.start_as_current_span(method, kind=SpanKind.CLIENT, attributes=attributes) as span:
            try:
                answer = await super()._around(method, path, headers, exchange)
                code = str(answer.status)
                answered(str(getattr(answer, "headers", {}).get("audit-id", "")))
                span.set_attribute("http.response.status_code", answer.status)
                if answer.status >= 400:
                    span.set_status(Status(StatusCode.ERROR))
                return answer
            finally:
                meter.asked(server, method, code, time.perf_counter() - began)

    def _arguments(self, bearer: Bearer, headers: Headers, body: bytes) -> dict[str, Any]:
        arguments = super()._arguments(bearer, headers, body)
        inject(arguments["headers"])
        return arguments
