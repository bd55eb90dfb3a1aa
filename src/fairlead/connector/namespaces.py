"""The app cluster's namespaces, as far as new claims depend on them.

They are followed by a watch, and asked for by name where the watch does not know one or is interrupted: a namespace and
its first claims often arrive within a moment of each other. This is what NamespaceLifecycle does in the API server. The
namespace controller waits five seconds before it empties a namespace, so that followers have seen it end by then.

What was seen to end is remembered with its uid, for as long as this process runs: the claims of a namespace may only
be taken for left behind by whoever saw that very namespace end. Missing from a list proves nothing.

Source: `pkg/admission/plugin/namespace/lifecycle` of k8s.io/apiserver; reference/aggregation-layer.md §9, §10.
"""

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from fairlead.client import watching
from fairlead.client.api import Client
from fairlead.client.errors import ClientError
from fairlead.client.watching import Applied, Deleted, Event, Interrupted, Listed
from fairlead.connector.preparing import NAMESPACES
from fairlead.machinery import statuses

Object = dict[str, Any]

MOST_SIGHTINGS = 100_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Namespace:
    name: str
    uid: str
    terminating: bool = False


class Namespaces:
    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[str, Namespace] = {}
        self._current = False
        self._ended: OrderedDict[tuple[str, str], None] = OrderedDict()
        self.changed = asyncio.Event()
        """Set whenever one was seen to end."""

    async def run(self) -> None:
        """Until cancelled."""
        async for event in watching.watch(self._client, NAMESPACES):
            self.heard(event)

    def heard(self, event: Event) -> None:
        match event:
            case Listed(items):
                self._known = {each.name: each for each in map(_read, items)}
                for each in self._known.values():
                    self._seen(each)
            case Applied(item):
                self._known[_read(item).name] = _read(item)
                self._seen(_read(item))
            case Deleted(item):
                self._known.pop(_read(item).name, None)
                self._remember(_read(item))
            case Interrupted(error):
                _log.warning("namespaces of the app cluster cannot be watched, and are asked for: %s", error)
        self._current = not isinstance(event, Interrupted)

    async def find(self, name: str) -> Namespace | None:
        """None where the app cluster has no such namespace. Raises `InternalError` where it does not say."""
        known = self._known.get(name) if self._current else None
        found = known or await self._asked(name)
        if found and self.ended(name, found.uid):
            return Namespace(name, found.uid, terminating=True)
        return found

    def ended(self, name: str, uid: str) -> bool:
        """Whether this process saw it terminating or deleted."""
        return (name, uid) in self._ended

    async def _asked(self, name: str) -> Namespace | None:
        try:
            found = _read(await self._client.get(NAMESPACES, name))
        except statuses.NotFound:
            return None
        except (statuses.StatusError, ClientError) as error:
            raise statuses.InternalError(
                f"Internal error occurred: namespace {name} cannot be read: {error}"
            ) from error
        self._seen(found)
        return found

    def _seen(self, found: Namespace) -> None:
        if found.terminating:
            self._remember(found)

    def _remember(self, found: Namespace) -> None:
        self._ended[found.name, found.uid] = None
        while len(self._ended) > MOST_SIGHTINGS:
            self._ended.popitem(last=False)
        self.changed.set()


def _read(item: Object) -> Namespace:
    metadata = item["metadata"]
    terminating = (item.get("status") or {}).get("phase") == "Terminating" or "deletionTimestamp" in metadata
    return Namespace(str(metadata["name"]), str(metadata.get("uid") or ""), terminating)
