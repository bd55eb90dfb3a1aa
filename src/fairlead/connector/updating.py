"""PUT, and the patches that are not applied; `patching` says which of them take the slow path."""

from typing import Any

from fairlead.connector import answering, bodies, patching, refusing, representing, selecting
from fairlead.connector.mapping import Fields, as_stored, fields, text, without_echo
from fairlead.connector.rewriting import Stored
from fairlead.connector.upstream import Call
from fairlead.connector.verifying import Verified
from fairlead.connector.writing import Sending, Writing, object_type, warning, warns
from fairlead.machinery import encoding, statuses
from fairlead.machinery.messages import Response
from fairlead.machinery.negotiation import MediaType

_NOBODY = Verified("", "", {})
_SLOW_ATTEMPTS = 5


class Updater:
    def __init__(self, writing: Writing) -> None:
        self._writing = writing

    async def update(self, call: Call) -> Response:
        choice = representing.choose(call.request.headers, representing.ONE)
        found, metadata = await self._writing.read(call, await self._object_type(call))
        sending = Sending("PUT", call.path(), "update", bodies.write(found, self._inward(call, metadata, _NOBODY)))
        try:
            bodies.check_place(metadata, call.info.namespace, call.info.name)
            if not call.info.subresource:
                bodies.check_owners(metadata, call.info.name, call.offer.resource.group, call.offer.kind, times=3)
        except statuses.StatusError as ours:
            raise await self._writing.sooner(call, ours, sending) from ours
        cached = self._writing.known.get(call.offer.resource, call.identity)
        if cached and cached.resource_version != text(metadata.get("resourceVersion")):
            cached = None  # what a replacement must carry over is known for the version read only
        try:
            return await self._writing.conditionally(
                call, cached, lambda verified: self._replace(call, choice, found, metadata, verified)
            )
        except statuses.NotFound as ours:
            raise await self._writing.absent(call, ours, sending.body, bodies.JSON) from ours

    async def _object_type(self, call: Call) -> str:
        """Of a replacement the API server reads the options first."""
        try:
            return object_type(call)
        except statuses.UnsupportedMediaType:
            sending = Sending("PUT", call.path(), "update", call.request.body, call.request.headers.get("content-type"))
            await self._check_options(call, sending)
            raise

    async def _replace(
        self, call: Call, choice: MediaType, found: Fields, metadata: Fields, verified: Verified
    ) -> Response:
        body = await self._writing.body(call, found, self._inward(call, metadata, verified), verified)
        return await self._writing.write(call, choice, Sending("PUT", call.path(), "update", body))

    def _inward(self, call: Call, metadata: Fields, verified: Verified) -> Fields:
        known = as_stored(metadata, verified.last_applied, call.identity, call.offer.prefix)
        if text(metadata.get("resourceVersion")) == verified.resource_version:
            known = without_echo(known, verified.managed)
        return self._writing.inward(call, known, verified)

    async def patch(self, call: Call) -> Response:
        """Any but an apply."""
        kind = bodies.media_type(call.request.headers.get("content-type"), bodies.PATCHES)
        choice = representing.choose(call.request.headers, representing.ONE)
        fast = patching.json_fast if kind == bodies.JSON_PATCH else patching.merge_fast
        if "force" in call.request.parameters:
            refused = statuses.Invalid("force may not be specified for a patch that is not applied")
            raise await self._writing.unreadable(call, refused, call.request.body)
        if fast(call.request.body, "") is None:
            await self._check_options(call, Sending("PATCH", call.path(), "patch", call.request.body, kind))
            return await self._patch_slowly(call, choice, kind)

        async def attempt(verified: Verified) -> Response:
            body = fast(call.request.body, verified.uid) or b""
            return await self._writing.write(call, choice, Sending("PATCH", call.path(), "patch", body, kind))

        # A JSON patch whose test fails is answered as any patch that does not apply.
        doubtful = (statuses.Conflict, statuses.Invalid) if kind == bodies.JSON_PATCH else (statuses.Conflict,)
        cached = self._writing.known.get(call.offer.resource, call.identity)
        try:
            return await self._writing.conditionally(call, cached, attempt, doubtful)
        except statuses.NotFound as ours:
            raise await self._writing.absent(call, ours, call.request.body, kind) from ours

    async def _patch_slowly(self, call: Call, choice: MediaType, kind: str) -> Response:
        """Two requests: the patch is carried out on what the app cluster sees, and replaces that version of it."""
        for attempt in range(1, _SLOW_ATTEMPTS + 1):
            seen = await self._before(call, kind)
            try:
                after = patching.slow(kind, call.request.body, seen.body)
            except statuses.BadRequest as ours:
                sending = Sending("PATCH", call.path(), "patch", call.request.body, kind)
                raise await self._writing.sooner(call, ours, sending, readable=False) from ours
            lost = patching.unpatched(kind, call.request.body)
            if lost and call.request.parameters.get("fieldValidation") == "Strict":
                raise patching.invalid(after, statuses.BadRequest(f"strict decoding error: {', '.join(lost)}"))
            told = [warning(each) for each in lost] if warns(call) else []
            found = fields(encoding.to_json(after))
            metadata = fields(found["metadata"])
            await self._check(call, after, found, metadata)
            try:
                return answering.warned(await self._replace(call, choice, found, metadata, Verified.of(seen)), told)
            except statuses.BadRequest as refused:
                raise patching.invalid(after, refused) from refused
            except statuses.Conflict:
                if attempt == _SLOW_ATTEMPTS or patching.pins_version(seen.body, after):
                    raise
        raise AssertionError("the last attempt returns or raises")

    async def _check_options(self, call: Call, sending: Sending) -> None:
        """Before all else, and in the words of the request as it came."""
        if selecting.are_usual(call.request.parameters):
            return
        theirs, _ = await self._writing.refusal(call, sending)
        if theirs and refusing.about_options(theirs):
            raise theirs

    async def _check(self, call: Call, after: dict[str, Any], found: Fields, metadata: Fields) -> None:
        """The patched object, as `update` checks one that was sent."""
        try:
            bodies.check_namespace(metadata, call.info.namespace)
            bodies.check_named(metadata, call.info.name)
            if not call.info.subresource:
                bodies.check_owners(metadata, call.info.name, call.offer.resource.group, call.offer.kind, times=3)
        except statuses.StatusError as ours:
            body = bodies.write(found, self._inward(call, metadata, _NOBODY))
            first = await self._writing.sooner(call, ours, Sending("PUT", call.path(), "update", body))
            undecodable = first is not ours and isinstance(first, statuses.BadRequest)
            raise (patching.invalid(after, first) if undecodable else first) from ours

    async def _before(self, call: Call, kind: str) -> Stored:
        try:
            _, _, body = await self._writing.upstream.send(call, "GET", call.path())
        except statuses.NotFound as ours:
            raise await self._writing.absent(call, ours, call.request.body, kind) from ours
        return await self._writing.reader.seen(call, body)
