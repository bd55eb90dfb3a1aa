"""A collection, followed for as long as somebody listens.

The events are kube-rs's: a relist is visible (`Listed`), so that a cache can be swapped whole and what vanished while
nobody watched is noticed; an interruption is an event too, because whether 403 is hopeless or a matter of waiting is
the listener's to decide. The generator itself only ends with its listener.

Rules of the API (Kubernetes API concepts, "Efficient detection of changes"): a watch that ends is resumed from the last
resourceVersion seen, bookmarks included; 410 in either form means to list again; versions are opaque.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import urlencode

from fairlead.client.api import Client, lines, refusal
from fairlead.client.errors import ClientError, Unreachable
from fairlead.machinery import encoding, statuses
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import Resource

Object = dict[str, Any]


@dataclass(frozen=True)
class Listed:
    """Everything there is: replaces whatever was known."""

    items: list[Object]
    resource_version: str


@dataclass(frozen=True)
class Applied:
    """Added or modified; a client cannot tell the two apart after a pause, so nobody is invited to try."""

    object: Object


@dataclass(frozen=True)
class Deleted:
    object: Object
    """Its last state."""


@dataclass(frozen=True)
class Interrupted:
    """It will be tried again after a pause; until then what is known may be old."""

    error: FairleadError


Event: TypeAlias = Listed | Applied | Deleted | Interrupted


@dataclass
class Backoff:
    """Doubling pauses with jitter, as client-go's reflector has them; a server's own Retry-After wins."""

    first: float = 0.8
    most: float = 30.0
    jitter: Callable[[], float] = random.random
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _next: float = field(default=0.0, init=False)

    async def pause(self, error: FairleadError | None = None) -> None:
        self._next = min(self.most, self._next * 2) if self._next else self.first
        asked = getattr(error, "retry_after", None)
        await self.sleep(float(asked) if asked else self._next * (1 + self.jitter()))

    def reset(self) -> None:
        self._next = 0.0


async def watch(
    client: Client,
    resource: Resource,
    namespace: str | None = None,
    *,
    label_selector: str = "",
    field_selector: str = "",
    initial_events: bool = False,
    backoff: Backoff | None = None,
) -> AsyncGenerator[Event, None]:
    """`initial_events` lets the watch itself begin with the collection (WatchList) where the server can."""
    following = _Following(
        client,
        resource,
        namespace,
        {key: value for key, value in (("labelSelector", label_selector), ("fieldSelector", field_selector)) if value},
        initial_events,
        backoff or Backoff(),
    )
    async with aclosing(following.events()) as events:
        async for event in events:
            yield event


@dataclass
class _Following:
    client: Client
    resource: Resource
    namespace: str | None
    selectors: Mapping[str, str]
    initial_events: bool
    backoff: Backoff
    version: str = ""
    """Where to resume; empty means to list first."""
    _starting: list[Object] | None = None
    """What a WatchList has sent so far, until it says that this was all."""

    async def events(self) -> AsyncGenerator[Event, None]:
        expired = False
        while True:
            try:
                if not self.version and not self.initial_events:
                    yield await self._list()
                async with aclosing(self._stream()) as stream:
                    async for event in stream:
                        self.backoff.reset()
                        expired = False
                        yield event
                continue
            except statuses.Expired:
                self.version = ""
                if expired:  # also just after a list: a loop without a pause
                    await self.backoff.pause()
                expired = True
                continue
            except (statuses.BadRequest, statuses.Invalid) as error:
                if self.initial_events and not self.version:
                    self.initial_events = False
                    continue
                problem: FairleadError = error
            except (statuses.StatusError, ClientError, encoding.DecodeError) as error:
                problem = error
            yield Interrupted(problem)
            await self.backoff.pause(problem)

    async def _list(self) -> Listed:
        found = await self.client.list(
            self.resource,
            self.namespace,
            label_selector=self.selectors.get("labelSelector", ""),
            field_selector=self.selectors.get("fieldSelector", ""),
        )
        self.version = found.resource_version
        return Listed(found.items, found.resource_version)

    def _query(self) -> str:
        # Reflectors ask for five to ten minutes at random, so that not everybody reconnects at once.
        seconds = str(int(300 * (1 + self.backoff.jitter())))
        query = {**self.selectors, "watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": seconds}
        if self.version:
            query["resourceVersion"] = self.version
        else:
            query |= {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
        return urlencode(query)

    async def _stream(self) -> AsyncGenerator[Event, None]:
        self._starting = None if self.version else []
        path, heard = self.resource.path(self.namespace), False
        async with self.client.connection.stream("GET", path, query=self._query()) as stream:
            if stream.status >= 300:
                body = b"".join([chunk async for chunk in stream.chunks])
                raise refusal(stream.status, body, stream.headers)
            async for line in lines(stream.chunks):
                heard = True
                event = self._read(encoding.from_json(line))
                if event is not None:
                    yield event
        if not heard:
            # A server that ends at once, again and again, must not be asked without a pause.
            await self.backoff.pause()

    def _read(self, message: Object) -> Event | None:
        kind, obj = message.get("type"), message.get("object") or {}
        if kind == "ERROR":
            raise statuses.from_object(obj)
        metadata = obj.get("metadata") or {}
        if self._starting is not None:
            return self._begin(str(kind), obj, metadata)
        self.version = str(metadata.get("resourceVersion") or self.version)
        if kind == "BOOKMARK":
            return None
        return Deleted(obj) if kind == "DELETED" else Applied(obj)

    def _begin(self, kind: str, obj: Object, metadata: Object) -> Event | None:
        """Collects the initial events until the bookmark that ends them."""
        starting = self._starting if self._starting is not None else []
        if kind != "BOOKMARK":
            starting.append(obj)
            return None
        if (metadata.get("annotations") or {}).get("k8s.io/initial-events-end") != "true":
            return None
        self._starting = None
        self.version = str(metadata.get("resourceVersion") or "")
        return Listed(starting, self.version)


def hopeless(error: FairleadError) -> bool:
    """Whether waiting cannot mend it: what a command at a terminal should say at once instead of retrying."""
    if isinstance(error, statuses.StatusError):
        return error.status_code in (400, 401, 403, 404, 405, 406, 422)
    return not isinstance(error, Unreachable)
