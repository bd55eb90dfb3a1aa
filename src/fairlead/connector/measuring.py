"""Connections that count what they send, under the names that client-go has for it.

The label `host` says which of the two clusters it was, not its address: whoever may read metrics in the app cluster is
not thereby to know where the control plane lives.
"""

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from fairlead.client.connection import Answered, Connection
from fairlead.client.kubeconfig import ConnectionSettings
from fairlead.machinery.messages import Headers
from fairlead.serving.metrics import Metrics

APP_CLUSTER = "app-cluster"
CONTROL_PLANE = "control-plane"
_Answer = TypeVar("_Answer", bound=Answered)


class MeasuredConnection(Connection):
    """`host` is one of the names above; `sending` is called before each request."""

    def __init__(
        self, settings: ConnectionSettings, metrics: Metrics, host: str, sending: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__(settings)
        self._metrics = metrics
        self._host = host
        self._sending = sending

    async def _around(
        self, method: str, path: str, headers: Headers, exchange: Callable[[], Awaitable[_Answer]]
    ) -> _Answer:
        self._sending()
        started, code = time.monotonic(), "<error>"
        try:
            answer = await super()._around(method, path, headers, exchange)
            code = str(answer.status)
        finally:
            self._metrics.asked(method, self._host, code, time.monotonic() - started)
        return answer
