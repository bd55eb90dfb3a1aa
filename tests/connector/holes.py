"""A network between a client and a server that can be made to swallow everything, or to refuse."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import anyio

from fairlead.machinery import encoding


class Network:
    """Relays TCP. While `swallowing`, connections stand and no byte passes; while `refusing`, each is closed."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._open = asyncio.Event()
        self._open.set()
        self._refusing = False
        self._relays: set[asyncio.Task[None]] = set()
        self.port = 0

    def swallow(self) -> None:
        self._open.clear()

    def refuse(self) -> None:
        self._refusing = True
        for each in self._relays:
            each.cancel()

    def heal(self) -> None:
        self._refusing = False
        self._open.set()

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._relays.add(task)
        there: asyncio.StreamWriter | None = None
        try:
            if self._refusing:
                return
            answers, there = await asyncio.open_connection(*self._target)
            await asyncio.gather(self._pump(reader, there), self._pump(answers, writer))
        except (OSError, asyncio.CancelledError):
            return
        finally:
            self._relays.discard(task)
            for each in (writer, there):
                if each is not None:
                    each.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while chunk := await source.read(65536):
            await self._open.wait()
            target.write(chunk)
            await target.drain()
        target.close()

    async def close(self) -> None:
        relays = list(self._relays)
        for each in relays:
            each.cancel()
        await asyncio.gather(*relays, return_exceptions=True)


@asynccontextmanager
async def network(kubeconfig: Path, folder: Path) -> AsyncIterator[tuple[Network, Path]]:
    """And a kubeconfig that leads through it."""
    document = encoding.from_yaml(await anyio.Path(kubeconfig).read_bytes())
    cluster = document["clusters"][0]["cluster"]
    server = urlsplit(cluster["server"])
    made = Network(server.hostname or "", server.port or 443)
    listener = await asyncio.start_server(made.relay, "127.0.0.1", 0)
    made.port = listener.sockets[0].getsockname()[1]
    cluster["server"] = f"{server.scheme}://127.0.0.1:{made.port}"
    path = folder / "through-network.kubeconfig"
    await anyio.Path(path).write_bytes(encoding.to_json(document))
    try:
        yield made, path
    finally:
        listener.close()
        await made.close()
