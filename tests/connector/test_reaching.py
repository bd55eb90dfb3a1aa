"""A control plane that vanishes, as the app cluster sees it: nothing waits, nothing else breaks."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from fairlead.client.errors import ClientError, Unreachable
from fairlead.connector import reaching, running
from fairlead.connector.preparing import NAMESPACES
from fairlead.connector.reaching import Reachability
from fairlead.machinery import statuses
from fairlead.machinery.paths import GroupVersion, Resource
from tests.clusters import Pair
from tests.connector.holes import Network, network
from tests.connector.test_running import World, eventually, offer, world

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("connector:unreachable-decided")]


class Clock:
    def __init__(self) -> None:
        self.now = 10.0

    def __call__(self) -> float:
        return self.now


async def test_it_is_lost_after_three_seconds_of_failure_and_back_with_one_answer() -> None:
    clock, error = Clock(), ClientError("no")
    found = Reachability(clock=clock)
    found.failed(10.0, error)
    clock.now = 12.9
    found.failed(12.0, error)
    assert found.reachable
    found.answered()
    clock.now = 15.0
    found.failed(14.0, error)
    assert found.reachable, "an answer in between begins anew"
    clock.now = 17.0
    found.failed(16.0, error)
    assert not found.reachable
    with pytest.raises(Unreachable) as caught:
        async with found.required():
            pytest.fail("it must not be tried")
    assert not caught.value.sent
    found.answered()
    async with found.required():
        pass


async def test_what_waits_is_given_up_and_may_have_arrived() -> None:
    found = Reachability()
    asyncio.get_running_loop().call_soon(found.lost, ClientError("no"))
    with anyio.fail_after(5), pytest.raises(Unreachable) as caught:
        async with found.required():
            await asyncio.Event().wait()
    assert caught.value.sent


async def test_another_time_limit_stays_what_it_is() -> None:
    with pytest.raises(TimeoutError):
        async with Reachability().required():
            raise TimeoutError
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0), Reachability().required():
            await asyncio.Event().wait()


async def test_a_pause_ends_when_it_is_back() -> None:
    found = Reachability()
    found.lost(ClientError("no"))
    asyncio.get_running_loop().call_soon(found.answered)
    with anyio.fail_after(5):
        await found.pause(3600)


@dataclass
class Cut:
    world: World
    network: Network
    claims: Resource
    namespace: str

    def claim(self, name: str) -> dict[str, Any]:
        kind = {"apiVersion": str(self.claims.group_version), "kind": "Database"}
        return {**kind, "metadata": {"name": name}, "spec": {"size": "small"}}

    async def list(self) -> Any:
        return await self.world.app.list(self.claims, self.namespace)


@asynccontextmanager
async def cut(pair: Pair, unique: Callable[[str], str], folder: Path) -> AsyncIterator[Cut]:
    group = f"{unique('cut')}.example.org"
    async with AsyncExitStack() as stack:
        found = await stack.enter_async_context(world(pair, unique))
        await offer(found.control_plane, group)
        between, path = await stack.enter_async_context(network(pair.control_plane.kubeconfig, folder))
        found.settings = replace(found.settings, control_plane_kubeconfig=path)
        yield Cut(found, between, found.claims(group), "default")


@pytest.mark.whole
@pytest.mark.requirement("connector:outage-nothing-waits", "connector:outage-discovery")
async def test_a_control_plane_that_is_black_holed(pair: Pair, unique: Callable[[str], str], tmp_path: Path) -> None:
    async with cut(pair, unique, tmp_path) as found, running.serve(found.world.settings):
        app, claims = found.world.app, found.claims
        await eventually(found.list)
        watched = app.connection.stream("GET", claims.path(found.namespace), query="watch=true")
        async with watched as stream:
            found.network.swallow()
            began = time.monotonic()
            write = asyncio.create_task(app.create(claims, found.claim("written"), found.namespace))
            read = asyncio.create_task(found.list())
            with anyio.fail_after(reaching.PERIOD + reaching.FAILING + 10):
                assert [chunk async for chunk in stream.chunks] == [], "it ends, and it ends whole"
                with pytest.raises(statuses.Timeout):
                    await write
                with pytest.raises(statuses.ServiceUnavailable):
                    await read
        assert time.monotonic() - began > reaching.PERIOD, "not before it is decided"

        began = time.monotonic()
        with pytest.raises(statuses.ServiceUnavailable) as refused:
            await found.list()
        assert refused.value.retry_after
        with pytest.raises(statuses.ServiceUnavailable):
            await app.create(claims, found.claim("refused"), found.namespace)
        assert time.monotonic() - began < reaching.FAILING, "at once"
        documents = await app.read(GroupVersion(claims.group, claims.version).path)
        assert "databases" in [each["name"] for each in documents["resources"]]
        assert (await app.get(NAMESPACES, "default"))["metadata"]["name"] == "default"

        found.network.heal()
        await eventually(found.list)


@pytest.mark.whole
@pytest.mark.requirement("connector:starts-during-outage")
async def test_it_starts_while_the_control_plane_is_down_and_is_ready_when_it_comes(
    pair: Pair, unique: Callable[[str], str], tmp_path: Path
) -> None:
    async with cut(pair, unique, tmp_path) as found:
        found.network.refuse()
        ready = asyncio.Event()

        async def serve() -> None:
            async with running.serve(found.world.settings):
                ready.set()
                await asyncio.Event().wait()

        serving = asyncio.create_task(serve())
        try:
            await eventually(lambda: _unready(found.world.settings.port))
            assert not ready.is_set()
            found.network.heal()
            with anyio.fail_after(30):
                await ready.wait()
            await eventually(found.list)
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


async def _unready(port: int) -> None:
    """It listens, is alive, and says that it is not ready."""
    for path, code in (("livez", 200), ("readyz", 500)):
        assert await _status(port, path) == code


async def _status(port: int, path: str) -> int:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    except OSError:
        return 0
    writer.write(f"GET /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return int(answer.split()[1]) if answer else 0
