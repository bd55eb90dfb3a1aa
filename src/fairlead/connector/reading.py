"""GET: one object, a list, a watch."""

import asyncio
from collections.abc import AsyncIterator

from fairlead.client.errors import ClientError
from fairlead.connector import answering, representing, rewriting, secretnames, selecting
from fairlead.connector.mapping import fields
from fairlead.connector.rewriting import ForeignObjectError, Stored, WatchRewriter
from fairlead.connector.upstream import PARTIAL, Call, Upstream
from fairlead.connector.verifying import Known, Verified
from fairlead.machinery import statuses
from fairlead.machinery.messages import Headers, Response
from fairlead.serving.streams import Held

# Rewriting 100 kB takes a millisecond or so; more is done beside the loop, or watches would wait for lists.
_LARGE = 100_000


class Reader:
    def __init__(self, upstream: Upstream, known: Known) -> None:
        self._upstream = upstream
        self._known = known

    async def get(self, call: Call) -> Response:
        choice = representing.choose(call.request.headers, representing.ONE)
        query = selecting.passed("get", call.request.parameters)
        query |= representing.options(choice, call.request.parameters)
        status, headers, body = await self._upstream.send(
            call, "GET", call.path(), query, accept=representing.accept(choice)
        )
        stored = await self.seen(call, body)
        content_type, shown = representing.encode(choice, stored.body)
        return Response(status, answering.headers(headers, call.names, content_type), shown)

    async def seen(self, call: Call, body: bytes) -> Stored:
        """An answer about the one object of the call. Raises `NotFound` for another's."""
        if call.info.subresource == "scale":
            return await self._seen_scale(call, body)
        try:
            stored = call.rewriter.single(body, call.identity)
        except ForeignObjectError:
            self._known.forget(call.offer.resource, call.identity)
            raise missing(call) from None
        self._known.remember(call.offer.resource, stored)
        return stored

    async def _seen_scale(self, call: Call, body: bytes) -> Stored:
        try:
            stored = rewriting.scale(body, call.identity, call.scope, call.offer.prefix)
        except ForeignObjectError:
            raise missing(call) from None
        verified = self._known.get(call.offer.resource, call.identity)
        if verified is None or verified.uid != stored.uid:
            verified = await self.verify(call)
        if verified.uid != stored.uid:
            raise missing(call)
        return stored

    async def verify(self, call: Call) -> Verified:
        """Reads the object's metadata and compares its labels. Raises `NotFound`, also for another's."""
        self._known.forget(call.offer.resource, call.identity)
        _, _, body = await self._upstream.send(call, "GET", call.path(subresource=False), accept=PARTIAL)
        try:
            stored = call.rewriter.single(body, call.identity)
        except ForeignObjectError:
            raise ForeignNameError(missing(call)) from None
        return self._known.remember(call.offer.resource, stored)

    async def secret(self, call: Call) -> str:
        """The stored name of the connection secret that the object asks for; empty where it asks for none."""
        _, _, body = await self._upstream.send(call, "GET", call.path(subresource=False))
        return secretnames.asked(fields(body))

    async def list(self, call: Call) -> Response:
        choice = representing.choose(call.request.headers, representing.MANY)
        query = collection_query(call, "list") | representing.options(choice, call.request.parameters)
        status, headers, body = await self._upstream.send(
            call, "GET", call.path(), query, accept=representing.accept(choice)
        )
        shown = await rewritten(call, body)
        content_type, shown = representing.encode(choice, shown)
        return Response(status, answering.headers(headers, call.names, content_type), shown)

    async def watch(self, call: Call) -> Response:
        choice = representing.choose(call.request.headers, representing.EVENTS)
        query = collection_query(call, "watch") | representing.options(choice, call.request.parameters)
        chunks = await self._upstream.stream(
            call, call.path(), {**query, "watch": "true"}, accept=representing.accept(choice)
        )
        events = _events(chunks, WatchRewriter(call.rewriter, call.names))
        return Response(200, Headers([("content-type", "application/json")]), Held(events, chunks.aclose))


class ForeignNameError(statuses.NotFound):
    """Behind the hashed name lies an object that is not the caller's: to the caller there is none."""

    def __init__(self, error: statuses.NotFound) -> None:
        super().__init__(error.message, error.details)


def missing(call: Call) -> statuses.NotFound:
    return statuses.not_found(call.offer.resource, call.info.name)


def collection_query(call: Call, verb: str) -> dict[str, str]:
    """Never without the selector that keeps the request to this app cluster."""
    parameters = call.request.parameters
    selecting.check_numbers(parameters)
    selection = selecting.select(
        call.scope,
        call.offer.prefix,
        call.info.namespace,
        parameters.get("labelSelector", ""),
        parameters.get("fieldSelector", ""),
    )
    selecting.check(selection.labels, call.scope, call.info.namespace)
    query = selecting.passed(verb, parameters) | {"labelSelector": selection.labels}
    return query | ({"fieldSelector": selection.fields} if selection.fields else {})


async def rewritten(call: Call, body: bytes) -> bytes:
    if len(body) < _LARGE:
        return call.rewriter.collection(body)
    return await asyncio.to_thread(call.rewriter.collection, body)


async def _events(chunks: AsyncIterator[bytes], rewriter: WatchRewriter) -> AsyncIterator[bytes]:
    """What arrives together leaves together. A control plane that is lost ends the stream cleanly: clients resume."""
    rest = b""
    try:
        async for chunk in chunks:
            *lines, rest = (rest + chunk).split(b"\n")
            shown = b"".join(event for line in lines if line and (event := rewriter.event(line)) is not None)
            if shown:
                yield shown
    except ClientError:
        return
