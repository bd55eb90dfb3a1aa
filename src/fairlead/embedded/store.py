"""The cluster's memory: every object, one growing revision, and a bounded history to watch from.

It stands where etcd and the watch cache stand in a real cluster and keeps their promises: a revision is never given out
twice, a list is a snapshot of one revision, a watcher sees every change after its revision or learns that it cannot.
It is synchronous and lives on one event loop, so that reading, deciding and writing in one call without `await` is a
transaction. It is in memory, because a playground starts empty; nothing outside may rely on how objects are kept.

Objects that go in or out are shared: whoever wants to change one copies it first.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from fairlead.machinery.errors import FairleadError

Object = dict[str, Any]

HISTORY = 10_000
"""Changes that a watcher may be behind before it must list again."""
BACKLOG = 1_000
"""Changes that one slow watcher may leave unread before it is dropped."""


class Compacted(FairleadError):
    """The history no longer reaches back to the revision that was asked for."""


class Key(NamedTuple):
    """Orders as the real server's storage keys do: by collection, namespace, name."""

    group: str
    plural: str
    namespace: str
    name: str

    @property
    def collection(self) -> tuple[str, str]:
        return (self.group, self.plural)


@dataclass(frozen=True)
class Change:
    revision: int
    key: Key
    before: Object | None
    after: Object | None
    """None: deleted. `before` then still has the resourceVersion of its last write."""


class Subscription:
    """Changes of one collection as they happen; ends when its reader falls too far behind."""

    def __init__(self, collection: tuple[str, str] | None, namespace: str) -> None:
        self._collection = collection
        self._namespace = namespace
        self._queue: deque[Change] = deque()
        self._wake = asyncio.Event()
        self.overrun = False

    def offer(self, change: Change) -> None:
        if not self.wants(change.key) or self.overrun:
            return
        if len(self._queue) >= BACKLOG:
            self.overrun = True
            self._queue.clear()
        else:
            self._queue.append(change)
        self._wake.set()

    def wants(self, key: Key) -> bool:
        if self._collection is not None and key.collection != self._collection:
            return False
        return not self._namespace or key.namespace == self._namespace

    def drain(self) -> list[Change]:
        """What has happened since the last call, without waiting."""
        found = list(self._queue)
        self._queue.clear()
        self._wake.clear()
        return found

    async def wait(self) -> None:
        """Returns once there is something to drain, or at once if there already is."""
        await self._wake.wait()


class Store:
    def __init__(self, history: int = HISTORY) -> None:
        self._collections: dict[tuple[str, str], dict[Key, Object]] = {}
        self._history: deque[Change] = deque(maxlen=history)
        self._compacted = 0
        self._subscriptions: set[Subscription] = set()
        self.revision = 0

    # --- reading ---

    def get(self, key: Key) -> Object | None:
        return self._collections.get(key.collection, {}).get(key)

    def scan(
        self, collection: tuple[str, str], namespace: str = "", revision: int | None = None
    ) -> list[tuple[Key, Object]]:
        """In key order, as of a revision (None: now). Raises `Compacted`."""
        found = self._collections.get(collection, {})
        if revision is not None and revision < self.revision:
            found = self._rewound(found, collection, revision)
        return sorted(
            ((key, each) for key, each in found.items() if not namespace or key.namespace == namespace),
            key=lambda pair: pair[0],
        )

    def _rewound(self, found: dict[Key, Object], collection: tuple[str, str], revision: int) -> dict[Key, Object]:
        if revision < self._compacted:
            raise Compacted(f"revision {revision} is forgotten")
        found = dict(found)
        for change in reversed(self._history):
            if change.revision <= revision:
                break
            if change.key.collection != collection:
                continue
            if change.before is None:
                found.pop(change.key, None)
            else:
                found[change.key] = change.before
        return found

    def collections(self) -> Iterator[tuple[str, str]]:
        """Those that hold an object now."""
        yield from (name for name, objects in self._collections.items() if objects)

    # --- writing ---

    def put(self, key: Key, obj: Object) -> Object:
        """Creates or replaces; answers the object with its new resourceVersion."""
        before = self.get(key)
        self.revision += 1
        metadata = {**obj["metadata"], "resourceVersion": str(self.revision)}
        after = {**obj, "metadata": metadata}
        self._collections.setdefault(key.collection, {})[key] = after
        self._record(Change(self.revision, key, before, after))
        return after

    def delete(self, key: Key) -> Object:
        """Answers what was deleted; the deletion has a revision of its own."""
        before = self._collections[key.collection].pop(key)
        self.revision += 1
        self._record(Change(self.revision, key, before, None))
        return before

    def _record(self, change: Change) -> None:
        if len(self._history) == self._history.maxlen:
            self._compacted = self._history[0].revision
        self._history.append(change)
        for each in list(self._subscriptions):
            each.offer(change)
            if each.overrun:
                self._subscriptions.discard(each)

    # --- watching ---

    def since(self, revision: int) -> list[Change]:
        """Every change after a revision. Raises `Compacted`."""
        if revision < self._compacted:
            raise Compacted(f"revision {revision} is forgotten")
        found: list[Change] = []
        for change in reversed(self._history):
            if change.revision <= revision:
                break
            found.append(change)
        return found[::-1]

    def subscribe(self, collection: tuple[str, str] | None = None, namespace: str = "") -> Subscription:
        """None: every collection."""
        subscription = Subscription(collection, namespace)
        self._subscriptions.add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        self._subscriptions.discard(subscription)
