"""New objects: POST, and an apply to a name that no object has.

The app cluster runs none of its admission for an API that it does not serve itself. What must hold all the same is
checked here, last before the write, and in its order and words: that the namespace is there and stays, that name and
owners are good ones, which the control plane sees mapped, and that the namespace's quotas have room.
"""

from dataclasses import dataclass, replace
from typing import Protocol

from fairlead.connector import bodies, naming, origins, refusing, representing
from fairlead.connector.mapping import Fields, inward, text
from fairlead.connector.namespaces import Namespace
from fairlead.connector.preparing import NAMESPACES
from fairlead.connector.upstream import Call
from fairlead.connector.writing import Sending, Writing, object_type
from fairlead.machinery import statuses
from fairlead.machinery.messages import Response
from fairlead.machinery.negotiation import MediaType
from fairlead.machinery.paths import Resource

_GENERATE_ATTEMPTS = 8


class Namespaces(Protocol):
    async def find(self, name: str) -> Namespace | None:
        """None where the app cluster has no such namespace."""


class Quotas(Protocol):
    """Each raises `Forbidden` where there is no room, and `InternalError` where that cannot be known."""

    async def cover(self, resource: Resource, namespace: str) -> bool:
        """Whether such objects are counted there at all."""

    async def check(self, resource: Resource, name: str, namespace: str) -> None: ...

    async def charge(self, resource: Resource, name: str, namespace: str) -> None: ...


@dataclass(frozen=True)
class New:
    """An object that is to be, as the app cluster sees it, and the kind of request that makes it."""

    found: Fields
    metadata: Fields
    base: str = ""
    """What its name was generated from."""
    applied: bool = False


class Creator:
    def __init__(self, writing: Writing, namespaces: Namespaces, quotas: Quotas | None = None) -> None:
        self._writing = writing
        self._namespaces = namespaces
        self._quotas = quotas

    async def create(self, call: Call) -> Response:
        choice = representing.choose(call.request.headers, representing.ONE)
        found, metadata = await self._writing.read(call, object_type(call))
        name, base = text(metadata.get("name")), text(metadata.get("generateName"))
        if name or not base:
            return await self.make(_named(call, name), choice, New(found, metadata))
        for _ in range(_GENERATE_ATTEMPTS):
            try:
                return await self.make(_named(call, naming.generate(base)), choice, New(found, metadata, base))
            except statuses.AlreadyExists as error:
                last = error
        last.details["retryAfterSeconds"] = 1
        raise statuses.AlreadyExists(
            f"{last.message}, the server was not able to generate a unique name for the object", last.details
        )

    async def make(self, call: Call, choice: MediaType, new: New) -> Response:
        """`call` names the object that is to be, though the request named none. All that creates passes here."""
        try:
            bodies.check_place(new.metadata, call.info.namespace)
            namespace = await self._namespace(call, new.base or call.info.name)
            _check_valid(call, new.metadata)
        except statuses.StatusError as ours:
            raise await self._writing.sooner(call, ours, _sending(call, new)) from ours
        sending = _sending(call, new, namespace.uid)
        await self._count(call, sending)
        # A new object has no use for force: it could only take somebody else's.
        return await self._writing.write(call, choice, sending, leave_out={"force"})

    async def _count(self, call: Call, sending: Sending) -> None:
        """Last before the write, as in the API server: what would be refused anyway must not be charged.

        Only that the object is there already is found out after it. Then nothing is charged, for the same answer.
        """
        resource, namespace = call.offer.resource, call.info.namespace
        if self._quotas is None or not await self._quotas.cover(resource, namespace):
            return
        refused, _ = await self._writing.refusal(call, sending)
        there = isinstance(refused, statuses.AlreadyExists)
        if refused and not there and not refusing.is_about_dry_run(refused):
            raise refused
        rehearsal = there or bool(call.request.parameters.get("dryRun"))
        await (self._quotas.check if rehearsal else self._quotas.charge)(resource, call.info.name, namespace)
        if refused and there:
            raise refused

    async def _namespace(self, call: Call, name: str) -> Namespace:
        """Raises `NotFound` or `Forbidden`, worded as NamespaceLifecycle."""
        namespace = call.info.namespace
        found = await self._namespaces.find(namespace)
        if found is None:
            raise statuses.not_found(NAMESPACES, namespace)
        if found.terminating:
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            refused = statuses.forbidden(call.offer.resource, name, why)
            cause = statuses.cause(
                "metadata.namespace", f"namespace {namespace} is being terminated", "NamespaceTerminating"
            )
            refused.details["causes"] = [cause]
            raise refused
        return found


def _sending(call: Call, new: New, namespace_uid: str = "") -> Sending:
    hidden = origins.marked(namespace_uid)
    stored = inward(new.metadata, call.identity, call.scope, call.offer.prefix, hidden=hidden)
    if new.applied:
        body = bodies.write(new.found, bodies.as_applied(stored, new.metadata))
        return Sending("PATCH", call.path(), "patch", body, bodies.APPLY_PATCH)
    return Sending("POST", call.offer.resource.path(call.scope.namespace), "create", bodies.write(new.found, stored))


def _named(call: Call, name: str) -> Call:
    return replace(call, info=replace(call.info, name=name))


def _check_valid(call: Call, metadata: Fields) -> None:
    """Of a new object what the control plane cannot validate. Raises `Invalid`."""
    bodies.check_new(metadata, call.info.name, call.offer.resource.group, call.offer.kind)
