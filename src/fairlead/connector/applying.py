"""Server-side apply: to the object that is there, else to a new one.

The control plane decides between the two by a name that says nothing of whose object it is, so the decision is made
here first, and a new object is authorized and checked as one that is created.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from fairlead.connector import bodies, origins, representing
from fairlead.connector.creating import Creator, New
from fairlead.connector.mapping import Fields, as_stored, last_applied, raw, text
from fairlead.connector.reading import ForeignNameError
from fairlead.connector.upstream import Call
from fairlead.connector.verifying import Verified
from fairlead.connector.writing import Attempt, Sending, Writing
from fairlead.machinery import statuses
from fairlead.machinery.messages import Response
from fairlead.machinery.negotiation import MediaType
from fairlead.machinery.paths import RequestInfo
from fairlead.machinery.principals import Principal

Authorize = Callable[[Principal, RequestInfo], Awaitable[None]]
"""Raises `statuses.Forbidden`."""


class Applier:
    def __init__(self, writing: Writing, creator: Creator, authorize: Authorize) -> None:
        self._writing = writing
        self._creator = creator
        self._authorize = authorize

    async def apply(self, call: Call) -> Response:
        choice = representing.choose(call.request.headers, representing.ONE)
        found, metadata = await self._writing.read(call, bodies.YAML)
        await self._check(call, found, metadata)

        async def attempt(verified: Verified) -> Response:
            known = as_stored(metadata, verified.last_applied, call.identity, call.offer.prefix)
            body = await self._writing.body(call, found, self._stored(call, known, verified), verified)
            return await self._writing.write(call, choice, _sending(call, body))

        takes_over = last_applied(metadata) is not None
        cached = None if takes_over else self._writing.known.get(call.offer.resource, call.identity)
        try:
            return await self._writing.conditionally(call, cached, attempt)
        except ForeignNameError:
            raise statuses.conflict(
                call.offer.resource, call.info.name, "the control plane holds another object in its place"
            ) from None
        except statuses.NotFound as ours:
            if call.info.subresource:
                raise await self._writing.absent(call, ours, call.request.body, bodies.APPLY_PATCH) from ours
        try:
            return await self._anew(call, choice, found, metadata)
        except statuses.Conflict as refused:
            return await self._after_all(call, attempt, refused)

    async def _check(self, call: Call, found: Fields, metadata: Fields) -> None:
        named = metadata if text(metadata.get("name")) else {**metadata, "name": raw(call.info.name)}
        try:
            bodies.check_namespace(named, call.info.namespace)
            bodies.check_named(named, call.info.name)
            if not call.info.subresource:
                bodies.check_owners(metadata, call.info.name, call.offer.resource.group, call.offer.kind, times=3)
        except statuses.StatusError as ours:
            sending = _sending(call, bodies.write(found, self._stored(call, metadata, Verified("", "", {}))))
            raise await self._writing.sooner(call, ours, sending, concerns=bool(call.info.subresource)) from ours

    async def _after_all(self, call: Call, attempt: Attempt, refused: statuses.Conflict) -> Response:
        """For an object that somebody else created meanwhile; else the refusal was about the configuration."""
        try:
            return await self._writing.conditionally(call, None, attempt)
        except statuses.NotFound:
            raise refused from None

    def _stored(self, call: Call, metadata: Fields, verified: Verified) -> Fields:
        """Of what is hidden only what an applier owns is carried over: the rest stays, being somebody else's."""
        stored = self._writing.inward(call, metadata, Verified(verified.uid, "", origins.kept(verified.hidden)))
        if call.info.subresource == "scale":
            stored |= _misplaced(call, metadata)
        return bodies.as_applied(stored, metadata)

    async def _anew(self, call: Call, choice: MediaType, found: Fields, metadata: Fields) -> Response:
        if not text(metadata.get("name")):
            ours = bodies.nameless(call.info.name)
            stored = self._stored(call, metadata, Verified("", "", {}))
            stored = {key: each for key, each in stored.items() if key != "name"} | _named(metadata)
            raise await self._writing.sooner(call, ours, _sending(call, bodies.write(found, stored)))
        await self._authorize(call.principal, replace(call.info, verb="create"))
        return await self._creator.make(call, choice, New(found, metadata, applied=True))


def _named(metadata: Fields) -> Fields:
    """As it came, which is no name."""
    return {key: each for key, each in metadata.items() if key == "name"}


def _misplaced(call: Call, metadata: Fields) -> Fields:
    """The name and the namespace of a Scale that are not the URL's: the API server has words of its own for that."""
    here = {"name": call.info.name, "namespace": call.info.namespace}
    return {key: value for key, value in metadata.items() if key in here and text(value) != here[key]}


def _sending(call: Call, body: bytes) -> Sending:
    return Sending("PATCH", call.path(), "patch", body, bodies.APPLY_PATCH)
