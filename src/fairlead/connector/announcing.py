"""The loops that keep the app cluster's APIServices true: what is registered, and by which certificate it is trusted.

Only the leader registers. Another replica is ready when the leader has registered all that it would answer for.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from fairlead.aggregation.certifying import SharedCertificate
from fairlead.aggregation.leasing import Leadership
from fairlead.connector.catalog import Catalog
from fairlead.connector.publishing import Registrar
from fairlead.connector.state import RESYNC_SECONDS, RETRY_SECONDS, State, either
from fairlead.machinery.errors import FairleadError

ROTATE_SECONDS = 2.0

_log = logging.getLogger(__name__)


async def register(
    state: State, registrar: Registrar, leadership: Leadership, trusted: Callable[[], Awaitable[None]]
) -> None:
    """On every replica. `trusted` raises while the API server does not trust this replica's certificate."""
    retry = False
    while True:
        await either(state.published, RETRY_SECONDS * 4 if retry else RESYNC_SECONDS)
        state.published.clear()
        if state.catalog is None:
            continue
        if leadership.held:
            retry = not await _registered(state, state.catalog, registrar)
        else:
            retry = not await _registered_by_another(state, state.catalog, registrar, leadership, trusted)


async def _registered(state: State, catalog: Catalog, registrar: Registrar) -> bool:
    try:
        await registrar.register(catalog, state.described)
    except FairleadError as error:
        _log.warning("APIServices cannot be brought up to date: %s", error)
        return False
    state.ready.set()
    return True


async def _registered_by_another(
    state: State,
    catalog: Catalog,
    registrar: Registrar,
    leadership: Leadership,
    trusted: Callable[[], Awaitable[None]],
) -> bool:
    """Whether all that the leader would register is, in a way that lets this replica answer."""
    try:
        await trusted()
    except FairleadError:
        return False
    if not registrar.plan(catalog, state.described, (state.api_services or {}).values()).create and leadership.another:
        state.ready.set()
        return True
    return False


async def rotate(state: State, certificate: SharedCertificate, bundles: Callable[[], list[bytes]]) -> None:
    """On the leader only. `bundles` are those that the API server trusts us by."""
    while True:
        await asyncio.sleep(ROTATE_SECONDS)
        if state.api_services is None:
            continue
        try:
            await certificate.rotate(bundles())
        except FairleadError as error:
            _log.warning("the serving certificate stays as it is: %s", error)
