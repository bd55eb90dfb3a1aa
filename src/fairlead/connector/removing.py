"""DELETE, of one object and of a collection; `deleting` knows those that ask a garbage collector for something."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from fairlead.connector import answering, bodies, deleting, representing
from fairlead.connector.answering import Names
from fairlead.connector.deleting import Finalizing, Wish
from fairlead.connector.reading import collection_query, rewritten
from fairlead.connector.upstream import Call
from fairlead.connector.verifying import Verified
from fairlead.connector.writing import Sending, Writing, status_shown
from fairlead.machinery import encoding, statuses
from fairlead.machinery.messages import Headers, Response
from fairlead.machinery.negotiation import MediaType


class Remover:
    def __init__(self, writing: Writing) -> None:
        self._writing = writing
        self._finalizing = Finalizing(writing.upstream, writing.known)

    async def delete(self, call: Call) -> Response:
        choice = representing.choose(call.request.headers, representing.ONE)
        options = await self._options(call)
        wish = Wish.of(options)
        answer = await self._delete(call, choice, options, wish)
        if not wish.releases or not deleting.lingers_for_a_collector(answer.body):
            return answer
        known = self._writing.known.get(call.offer.resource, call.identity)
        if not await self._finalizing.release(call):
            return answer
        gone = encoding.to_json(deleting.gone(call, known.uid if known else ""))
        content_type, shown = representing.encode(choice, gone)
        return Response(200, Headers([("content-type", content_type)]), shown)

    async def _options(self, call: Call) -> dict[str, Any]:
        try:
            return delete_options(call)
        except statuses.BadRequest as ours:
            raise await self._writing.unreadable(call, ours, call.request.body) from ours

    async def _delete(self, call: Call, choice: MediaType, options: Mapping[str, Any], wish: Wish) -> Response:
        if wish.holds:
            await self._finalizing.hold(call, options, wish.policy)
            options = deleting.without_policy(options)
        read = deleting.rehearsed if wish.dry_run else bytes

        async def attempt(verified: Verified) -> Response:
            preconditions = {"uid": verified.uid} | dict(options.get("preconditions") or {})
            body = encoding.to_json({**options, "preconditions": preconditions})
            return await self._writing.write(call, choice, Sending("DELETE", call.path(), "delete", body), read=read)

        cached = self._writing.known.get(call.offer.resource, call.identity)
        try:
            return await self._writing.conditionally(call, cached, attempt)
        except statuses.NotFound as ours:
            body = encoding.to_json({**options, "dryRun": options.get("dryRun") or ["All"]})
            raise await self._writing.absent(call, ours, body, bodies.JSON) from ours

    async def delete_collection(self, call: Call) -> Response:
        choice = representing.choose(call.request.headers, representing.MANY)
        if call.request.body:
            bodies.media_type(call.request.headers.get("content-type"), (bodies.JSON, bodies.YAML))
        selection = collection_query(call, "deletecollection")
        query = selection | representing.options(choice, call.request.parameters)
        options = await self._options(call)
        wish = Wish.of(options)
        each_by_itself = await self._finalizing.calls(call, selection) if wish.holds else []
        try:
            status, headers, body = await self._writing.upstream.send(
                call,
                "GET" if wish.holds else "DELETE",
                call.path(),
                query,
                accept=representing.accept(choice),
                body=b"" if wish.holds else call.request.body,
                content_type=call.request.headers.get("content-type") if call.request.body and not wish.holds else "",
                names=_AsStored(call.scope, call.offer.prefix, None, call.info.namespace),
            )
        except statuses.StatusError as refused:
            raise await self._translated(call, selection, refused) from None
        for one in each_by_itself:
            with suppress(statuses.NotFound):
                await self._delete(one, representing.ONE[0], options, wish)
        if wish.releases and deleting.is_marked(body):
            for one in await self._finalizing.calls(call, selection):
                await self._finalizing.release(one)
        shown = status_shown(call, body) or await rewritten(call, body)
        content_type, shown = representing.encode(choice, shown)
        return Response(status, answering.headers(headers, call.names, content_type), shown)

    async def _translated(
        self, call: Call, selection: Mapping[str, str], refused: statuses.StatusError
    ) -> statuses.StatusError:
        """A refusal may be about one object of the collection; one more request tells which."""
        names, stored = call.names, refused.details.get("name")
        if stored:
            with suppress(statuses.StatusError):
                every = await self._finalizing.calls(call, selection)
                names = next((one.names for one in every if one.names.backend == stored), names)
        shown = statuses.from_object(answering.rewrite_status(refused.to_object(), names), refused.status_code)
        shown.warnings = tuple(map(names.text, refused.warnings))
        return shown


class _AsStored(Names):
    """Translates nothing yet: whose the object of a sentence is has to be found out first."""

    def text(self, sentence: str) -> str:
        return sentence


def delete_options(call: Call) -> dict[str, Any]:
    """Of the body, or of the query where there is none, as the API server reads them. Raises `BadRequest`."""
    if call.request.body:
        kind = bodies.media_type(call.request.headers.get("content-type"), (bodies.JSON, bodies.YAML))
        if call.request.body.strip() == b"null":  # as Go reads it into a struct
            return {}
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
