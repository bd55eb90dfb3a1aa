"""Watch: the changes after a revision, one JSON line each, until the client or the clock ends it."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

from fairlead.embedded import reading
from fairlead.embedded.answering import Form
from fairlead.embedded.kinds import Kind
from fairlead.embedded.options import ListOptions
from fairlead.embedded.store import Change, Compacted, Store, Subscription
from fairlead.machinery import statuses
from fairlead.machinery.encoding import to_json
from fairlead.machinery.fielderrors import quoted

Object = dict[str, Any]

INITIAL_EVENTS_END = "k8s.io/initial-events-end"
_BOOKMARK_EVERY = 60.0
_LONGEST = 1800


class Watch:
    """One client's view of one collection. The work before the first byte is done when it is made."""

    def __init__(self, store: Store, kind: Kind, namespace: str, options: ListOptions, form: Form) -> None:
        """Raises what must be answered as a status rather than in the stream."""
        self._store = store
        self._kind = kind
        self._namespace = namespace
        self._options = options
        self._form = form
        self._matches = reading.matcher(kind, options)
        self._columns_sent = False
        self._revision = store.revision
        self._after = self._start()

    def _start(self) -> int | None:
        """The revision to replay from; None where the present state comes first."""
        text = self._options.resource_version
        if text and not text.isdecimal():
            why = f"strconv.ParseUint: parsing {quoted(text)}: invalid syntax"
            raise statuses.InternalError(f"resourceVersion: Invalid value: {quoted(text)}: {why}", reason="")
        after = int(text or 0)
        if self._options.initial_events or (after == 0 and self._options.initial_events is None):
            if after > self._store.revision:
                raise reading.too_large(after, self._store.revision)
            return None
        return self._store.revision if after == 0 else after

    async def lines(self) -> AsyncIterator[bytes]:
        """The stream. Its first chunk may be empty: it lets the answer's headers go out."""
        subscription = self._store.subscribe(self._kind.collection, self._namespace)
        try:
            yield b"".join(self._opening())
            deadline = asyncio.get_running_loop().time() + self._timeout()
            while not subscription.overrun:
                chunk = await self._next(subscription, deadline)
                if chunk is None:
                    return
                if chunk:
                    yield chunk
        except _Ended as ended:
            yield self._error(ended.status)
        finally:
            self._store.unsubscribe(subscription)

    def _timeout(self) -> float:
        return self._options.timeout or random.uniform(_LONGEST, 2 * _LONGEST)  # noqa: S311 - spreads reconnects

    async def _next(self, subscription: Subscription, deadline: float) -> bytes | None:
        """The next chunk; None once time is up."""
        left = deadline - asyncio.get_running_loop().time()
        if left <= 0:
            return None
        with suppress(TimeoutError):
            async with asyncio.timeout(min(left, _BOOKMARK_EVERY)):  # wait_for of 3.11 may swallow a cancellation
                await subscription.wait()
            return b"".join(self._events(subscription.drain()))
        missed = b"".join(self._events(subscription.drain()))
        return missed + self._bookmark({}) if self._options.bookmarks else missed

    def _opening(self) -> Iterator[bytes]:
        if self._after is None:
            for _, stored in self._store.scan(self._kind.collection, self._namespace):
                if self._matches(stored):
                    yield self._event("ADDED", stored)
            self._revision = self._store.revision
            if self._options.initial_events and self._options.bookmarks:
                yield self._bookmark({INITIAL_EVENTS_END: "true"})
            return
        self._revision = self._after
        try:
            missed = self._store.since(self._after)
        except Compacted:
            raise _Ended(_too_old(self._after)) from None
        yield from self._events([each for each in missed if self._wants(each)])

    def _wants(self, change: Change) -> bool:
        if change.key.collection != self._kind.collection:
            return False
        return not self._namespace or change.key.namespace == self._namespace

    def _events(self, changes: list[Change]) -> Iterator[bytes]:
        for change in changes:
            if change.revision <= self._revision:
                continue
            self._revision = change.revision
            was = change.before is not None and self._matches(change.before)
            now = change.after is not None and self._matches(change.after)
            if now and change.after is not None:
                yield self._event("MODIFIED" if was else "ADDED", change.after)
            elif was and change.before is not None:
                yield self._event("DELETED", _at(change.before, change.revision))

    def _event(self, kind: str, stored: Object) -> bytes:
        shown = self._form.one(self._kind.shown(stored), with_columns=not self._columns_sent)
        self._columns_sent = True
        return to_json({"type": kind, "object": shown}) + b"\n"

    def _bookmark(self, annotations: dict[str, str]) -> bytes:
        self._revision = max(self._revision, self._store.revision)
        metadata: Object = {"resourceVersion": str(self._revision)}
        if annotations:
            metadata["annotations"] = annotations
        bare = {"kind": self._kind.kind, "apiVersion": self._kind.api_version, "metadata": metadata}
        shown = self._form.one(bare, with_columns=not self._columns_sent)
        self._columns_sent = True
        return to_json({"type": "BOOKMARK", "object": shown}) + b"\n"

    def _error(self, status: statuses.StatusError) -> bytes:
        return to_json({"type": "ERROR", "object": status.to_object()}) + b"\n"


class _Ended(Exception):
    def __init__(self, status: statuses.StatusError) -> None:
        super().__init__(status.message)
        self.status = status


def _too_old(revision: int) -> statuses.Expired:
    return statuses.Expired(f"too old resource version: {revision}")


def _at(stored: Object, revision: int) -> Object:
    """What was deleted carries the revision of its deletion."""
    return {**stored, "metadata": {**stored["metadata"], "resourceVersion": str(revision)}}
