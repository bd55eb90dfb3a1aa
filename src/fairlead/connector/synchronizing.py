"""The loop that builds the catalog anew whenever the control plane may offer something else.

What failed is tried again; what was known before stays good meanwhile.
"""

import logging

from fairlead.connector.following import Definitions
from fairlead.connector.publishing import Synchronizer
from fairlead.connector.state import RESYNC_SECONDS, RETRY_SECONDS, State, either
from fairlead.machinery.errors import FairleadError

_log = logging.getLogger(__name__)


async def synchronize(state: State, definitions: Definitions, synchronizer: Synchronizer) -> None:
    retry = False
    while True:
        await either(state.changed, RETRY_SECONDS if retry else RESYNC_SECONDS)
        state.changed.clear()
        if all(state.heard.values()):
            retry = not await _synchronized(state, definitions, synchronizer)


async def _synchronized(state: State, definitions: Definitions, synchronizer: Synchronizer) -> bool:
    try:
        await definitions.clear_suspects()
        described = state.sources
        catalog = await synchronizer.catalog(described, state.catalog)
    except FairleadError as error:
        if str(error) != state.problem:
            _log.warning("the catalog stays as it was: %s", error)
        state.problem = str(error)
        return False
    state.problem = ""
    state.catalog, state.described = catalog, described
    state.published.set()
    return True
