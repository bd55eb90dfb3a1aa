"""POST, PUT, PATCH, DELETE.

A write to an existing object is made conditional on the uid of the object whose labels were compared. Where that uid
was remembered and is refused, the object is read again: had it been replaced, the write is tried once on the new one,
which is what a server that stores the object itself would have done. A refusal leaves nothing written.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol

from fairlead.connector import (
    answering,
    bodies,
    deleting,
    naming,
    patching,
    refusing,
    representing,
    secretnames,
    selecting,
)
from fairlead.connector.deleting import Finalizing, Wish
from fairlead.connector.mapping import Fields, as_stored, fields, inward, last_applied, raw, text
from fairlead.connector.reading import ForeignNameError, Reader, collection_query, rewritten
from fairlead.connector.rewriting import Stored, is_status
from fairlead.connector.upstream import Call, Upstream
from fairlead.connector.verifying import Known, Verified
from fairlead.machinery import encoding, statuses
from fairlead.machinery.messages import Headers, Response
from fairlead.machinery.negotiation import MediaType
from fairlead.machinery.paths import RequestInfo, Resource
from fairlead.machinery.principals import Principal

Attempt = Callable[[Verified], Awaitable[Response]]
Authorize = Callable[[Principal, RequestInfo], Awaitable[None]]
"""Raises `statuses.Forbidden`."""

_NAMESPACES = Resource("", "v1", "namespaces", namespaced=False)
_NOBODY = Verified("", "", {})
_GENERATE_ATTEMPTS = 8
_SLOW_ATTEMPTS = 5
_REPLACED = "the object was replaced by another of the same name; please try again"


class Namespaces(Protocol):
    async def phase(self, name: str) -> str | None:
        """`Active`, `Terminating`, or None where the app cluster has no such namespace."""


class Writer:
    def __init__(
        self, upstream: Upstream, known: Known, reader: Reader, namespaces: Namespaces, authorize: Authorize
    ) -> None:
        self._upstream = upstream
        self._known = known
        self._reader = reader
        self._namespaces = namespaces
        self._authorize = authorize
        self._finalizing = Finalizing(upstream, known)

    # -- create --------------------------------------------------------------------------------------------------------

    async def create(self, call: Call) -> Response:
        choice = representing.choose(call.request.headers, representing.ONE)
        found, metadata = await self._read(call, _object_type(call))
        name, base = text(metadata.get("name")), text(metadata.get("generateName"))
        if name or not base:
            return await self._create_as(_named(call, name), choice, found, metadata)
        for _ in range(_GENERATE_ATTEMPTS):
            try:
                return await self._create_as(_named(call, naming.generate(base)), choice, found, metadata, base)
            except statuses.AlreadyExists as error:
                last = error
        last.details["retryAfterSeconds"] = 1
        raise statuses.AlreadyExists(
            f"{last.message}, the server was not able to generate a unique name for the object", last.details
        )

    async def _create_as(
        self, call: Call, choice: MediaType, found: Fields, metadata: Fields, base: str = ""
    ) -> Response:
        """`call` names the object that is to be, though the request named none, or named only its `base`."""
        stored = inward(metadata, call.identity, call.scope, call.offer.prefix)
        path, body = call.offer.resource.path(call.scope.namespace), bodies.write(found, stored)
        try:
            bodies.check_place(metadata, call.info.namespace)
            await self._check_namespace(call, base or call.info.name)
            _check_valid(call, metadata)
        except statuses.StatusError as ours:
            theirs = await self._refusal(call, "POST", path, "create", body, bodies.JSON)
            raise (refusing.sooner(ours, theirs, readable=True) if theirs else ours) from ours
        return await self._write(call, choice, "POST", path, "create", body, bodies.JSON)

    async def _read(self, call: Call, kind: str) -> tuple[Fields, Fields]:
        """The object of the request and its metadata, in both of which all is readable that is mapped.

        Raises `StatusError`, in the words of the control plane where it cannot read the body either.
        """
        try:
            found = bodies.read(call.request.body, kind)
            metadata = bodies.metadata_of(found)
            inward(metadata, call.identity, call.scope, call.offer.prefix)
            bodies.check_typed(found)
        except statuses.BadRequest as ours:
            raise await self._unreadable(call, ours, call.request.body) from ours
        if call.request.parameters.get("fieldValidation") == "Strict" and bodies.duplicates(call.request.body):
            twice = statuses.BadRequest("strict decoding error: a field occurs twice")
            raise await self._unreadable(call, twice, call.request.body)
        return found, metadata

    async def _unreadable(self, call: Call, ours: statuses.StatusError, body: bytes) -> statuses.StatusError:
        """Asked about a name that no object can have, but for patches, which concern the object from the start."""
        method, verb, path = call.request.method, call.info.verb, call.offer.resource.path(call.scope.namespace)
        if method == "PATCH":
            path = call.path()
        elif verb != "create":
            path = call.offer.resource.path(call.scope.namespace, "-", call.info.subresource or None)
            verb = verb if verb != "deletecollection" else "delete"
        theirs = await self._refusal(call, method, path, verb, body, call.request.headers.get("content-type"))
        return refusing.sooner(ours, theirs, readable=False, concerns=method == "PATCH") if theirs else ours

    async def _refusal(
        self, call: Call, method: str, path: str, verb: str, body: bytes, content_type: str
    ) -> statuses.StatusError | None:
        """What the control plane says to a dry run."""
        query = selecting.passed(verb, call.request.parameters)
        query["dryRun"] = query.get("dryRun") or "All"
        try:
            await self._upstream.send(call, method, path, query, body=body, content_type=content_type)
        except statuses.StatusError as theirs:
            return theirs
        return None

    async def _check_namespace(self, call: Call, name: str) -> None:
        """The app cluster runs no admission for us. Raises `NotFound` or `Forbidden`, worded as NamespaceLifecycle."""
        namespace = call.info.namespace
        phase = await self._namespaces.phase(namespace)
        if phase is None:
            raise statuses.not_found(_NAMESPACES, namespace)
        if phase == "Terminating":
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            refused = statuses.forbidden(call.offer.resource, name, why)
            cause = statuses.cause(
                "metadata.namespace", f"namespace {namespace} is being terminated", "NamespaceTerminating"
            )
            refused.details["causes"] = [cause]
            raise refused

    # -- update --------------------------------------------------------------------------------------------------------

    async def update(self, call: Call) -> Response:
        choice = representing.choose(call.request.headers, representing.ONE)
        found, metadata = await self._read(call, _object_type(call))
        body = bodies.write(found, self._inward(call, metadata, _NOBODY))
        try:
            bodies.check_place(metadata, call.info.namespace, call.info.name)
            if not call.info.subresource:
                bodies.check_owners(metadata, call.info.name, call.offer.resource.group, call.offer.kind)
        except statuses.StatusError as ours:
            theirs = await self._refusal(call, "PUT", call.path(), "update", body, bodies.JSON)
            raise (refusing.sooner(ours, theirs, readable=True) if theirs else ours) from ours
        cached = self._known.get(call.offer.resource, call.identity)
        if cached and cached.resource_version != text(metadata.get("resourceVersion")):
            cached = None  # what a replacement must carry over is known for the version read only
        try:
            return await self._conditionally(
                call, cached, lambda verified: self._replace(call, choice, found, metadata, verified)
            )
        except statuses.NotFound as ours:
            raise await self._absent(call, ours, body, bodies.JSON) from ours

    async def _absent(
        self, call: Call, ours: statuses.NotFound, body: bytes, content_type: str
    ) -> statuses.StatusError:
        """What comes before it that there is no such object; another's object is not asked about."""
        if isinstance(ours, ForeignNameError):
            return ours
        theirs = await self._refusal(call, call.request.method, call.path(), call.info.verb, body, content_type)
        return refusing.absent(ours, theirs) if theirs else ours

    async def _replace(
        self, call: Call, choice: MediaType, found: Fields, metadata: Fields, verified: Verified
    ) -> Response:
        body = await self._body(call, found, self._inward(call, metadata, verified), verified)
        return await self._write(call, choice, "PUT", call.path(), "update", body, bodies.JSON)

    def _inward(self, call: Call, metadata: Fields, verified: Verified) -> Fields:
        if call.info.subresource == "scale":
            uid = {} if text(metadata.get("uid")) or not verified.uid else {"uid": raw(verified.uid)}
            name, namespace = call.identity.backend(call.offer.prefix), call.scope.namespace
            return {**metadata, "name": raw(name), "namespace": raw(namespace), **uid}
        return inward(metadata, call.identity, call.scope, call.offer.prefix, uid=verified.uid, hidden=verified.hidden)

    # -- patch ---------------------------------------------------------------------------------------------------------

    async def patch(self, call: Call) -> Response:
        kind = bodies.media_type(call.request.headers.get("content-type"), bodies.PATCHES)
        choice = representing.choose(call.request.headers, representing.ONE)
        if kind == bodies.APPLY_PATCH:
            return await self._apply(call, choice)
        fast = patching.json_fast if kind == bodies.JSON_PATCH else patching.merge_fast
        if "force" in call.request.parameters:
            refused = statuses.Invalid("force may not be specified for a patch that is not applied")
            raise await self._unreadable(call, refused, call.request.body)
        if fast(call.request.body, "") is None:
            return await self._patch_slowly(call, choice, kind)

        async def attempt(verified: Verified) -> Response:
            body = fast(call.request.body, verified.uid) or b""
            return await self._write(call, choice, "PATCH", call.path(), "patch", body, kind)

        # A JSON patch whose test fails is answered as any patch that does not apply.
        doubtful = (statuses.Conflict, statuses.Invalid) if kind == bodies.JSON_PATCH else (statuses.Conflict,)
        cached = self._known.get(call.offer.resource, call.identity)
        try:
            return await self._conditionally(call, cached, attempt, doubtful)
        except statuses.NotFound as ours:
            raise await self._absent(call, ours, call.request.body, kind) from ours

    async def _patch_slowly(self, call: Call, choice: MediaType, kind: str) -> Response:
        """Two requests: the patch is carried out on what the app cluster sees, and replaces that version of it."""
        for attempt in range(1, _SLOW_ATTEMPTS + 1):
            seen = await self._before(call, kind)
            try:
                after = patching.slow(kind, call.request.body, seen.body)
                patching.check_place(after, call.identity)
            except statuses.BadRequest as ours:
                theirs = await self._refusal(call, "PATCH", call.path(), "patch", call.request.body, kind)
                raise (refusing.sooner(ours, theirs, readable=False) if theirs else ours) from ours
            found = fields(encoding.to_json(after))
            if not call.info.subresource:
                metadata = fields(found["metadata"])
                bodies.check_owners(metadata, call.info.name, call.offer.resource.group, call.offer.kind)
            try:
                return await self._replace(call, choice, found, fields(found["metadata"]), Verified.of(seen))
            except statuses.BadRequest as refused:
                raise patching.invalid(after, refused) from refused
            except statuses.Conflict:
                if attempt == _SLOW_ATTEMPTS or patching.pins_version(seen.body, after):
                    raise
        raise AssertionError("the last attempt returns or raises")

    async def _before(self, call: Call, kind: str) -> Stored:
        try:
            _, _, body = await self._upstream.send(call, "GET", call.path())
        except statuses.NotFound as ours:
            raise await self._absent(call, ours, call.request.body, kind) from ours
        return await self._reader.seen(call, body)

    async def _apply(self, call: Call, choice: MediaType) -> Response:
        found, metadata = await self._read(call, bodies.YAML)
        named = metadata if text(metadata.get("name")) else {**metadata, "name": raw(call.info.name)}
        try:
            bodies.check_place(named, call.info.namespace, call.info.name)
            bodies.check_owners(metadata, call.info.name, call.offer.resource.group, call.offer.kind)
        except statuses.StatusError as ours:
            stored = bodies.write(found, self._applied(call, metadata, ""))
            theirs = await self._refusal(call, "PATCH", call.path(), "patch", stored, bodies.APPLY_PATCH)
            raise (refusing.sooner(ours, theirs, readable=True) if theirs else ours) from ours

        async def attempt(verified: Verified) -> Response:
            known = as_stored(metadata, verified.last_applied, call.identity, call.offer.prefix)
            body = await self._body(call, found, self._applied(call, known, verified.uid), verified)
            return await self._write(call, choice, "PATCH", call.path(), "patch", body, bodies.APPLY_PATCH)

        takes_over = last_applied(metadata) is not None
        cached = None if takes_over else self._known.get(call.offer.resource, call.identity)
        try:
            return await self._conditionally(call, cached, attempt)
        except ForeignNameError:
            raise statuses.conflict(
                call.offer.resource, call.info.name, "the control plane holds another object in its place"
            ) from None
        except statuses.NotFound as ours:
            if call.info.subresource:
                raise await self._absent(call, ours, call.request.body, bodies.APPLY_PATCH) from ours
        try:
            return await self._apply_anew(call, choice, found, metadata)
        except statuses.Conflict as refused:
            return await self._apply_after_all(call, attempt, refused)

    async def _apply_after_all(self, call: Call, attempt: Attempt, refused: statuses.Conflict) -> Response:
        """For an object that somebody else created meanwhile; else the refusal was about the configuration."""
        try:
            return await self._conditionally(call, None, attempt)
        except statuses.NotFound:
            raise refused from None

    def _applied(self, call: Call, metadata: Fields, uid: str) -> Fields:
        if call.info.subresource == "scale":
            return self._inward(call, metadata, Verified(uid, "", {}))
        return inward(metadata, call.identity, call.scope, call.offer.prefix, uid=uid)

    async def _apply_anew(self, call: Call, choice: MediaType, found: Fields, metadata: Fields) -> Response:
        """Creates. Without force, which a new object has no use for: it could only take somebody else's."""
        if not text(metadata.get("name")):
            raise bodies.nameless(call.info.name)
        await self._authorize(call.principal, replace(call.info, verb="create"))
        body = bodies.write(found, self._applied(call, metadata, ""))
        try:
            await self._check_namespace(call, call.info.name)
            _check_valid(call, metadata)
        except statuses.StatusError as ours:
            theirs = await self._refusal(call, "PATCH", call.path(), "patch", body, bodies.APPLY_PATCH)
            raise (refusing.sooner(ours, theirs, readable=True) if theirs else ours) from ours
        return await self._write(call, choice, "PATCH", call.path(), "patch", body, bodies.APPLY_PATCH, {"force"})

    # -- delete --------------------------------------------------------------------------------------------------------

    async def delete(self, call: Call) -> Response:
        choice = representing.choose(call.request.headers, representing.ONE)
        options = await self._options(call)
        wish = Wish.of(options)
        answer = await self._delete(call, choice, options, wish)
        if not wish.releases or not deleting.lingers_for_a_collector(answer.body):
            return answer
        known = self._known.get(call.offer.resource, call.identity)
        if not await self._finalizing.release(call):
            return answer
        gone = encoding.to_json(deleting.gone(call, known.uid if known else ""))
        content_type, shown = representing.encode(choice, gone)
        return Response(200, Headers([("content-type", content_type)]), shown)

    async def _options(self, call: Call) -> dict[str, Any]:
        try:
            return _delete_options(call)
        except statuses.BadRequest as ours:
            raise await self._unreadable(call, ours, call.request.body) from ours

    async def _delete(self, call: Call, choice: MediaType, options: Mapping[str, Any], wish: Wish) -> Response:
        if wish.holds:
            await self._finalizing.hold(call, options, wish.policy)
            options = deleting.without_policy(options)
        read = deleting.rehearsed if wish.dry_run else bytes

        async def attempt(verified: Verified) -> Response:
            preconditions = {"uid": verified.uid} | dict(options.get("preconditions") or {})
            body = encoding.to_json({**options, "preconditions": preconditions})
            return await self._write(call, choice, "DELETE", call.path(), "delete", body, bodies.JSON, read=read)

        try:
            return await self._conditionally(call, self._known.get(call.offer.resource, call.identity), attempt)
        except statuses.NotFound as ours:
            body = encoding.to_json({**options, "dryRun": options.get("dryRun") or ["All"]})
            raise await self._absent(call, ours, body, bodies.JSON) from ours

    async def delete_collection(self, call: Call) -> Response:
        choice = representing.choose(call.request.headers, representing.MANY)
        if call.request.body:
            bodies.media_type(call.request.headers.get("content-type"), (bodies.JSON, bodies.YAML))
        selection = collection_query(call, "deletecollection")
        query = selection | representing.options(choice, call.request.parameters)
        options = await self._options(call)
        wish = Wish.of(options)
        each_by_itself = await self._finalizing.calls(call, selection) if wish.holds else []
        status, headers, body = await self._upstream.send(
            call,
            "GET" if wish.holds else "DELETE",
            call.path(),
            query,
            accept=representing.accept(choice),
            body=b"" if wish.holds else call.request.body,
            content_type=call.request.headers.get("content-type") if call.request.body and not wish.holds else "",
        )
        for one in each_by_itself:
            with suppress(statuses.NotFound):
                await self._delete(one, representing.ONE[0], options, wish)
        if wish.releases and deleting.is_marked(body):
            for one in await self._finalizing.calls(call, selection):
                await self._finalizing.release(one)
        shown = self._status(call, body) or await rewritten(call, body)
        content_type, shown = representing.encode(choice, shown)
        return Response(status, answering.headers(headers, call.names, content_type), shown)

    async def _body(self, call: Call, found: Fields, stored: Fields, verified: Verified) -> bytes:
        """Of a change. Whether an object that came without the original name keeps it takes one more request."""
        takes_a_look = secretnames.asked(found) and not verified.names_secret
        return bodies.write(found, stored, await self._reader.secret(call) if takes_a_look else "")

    # -- shared --------------------------------------------------------------------------------------------------------

    async def _conditionally(
        self,
        call: Call,
        cached: Verified | None,
        attempt: Attempt,
        doubtful: tuple[type[statuses.StatusError], ...] = (statuses.Conflict,),
    ) -> Response:
        """`doubtful` are the refusals that may mean that the object behind the name is another one by now."""
        verified = cached or await self._reader.verify(call)
        try:
            return await attempt(verified)
        except doubtful as refused:
            if cached is None and isinstance(refused, statuses.Conflict):
                raise
            again = await self._reader.verify(call)
            if again.uid == verified.uid:
                raise
            if cached is None:
                raise statuses.conflict(call.offer.resource, call.info.name, _REPLACED) from refused
        return await attempt(again)

    async def _write(
        self,
        call: Call,
        choice: MediaType,
        method: str,
        path: str,
        verb: str,
        body: bytes,
        content_type: str,
        leave_out: set[str] | None = None,
        read: Callable[[bytes], bytes] = bytes,
    ) -> Response:
        query = selecting.passed(verb, call.request.parameters, leave_out or ())
        query |= representing.options(choice, call.request.parameters)
        status, headers, answer = await self._upstream.send(
            call, method, path, query, accept=representing.accept(choice), body=body, content_type=content_type
        )
        shown = self._status(call, answer)
        if shown is not None:
            self._known.forget(call.offer.resource, call.identity)
        else:
            shown = (await self._reader.seen(call, read(answer))).body
        answer_type, shown = representing.encode(choice, shown)
        return Response(status, answering.headers(headers, call.names, answer_type), shown)

    def _status(self, call: Call, body: bytes) -> bytes | None:
        """A Status with its names mapped; None for anything else."""
        if not is_status(fields(body)):
            return None
        return encoding.to_json(answering.rewrite_status(encoding.from_json(body), call.names))


