"""What all writes have in common: the body that is read, the uid that a write is conditional on, the answer.

A write to an existing object is made conditional on the uid of the object whose labels were compared. Where that uid
was remembered and is refused, the object is read again: had it been replaced, the write is tried once on the new one,
which is what a server that stores the object itself would have done. A refusal leaves nothing written.

Who refuses first matters as well. What is checked here, because the control plane cannot see it, may come after
something that it refuses; it is then asked by a dry run, and `refusing` says which of the two the caller gets.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fairlead.connector import answering, bodies, refusing, representing, secretnames, selecting
from fairlead.connector.mapping import Fields, fields, inward, raw, text
from fairlead.connector.reading import ForeignNameError, Reader
from fairlead.connector.rewriting import is_status
from fairlead.connector.upstream import Call, Upstream
from fairlead.connector.verifying import Known, Verified
from fairlead.machinery import encoding, statuses
from fairlead.machinery.messages import Response
from fairlead.machinery.negotiation import MediaType

Attempt = Callable[[Verified], Awaitable[Response]]

_REPLACED = "the object was replaced by another of the same name; please try again"


@dataclass(frozen=True)
class Sending:
    """A write as the control plane is to get it."""

    method: str
    path: str
    verb: str
    """Whose options travel."""
    body: bytes
    content_type: str = bodies.JSON


@dataclass(frozen=True)
class Writing:
    upstream: Upstream
    known: Known
    reader: Reader

    # -- what arrives --------------------------------------------------------------------------------------------------

    async def read(self, call: Call, kind: str) -> tuple[Fields, Fields]:
        """The object of the request and its metadata, in both of which all is readable that is mapped.

        Raises `StatusError`, in the words of the control plane where it cannot read the body either.
        """
        try:
            found = bodies.read(call.request.body, kind)
            metadata = bodies.metadata_of(found)
            inward(metadata, call.identity, call.scope, call.offer.prefix)
            bodies.check_typed(found)
        except statuses.BadRequest as ours:
            raise await self.unreadable(call, ours, call.request.body) from ours
        if call.request.parameters.get("fieldValidation") == "Strict" and bodies.duplicates(call.request.body):
            twice = statuses.BadRequest("strict decoding error: a field occurs twice")
            raise await self.unreadable(call, twice, call.request.body)
        return found, metadata

    def inward(self, call: Call, metadata: Fields, verified: Verified) -> Fields:
        if call.info.subresource == "scale":
            uid = {} if text(metadata.get("uid")) or not verified.uid else {"uid": raw(verified.uid)}
            name, namespace = call.identity.backend(call.offer.prefix), call.scope.namespace
            return {**metadata, "name": raw(name), "namespace": raw(namespace), **uid}
        return inward(metadata, call.identity, call.scope, call.offer.prefix, uid=verified.uid, hidden=verified.hidden)

    async def body(self, call: Call, found: Fields, stored: Fields, verified: Verified) -> bytes:
        """Of a change. Whether an object that came without the original name keeps it takes one more request."""
        takes_a_look = secretnames.asked(found) and not verified.names_secret
        return bodies.write(found, stored, await self.reader.secret(call) if takes_a_look else "")

    # -- who refuses first ---------------------------------------------------------------------------------------------

    async def unreadable(self, call: Call, ours: statuses.StatusError, body: bytes) -> statuses.StatusError:
        """Asked about a name that no object can have, but for patches, which concern the object from the start."""
        method, verb, path = call.request.method, call.info.verb, call.offer.resource.path(call.scope.namespace)
        if method == "PATCH":
            path = call.path()
        elif verb != "create":
            path = call.offer.resource.path(call.scope.namespace, "-", call.info.subresource or None)
            verb = verb if verb != "deletecollection" else "delete"
        sending = Sending(method, path, verb, body, call.request.headers.get("content-type"))
        return await self.sooner(call, ours, sending, readable=False, concerns=method == "PATCH")

    async def sooner(
        self,
        call: Call,
        ours: statuses.StatusError,
        sending: Sending,
        *,
        readable: bool = True,
        concerns: bool = False,
    ) -> statuses.StatusError:
        theirs, warned = await self.refusal(call, sending)
        if theirs is None or (first := refusing.sooner(ours, theirs, readable=readable, concerns=concerns)) is ours:
            ours.warnings = warned
            return ours
        return first

    async def absent(self, call: Call, ours: statuses.NotFound, body: bytes, kind: str) -> statuses.StatusError:
        """What comes before it that there is no such object; another's object is not asked about."""
        if isinstance(ours, ForeignNameError):
            return ours
        theirs, _ = await self.refusal(call, Sending(call.request.method, call.path(), call.info.verb, body, kind))
        return refusing.absent(ours, theirs) if theirs else ours

    async def refusal(self, call: Call, sending: Sending) -> tuple[statuses.StatusError | None, tuple[str, ...]]:
        """What the control plane says to a dry run, and what it warns about."""
        query = selecting.passed(sending.verb, call.request.parameters)
        query["dryRun"] = query.get("dryRun") or "All"
        try:
            _, headers, _ = await self.upstream.send(
                call, sending.method, sending.path, query, body=sending.body, content_type=sending.content_type
            )
        except statuses.StatusError as theirs:
            return theirs, theirs.warnings
        return None, tuple(map(call.names.text, headers.all("warning")))

    # -- what is sent --------------------------------------------------------------------------------------------------

    async def conditionally(
        self,
        call: Call,
        cached: Verified | None,
        attempt: Attempt,
        doubtful: tuple[type[statuses.StatusError], ...] = (statuses.Conflict,),
    ) -> Response:
        """`doubtful` are the refusals that may mean that the object behind the name is another one by now."""
        verified = cached or await self.reader.verify(call)
        try:
            return await attempt(verified)
        except statuses.StatusError as refused:
            if not isinstance(refused, doubtful) and not refusing.about_uid(refused):
                raise
            if cached is None and isinstance(refused, statuses.Conflict):
                raise
            again = await self.reader.verify(call)
            if again.uid == verified.uid:
                raise
            if cached is None:
                raise statuses.conflict(call.offer.resource, call.info.name, _REPLACED) from refused
        return await attempt(again)

    async def write(
        self,
        call: Call,
        choice: MediaType,
        sending: Sending,
        *,
        leave_out: set[str] | None = None,
        read: Callable[[bytes], bytes] = bytes,
    ) -> Response:
        query = selecting.passed(sending.verb, call.request.parameters, leave_out or ())
        query |= representing.options(choice, call.request.parameters)
        status, headers, answer = await self.upstream.send(
            call,
            sending.method,
            sending.path,
            query,
            accept=representing.accept(choice),
            body=sending.body,
            content_type=sending.content_type,
        )
        shown = status_shown(call, answer)
        if shown is not None:
            self.known.forget(call.offer.resource, call.identity)
        else:
            shown = (await self.reader.seen(call, read(answer))).body
        answer_type, shown = representing.encode(choice, shown)
        return Response(status, answering.headers(headers, call.names, answer_type), shown)


