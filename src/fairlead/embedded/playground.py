"""An app cluster and a control plane with a simulated Crossplane, in one process.

It is what a newcomer has before anything is installed. The two clusters share nothing but the process, so whatever
connects them must go through their APIs.
"""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType

from fairlead.client.api import Client
from fairlead.client.targets import Cluster
from fairlead.embedded.cluster import EmbeddedCluster
from fairlead.embedded.simulator.simulating import Simulator


class Playground:
    """Runs between `__aenter__` and `__aexit__`. Writes `app.kubeconfig` and `control-plane.kubeconfig` (0600)."""

    app: Cluster
    control_plane: Cluster

    def __init__(self, directory: Path, *, whole: bool = False) -> None:
        """`whole`: the simulated Crossplane has compositions, functions and packages too, as a world needs them."""
        self._whole = whole
        self._app = EmbeddedCluster("app", directory)
        self._control_plane = EmbeddedCluster("control-plane", directory)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "Playground":
        """Returns once claims can be offered. Raises `DirectoryError` and `ListenError`."""
        try:
            self.app = await self._stack.enter_async_context(self._app)
            self.control_plane = await self._stack.enter_async_context(self._control_plane)
            client = await self._stack.enter_async_context(self.control_plane.open())
            await self._simulate(client)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _simulate(self, client: Client) -> None:
        simulator = Simulator(client, whole=self._whole)
        running = asyncio.create_task(simulator.run())

        async def stop() -> None:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

        self._stack.push_async_callback(stop)
        ready = asyncio.create_task(simulator.ready.wait())
        done, _ = await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
        if running in done:
            ready.cancel()
            running.result()

    def stored(self, group: str) -> list[str]:
        """The keys of everything that the app cluster itself stores of an API group."""
        return self._app.stored(group)
