"""The loop that builds the catalog anew whenever the control plane may offer something else.

What failed is tried again; what was known before stays good meanwhile.
"""

import logging
from dataclasses import dataclass

from fairlead.aggregation.registering import Backend
from fairlead.connector import publishing
from fairlead.connector.catalog import Offered
from fairlead.connector.following import Definitions
from fairlead.connector.publishing import Synchronizer
from fairlead.connector.rights import Rights
from fairlead.connector.sources import SourceName, Sources
from fairlead.connector.state import RESYNC_SECONDS, RETRY_SECONDS, State, either
from fairlead.machinery.errors import FairleadError

RIGHTS_SECONDS = 5.0
"""Until what may not be had is asked for again."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CatalogLoop:
    state: State
    definitions: Definitions
    synchronizer: Synchronizer
    rights: Rights
    backend: Backend
    """Of any moment: by it our APIServices are known."""

    async def run(self) -> None:
        retry = False
        while True:
            await either(self.state.changed, self._pause(retry=retry))
            self.state.changed.clear()
            retry = not (self._heard() and await self._synchronized())

    def _pause(self, *, retry: bool) -> float:
        if retry:
            return RETRY_SECONDS
        return RIGHTS_SECONDS if self.state.without_rights else RESYNC_SECONDS

    def _heard(self) -> bool:
        return all(self.state.heard.values()) and self.state.api_services is not None

    async def _synchronized(self) -> bool:
        state = self.state
        try:
            await self.definitions.clear_suspects()
            described = await self._permitted(state.sources)
            catalog = await self.synchronizer.catalog(described, state.catalog)
        except FairleadError as error:
            if str(error) != state.problem:
                _log.warning("the catalog stays as it was: %s", error)
            state.problem = str(error)
            return False
        state.problem = ""
        state.catalog, state.described = catalog, described
        state.published.set()
        return True

    async def _permitted(self, sources: Sources) -> Sources:
        """Without those that may not be had, unless they are published already."""
        wanted = {name: each.offered for name, each in sources.known.items() if each.versions}
        lacking = await self.rights.lacking(set(wanted.values()))
        self._tell(lacking)
        published = self._published()
        return sources.withholding([name for name, each in wanted.items() if each in lacking and name not in published])

    def _published(self) -> set[SourceName]:
        found = publishing.ours((self.state.api_services or {}).values(), self.backend)
        return {name for each in found for name in publishing.named_sources(each)}

    def _tell(self, lacking: frozenset[Offered]) -> None:
        names = frozenset(f"{each.plural}.{each.group}" for each in lacking)
        for name in sorted(names - self.state.without_rights):
            _log.warning("the control plane does not let this connector list %s: it is not published anew", name)
        self.state.without_rights = names
