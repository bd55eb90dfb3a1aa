"""Two replicas of one connector, and the life of their certificate, between two API servers."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace

import anyio
import anyio.lowlevel
import pytest

from fairlead.aggregation import certifying
from fairlead.aggregation.certifying import ROTATE, SECRETS
from fairlead.aggregation.leasing import LEASES
from fairlead.connector import announcing, publishing, running
from fairlead.connector.running import Running
from tests.clusters import Pair
from tests.connector.test_running import World, eventually, offer, world

pytestmark = pytest.mark.anyio


async def holder(found: World) -> str:
    service = found.settings.service
    lease = await found.app.get(LEASES, service.name, service.namespace)
    return str(lease["spec"]["holderIdentity"])


async def published(found: World, group: str, replica: Running) -> bytes:
    """The bundle of the group's APIService, once the replica's own certificate chains to it."""
    api_service = await found.api_service(group)
    (bundle,) = publishing.bundles([api_service], replica.connector.backend())
    await replica.connector.certificate.check([bundle])
    return bundle


@pytest.mark.whole
@pytest.mark.requirement("connector:one-registrar", "connector:shared-certificate")
async def test_of_two_replicas_one_registers_and_the_other_takes_over(pair: Pair, unique: Callable[[str], str]) -> None:
    first_group, second_group = f"{unique('first')}.example.org", f"{unique('second')}.example.org"
    async with world(pair, unique) as found, AsyncExitStack() as earlier:
        await offer(found.control_plane, first_group)
        first = await earlier.enter_async_context(running.serve(found.settings))
        led = await holder(found)
        async with running.serve(replace(found.settings, port=0)) as second:
            assert await holder(found) == led, "the second only answers"
            assert first.connector.certificate.tls.pair == second.connector.certificate.tls.pair
            await published(found, first_group, second)
            await earlier.aclose()
            await offer(found.control_plane, second_group)
            await eventually(lambda: found.api_service(second_group))
            assert await holder(found) not in ("", led)


@pytest.mark.whole
@pytest.mark.requirement("connector:rotation-order", "connector:certificate-ready")
async def test_the_authority_is_rotated_under_a_running_api_server(
    pair: Pair, unique: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certifying, "ANNOUNCING", 1.0)
    monkeypatch.setattr(announcing, "ROTATE_SECONDS", 0.2)
    group = f"{unique('rotated')}.example.org"
    async with world(pair, unique) as found:
        await offer(found.control_plane, group)
        async with running.serve(found.settings) as replica:
            await eventually(lambda: found.app.list(found.claims(group)))
            before, leaf = await published(found, group, replica), replica.connector.certificate.tls.pair
            service = found.settings.service
            asked = {"metadata": {"annotations": {ROTATE: "now"}}}
            await found.app.patch(SECRETS, service.secret, asked, service.namespace)

            async def rotated() -> None:
                await found.app.list(found.claims(group))  # at no moment does the API server distrust us
                assert replica.connector.certificate.tls.pair != leaf
                assert await published(found, group, replica) != before

            await steadily(rotated)


async def steadily(step: Callable[[], Awaitable[None]]) -> None:
    """As `eventually`, except that a refusal by the API server is a failure."""
    with anyio.fail_after(40):
        while True:
            try:
                await step()
            except AssertionError:
                await anyio.lowlevel.checkpoint()
            else:
                return
