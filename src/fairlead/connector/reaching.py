"""Whether the control plane can be reached, decided apart from the requests that need it.

A control plane whose packets vanish lets every request wait for its whole deadline, and the app cluster's controllers
with it. So a probe on connections of its own asks each second, and when it has failed for three, everything is answered
at once: what would be new is refused as unreachable, what waits is given up (a write that was sent may have arrived),
and streams end. Any answer counts as reachable; while there are answers, the control plane's own deadlines apply.

Source: reference/aggregation-layer.md §10.1.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

from fairlead.client.connection import Answered, Connection
from fairlead.client.errors import ClientError, Unreachable
from fairlead.client.kubeconfig import ConnectionSettings
from fairlead.connector import observing
from fairlead.connector.measuring import CONTROL_PLANE, MeasuredConnection
from fairlead.machinery.messages import Headers
from fairlead.serving.metrics import Metrics

PERIOD = 1.0
FAILING = 3.0
_Answer = TypeVar("_Answer", bound=Answered)

_log = logging.getLogger(__name__)


class Reachability:
    """Reachable until the contrary is shown."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failing_since: float | None = None
        self._back = asyncio.Event()
        self._back.set()
        self._waiting: set[asyncio.Timeout] = set()

    @property
    def reachable(self) -> bool:
        return self._back.is_set()

    def answered(self) -> None:
        self._failing_since = None
        if not self.reachable:
            _log.warning("the control plane answers again")
            self._back.set()

    def failed(self, started: float, error: ClientError) -> None:
        """`started`: when the attempt that failed began."""
        self._failing_since = started if self._failing_since is None else self._failing_since
        if self._clock() - self._failing_since >= FAILING:
            self.lost(error)

    def lost(self, error: ClientError) -> None:
        if not self.reachable:
            return
        _log.error("the control plane cannot be reached; requests are refused until it answers: %s", error)
        self._back.clear()
        now = asyncio.get_running_loop().time()
        for each in self._waiting:
            each.reschedule(now)

    @contextmanager
    def _counted(self, limit: asyncio.Timeout) -> Iterator[None]:
        self._waiting.add(limit)
        try:
            yield
        finally:
            self._waiting.discard(limit)

    @asynccontextmanager
    async def required(self) -> AsyncIterator[None]:
        """For what waits on the control plane: raises `Unreachable` at once, or the moment it is lost."""
        if not self.reachable:
            raise Unreachable("the control plane cannot be reached", "it has not answered for some seconds")
        try:
            async with asyncio.timeout(None) as limit:
                with self._counted(limit):
                    yield
        except TimeoutError:
            if not limit.expired():
                raise
            raise Unreachable("the control plane was lost", "it has not answered for some seconds", sent=True) from None

    async def pause(self, seconds: float) -> None:
        """As long as that, or until the control plane is back."""
        if self.reachable:
            await asyncio.sleep(seconds)
            return
        try:
            async with asyncio.timeout(seconds):
                await self._back.wait()
        except TimeoutError:
            return

    async def probe(self, connection: Connection) -> None:
        """Until cancelled; `connection` is nobody else's."""
        while True:
            started = self._clock()
            await self.look(connection)
            await asyncio.sleep(max(0.0, PERIOD - (self._clock() - started)))

    async def look(self, connection: Connection) -> ClientError | None:
        """One attempt, and what it failed with."""
        started = self._clock()
        try:
            await connection.request("GET", "/version", timeout=FAILING)
        except ClientError as error:
            self.failed(started, error)
            return error
        self.answered()
        return None


class ProbedConnection(MeasuredConnection):
    """To the control plane; gives up with its reachability."""

    def __init__(self, settings: ConnectionSettings, reachability: Reachability, metrics: Metrics) -> None:
        super().__init__(settings, metrics, CONTROL_PLANE, observing.upstream_request)
        self._reachability = reachability

    async def _around(
        self, method: str, path: str, headers: Headers, exchange: Callable[[], Awaitable[_Answer]]
    ) -> _Answer:
        async with self._reachability.required():
            return await super()._around(method, path, headers, exchange)

    async def _arriving(self, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        while True:
            async with self._reachability.required():
                chunk = await anext(chunks, None)
            if chunk is None:
                return
            yield chunk