def _object_type(call: Call) -> str:
    return bodies.media_type(call.request.headers.get("content-type"), (bodies.JSON, bodies.YAML))


def _check_valid(call: Call, metadata: Fields) -> None:
    """Of a new object what the control plane cannot validate. Raises `Invalid`."""
    bodies.check_name(call.info.name, call.offer.resource.group, call.offer.kind)
    bodies.check_owners(metadata, call.info.name, call.offer.resource.group, call.offer.kind)


def warnings(call: Call) -> list[str]:
    """About what was lost when the body was mapped; the control plane warns about the rest."""
    patches = call.request.method == "PATCH" and not call.request.headers.get("content-type").startswith(
        "application/a"
    )
    if patches or call.request.parameters.get("fieldValidation", "Warn") not in ("", "Warn"):
        return []
    return [f'299 - "duplicate field \\"{each}\\""' for each in bodies.duplicates(call.request.body)]


def _named(call: Call, name: str) -> Call:
    return replace(call, info=replace(call.info, name=name))


def _delete_options(call: Call) -> dict[str, Any]:
    """Of the body, or of the query where there is none, as the API server reads them. Raises `BadRequest`."""
    if call.request.body:
        kind = bodies.media_type(call.request.headers.get("content-type"), (bodies.JSON, bodies.YAML))
        options: dict[str, Any] = encoding.from_json(encoding.to_json(bodies.read(call.request.body, kind)))
        return options
    return {"kind": "DeleteOptions", "apiVersion": "v1"} | _from_query(call.request.parameters)


def _from_query(parameters: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "dryRun" in parameters:
        found["dryRun"] = [parameters["dryRun"]]
    if "propagationPolicy" in parameters:
        found["propagationPolicy"] = parameters["propagationPolicy"]
    if "orphanDependents" in parameters:
        found["orphanDependents"] = parameters["orphanDependents"].lower() not in ("0", "false")
    if "gracePeriodSeconds" in parameters:
        try:
            found["gracePeriodSeconds"] = int(parameters["gracePeriodSeconds"])
        except ValueError as error:
            why = f'strconv.ParseInt: parsing "{parameters["gracePeriodSeconds"]}": invalid syntax'
            raise statuses.BadRequest(why) from error
    return found
