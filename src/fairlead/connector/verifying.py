"""Which objects are known to be whose.

A hashed name proves nothing, so a write to an existing object needs to have seen its labels once. What was seen is the
uid, and the write is made conditional on it: a uid names one object for ever, so a remembered one can be outdated (then
the control plane refuses) but never wrong. That saves the second request that every write would otherwise take.

Labels of an object can be changed in the control plane under the same uid, so nothing is remembered for long.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from fairlead.connector import mapping, secretnames
from fairlead.connector.mapping import Fields, Raw
from fairlead.connector.naming import Identity
from fairlead.connector.rewriting import Stored
from fairlead.machinery.paths import Resource

LIFETIME = 60.0
MOST = 10_000

Key = tuple[str, str, Identity]


@dataclass(frozen=True)
class Verified:
    """An object whose labels were compared with its name."""

    uid: str
    resource_version: str
    hidden: Fields
    """What a replacement must carry over, true for that resourceVersion."""
    last_applied: Raw | None = None
    """The annotation as stored, true for that resourceVersion."""
    managed: bytes = b""
    """managedFields as stored, true for that resourceVersion."""

    @property
    def names_secret(self) -> bool:
        """Whether the name that the app cluster gave to the connection secret is kept with the object."""
        return bool(secretnames.original(self.hidden))

    @classmethod
    def of(cls, stored: Stored) -> "Verified":
        last_applied = mapping.last_applied(stored.metadata)
        managed = bytes(stored.metadata.get("managedFields", b""))
        return cls(stored.uid, stored.resource_version, mapping.hidden_of(stored.metadata), last_applied, managed)


class Known:
    """Bounded in number and time; `lifetime` in seconds."""

    def __init__(
        self, *, most: int = MOST, lifetime: float = LIFETIME, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._lifetime = lifetime
        self._clock = clock
        self._found: OrderedDict[Key, tuple[float, Verified]] = OrderedDict()

    def get(self, resource: Resource, identity: Identity) -> Verified | None:
        key = _key(resource, identity)
        at, verified = self._found.get(key, (0.0, None))
        if verified is None or self._clock() - at >= self._lifetime:
            return None
        return verified

    def remember(self, resource: Resource, stored: Stored) -> Verified:
        verified = Verified.of(stored)
        if verified.uid:
            key = _key(resource, stored.identity)
            self._found[key] = (self._clock(), verified)
            self._found.move_to_end(key)
            while len(self._found) > self._most:
                self._found.popitem(last=False)
        return verified

    def forget(self, resource: Resource, identity: Identity) -> None:
        self._found.pop(_key(resource, identity), None)


def _key(resource: Resource, identity: Identity) -> Key:
    """Without the version: one object is served in all of them."""
    return (resource.group, resource.plural, identity)
