"""Controllers of the playground's simulators: an event names an object, a function does what it needs.

What to do is decided from what the API then says, never from the event, so a lost or repeated event does no harm.
A refusal that a newer event will follow (conflict, not found) is passed over, one that waiting can mend is tried again,
and any other becomes a warning event of the object, where `kubectl describe` shows it.
"""

import secrets
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

from fairlead.client.api import Client
from fairlead.client.errors import ClientError
from fairlead.client.watching import Applied, Backoff, Deleted, Event, Listed, hopeless, watch
from fairlead.machinery import conditions, statuses
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.paths import Resource

Object = dict[str, Any]
Changed = Callable[[Object], Awaitable[None]]

EVENTS = Resource("", "v1", "events")
_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def suffix() -> str:
    """Five characters, as `generateName` adds them."""
    return "".join(secrets.choice(_SUFFIX_LETTERS) for _ in range(5))


async def follow(
    client: Client,
    resource: Resource,
    changed: Changed,
    listed: Callable[[], None] = lambda: None,
    known: dict[str, Object] | None = None,
) -> None:
    """Calls `changed` for every object at first, and for each that changes or goes, one after another; never ends.

    `listed` is called each time that all objects have been seen. `known` is kept to what there is, by name, for those
    who would otherwise ask again and again.
    """
    # Cancelled between two events, the stream would stay open until somebody collected it.
    async with aclosing(watch(client, resource, backoff=Backoff(first=0.05, most=5.0))) as events:
        async for event in events:
            if known is not None:
                _learn(known, event)
            if isinstance(event, Listed):
                for each in event.items:
                    await persist(client, changed, each)
                listed()
            elif isinstance(event, Applied | Deleted):
                await persist(client, changed, event.object)


def _learn(known: dict[str, Object], event: Event) -> None:
    if isinstance(event, Listed):
        known.clear()
        known.update({each["metadata"]["name"]: each for each in event.items})
    elif isinstance(event, Applied):
        known[event.object["metadata"]["name"]] = event.object
    elif isinstance(event, Deleted):
        known.pop(event.object["metadata"]["name"], None)


async def ensure(client: Client, resource: Resource, obj: Object) -> Object:
    """As it is where it is there already."""
    try:
        return await client.create(resource, obj)
    except statuses.AlreadyExists:
        return await client.get(resource, obj["metadata"]["name"])


async def until(client: Client, resource: Resource, name: str, kind: str) -> None:
    """Until that condition of a cluster-scoped object is true."""
    async with aclosing(watch(client, resource, field_selector=f"metadata.name={name}")) as events:
        async for event in events:
            known = event.items if isinstance(event, Listed) else []
            known = [event.object] if isinstance(event, Applied) else known
            if any(conditions.is_true(each, kind) for each in known):
                return


async def persist(client: Client, changed: Changed, obj: Object) -> None:
    backoff = Backoff(first=0.1)
    while True:
        try:
            return await changed(obj)
        except (statuses.Conflict, statuses.NotFound, statuses.AlreadyExists):
            return None
        except (ClientError, statuses.StatusError) as error:
            if hopeless(error):
                return await warn(client, obj, error)
            await backoff.pause(error)


async def warn(client: Client, obj: Object, error: FairleadError) -> None:
    await tell(client, obj, "SimulationFailed", str(error))


async def tell(client: Client, obj: Object, reason: str, message: str) -> None:
    """A warning among the events of an object."""
    metadata = obj["metadata"]
    namespace = metadata.get("namespace", "default")
    about = {key: metadata[key] for key in ("name", "namespace", "uid") if key in metadata}
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{metadata['name']}.{suffix()}", "namespace": namespace},
        "type": "Warning",
        "reason": reason,
        "message": message[:1024],
        "involvedObject": {"apiVersion": obj.get("apiVersion"), "kind": obj.get("kind"), **about},
        "source": {"component": "fairlead-simulator"},
        "firstTimestamp": now(),
        "lastTimestamp": now(),
        "count": 1,
    }
    try:
        await client.create(EVENTS, event, namespace)
    except (ClientError, statuses.StatusError):
        return  # it was only news
