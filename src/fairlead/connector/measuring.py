"""Connections that count what they send, under the names that client-go has for it.

The label `host` says which of the two clusters it was, not its address: whoever may read metrics in the app cluster is
not thereby to know where the control plane lives.
"""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

from fairlead.client.connection import Connection, Streamed
from fairlead.client.kubeconfig import ConnectionSettings
from fairlead.machinery.messages import Headers, Response
from fairlead.serving.metrics import Metrics

APP_CLUSTER = "app-cluster"
CONTROL_PLANE = "control-plane"


class MeasuredConnection(Connection):
    """`host` is one of the names above; `sending` is called before each request."""

    def __init__(
        self, settings: ConnectionSettings, metrics: Metrics, host: str, sending: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__(settings)
        self._metrics = metrics
        self._host = host
        self._sending = sending

    @contextmanager
    def _measured(self, method: str) -> Iterator[list[int]]:
        """The block puts the code of the answer into the list."""
        self._sending()
        started, codes = time.monotonic(), list[int]()
        try:
            yield codes
        finally:
            code = str(codes[0]) if codes else "<error>"
            self._metrics.asked(method, self._host, code, time.monotonic() - started)

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        headers: Headers = Headers(),  # noqa: B008 - a frozen value
        body: bytes = b"",
        timeout: float | None = 60.0,  # noqa: ASYNC109 - as its base
    ) -> Response:
        with self._measured(method) as codes:
            answer = await super().request(method, path, query=query, headers=headers, body=body, timeout=timeout)
            codes.append(answer.status)
        return answer

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        headers: Headers = Headers(),  # noqa: B008 - a frozen value
        body: bytes = b"",
    ) -> AsyncIterator[Streamed]:
        async with AsyncExitStack() as stack:
            with self._measured(method) as codes:
                opened = super().stream(method, path, query=query, headers=headers, body=body)
                found = await stack.enter_async_context(opened)
                codes.append(found.status)
            yield found