def status_shown(call: Call, body: bytes) -> bytes | None:
    """A Status with its names mapped; None for anything else."""
    if not is_status(fields(body)):
        return None
    return encoding.to_json(answering.rewrite_status(encoding.from_json(body), call.names))


def object_type(call: Call) -> str:
    """JSON or YAML. Raises `UnsupportedMediaType`."""
    return bodies.media_type(call.request.headers.get("content-type"), (bodies.JSON, bodies.YAML))


def warnings(call: Call) -> list[str]:
    """About what was lost when the body was mapped; the control plane warns about the rest."""
    patches = call.request.method == "PATCH" and not call.request.headers.get("content-type").startswith(
        "application/a"
    )
    if patches or not warns(call):
        return []
    return [warning(f'duplicate field "{each}"') for each in bodies.duplicates(call.request.body)]


def is_read_before(refused: statuses.StatusError, call: Call) -> bool:
    """Whether the API server has read the body for what is lost, when it refuses for this reason."""
    if isinstance(refused, statuses.NotAcceptable | statuses.UnsupportedMediaType) or refusing.about_options(refused):
        return False
    if call.request.method != "PATCH":
        return True
    # When a configuration has been applied, and before the outcome is validated.
    return isinstance(refused, statuses.Invalid) or refused.details.get("kind") == "namespaces"


def warns(call: Call) -> bool:
    return call.request.parameters.get("fieldValidation", "Warn") in ("", "Warn")


def warning(text: str) -> str:
    """The value of a header."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{quoted}"'
