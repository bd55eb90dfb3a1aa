"""A `Handler` as an ASGI application, without a framework: messages in, one `Request`; one `Response`, messages out.

What an API server owes its clients at this level is here: bodies are bounded, the headers of a stream leave at once, a
stream ends the moment its reader has gone (even while it waits for its next item) and ends cleanly when the server
drains, and an answer that broke in the middle is cut off rather than finished, so that nobody takes it for whole.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from email.utils import formatdate
from typing import Any
from urllib.parse import unquote

from fairlead.machinery import encoding, statuses
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.messages import Handler, Headers, Request, Response
from fairlead.machinery.paths import SegmentError
from fairlead.serving.peers import CONNECTION, PEER_CERTIFICATE

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApplication = Callable[[Message, Receive, Send], Awaitable[None]]

_log = logging.getLogger(__name__)
# Of a body that is too large, so much is read and thrown away before the answer: a client that is still writing when
# the connection closes never sees the 413.
_DISCARDED = 4
_BODILESS = (204, 304)


class Application:
    def __init__(self, handler: Handler, max_body: int) -> None:
        self._handler = handler
        self._max_body = max_body
        self._streams: set[asyncio.Task[None]] = set()
        self._draining = False

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        headers = _headers(scope)
        try:
            body = await _read(headers, receive, self._max_body)
        except _Gone:
            return
        except statuses.TooLarge as error:
            await _answer(_failure(error, close=True), _body(error), scope, send)
            return
        response = await self._respond(_request(scope, headers, body))
        if isinstance(response.body, bytes):
            await _answer(response, response.body, scope, send)
        else:
            await self._stream(response, response.body, scope, receive, send)

    def end_streams(self) -> None:
        """Every stream, running or to come, ends as if its source had run dry."""
        self._draining = True
        for each in self._streams:
            each.cancel()

    async def _respond(self, request: Request) -> Response:
        try:
            return await self._handler(request)
        except statuses.StatusError as error:
            return _failure(error)
        except SegmentError as error:
            return _failure(statuses.BadRequest(f"{error.what}: {error.why}"))
        except FairleadError as error:
            _log.error("%s %s: %s", request.method, request.path, error)
            return _failure(_hidden())
        except Exception:
            _log.exception("%s %s failed", request.method, request.path)
            return _failure(_hidden())

    async def _stream(
        self, response: Response, chunks: AsyncIterator[bytes], scope: Message, receive: Receive, send: Send
    ) -> None:
        try:
            await send(_start(response.status, response.headers))
        except BaseException:
            await _close(chunks)
            raise
        pump = asyncio.ensure_future(_pump(chunks, send, wanted=scope["method"] != "HEAD" and not self._draining))
        gone = asyncio.ensure_future(_disconnected(receive))
        self._streams.add(pump)
        try:
            await asyncio.wait({pump, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._streams.discard(pump)
            reader_left = gone.done()
            failure = await _finish(pump, chunks)
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
        if reader_left:
            return
        if failure is None:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        _log.error("%s %s broke off: %s", scope["method"], scope["path"], failure, exc_info=_unexpected(failure))
        scope["state"][CONNECTION].abort()
        await _disconnected(receive)


class _Gone(Exception):
    """The client left before its request was whole."""


async def _read(headers: Headers, receive: Receive, limit: int) -> bytes:
    """Raises `statuses.TooLarge` and `_Gone`."""
    declared = int(headers.get("content-length", "0"))
    if declared > limit and headers.get("expect").lower() == "100-continue":
        raise _too_large(limit)
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        size += len(message["body"])
        if size <= limit:
            chunks.append(message["body"])
        else:
            chunks.clear()
        if not message["more_body"] or size > limit * _DISCARDED:
            break
    if size > limit:
        raise _too_large(limit)
    return b"".join(chunks)


def _too_large(limit: int) -> statuses.TooLarge:
    return statuses.TooLarge(f"Request entity too large: limit is {limit}")


def _hidden() -> statuses.InternalError:
    return statuses.InternalError("Internal error occurred: the server's log says more")


def _headers(scope: Message) -> Headers:
    return Headers(
        (name.decode("ascii", "replace"), value.decode("utf-8", "replace")) for name, value in scope["headers"]
    )


def _request(scope: Message, headers: Headers, body: bytes) -> Request:
    return Request(
        scope["method"],
        unquote(scope["raw_path"].decode("ascii")),
        scope["query_string"].decode("ascii", "replace"),
        headers,
        body,
        scope["state"].get(PEER_CERTIFICATE),
    )


async def _answer(response: Response, body: bytes, scope: Message, send: Send) -> None:
    lines = [line for line in response.headers.lines if line[0] != "content-length"]
    if response.status not in _BODILESS:
        lines.append(("content-length", str(len(body))))
    await send(_start(response.status, Headers(lines)))
    unwanted = scope["method"] == "HEAD" or response.status in _BODILESS
    await send({"type": "http.response.body", "body": b"" if unwanted else body, "more_body": False})


def _start(status: int, headers: Headers) -> Message:
    lines = [(name.encode("ascii"), value.encode("utf-8")) for name, value in headers.lines]
    if "date" not in headers:
        lines.append((b"date", _date()))
    return {"type": "http.response.start", "status": status, "headers": lines}


_last_date = (0, b"")


def _date() -> bytes:
    """Written once a second: it is the dearest part of a small answer."""
    global _last_date  # noqa: PLW0603 - a cache of one value
    now = int(time.time())
    if _last_date[0] != now:
        _last_date = (now, formatdate(now, usegmt=True).encode())
    return _last_date[1]


def _failure(error: statuses.StatusError, *, close: bool = False) -> Response:
    lines = [("content-type", "application/json")]
    if error.retry_after is not None:
        lines.append(("retry-after", str(error.retry_after)))
    if close:
        lines.append(("connection", "close"))
    return Response(error.status_code, Headers(lines), _body(error))


def _body(error: statuses.StatusError) -> bytes:
    return encoding.to_json(error.to_object()) + b"\n"


async def _pump(chunks: AsyncIterator[bytes], send: Send, *, wanted: bool) -> None:
    if wanted:
        async for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _finish(pump: asyncio.Task[None], chunks: AsyncIterator[bytes]) -> BaseException | None:
    """Ends the pump where it stands and lets the source clean up; what either raised, unless it was our cancelling."""
    pump.cancel()
    await asyncio.wait({pump})
    failure = None if pump.cancelled() else pump.exception()
    unclosed = await _close(chunks)
    return failure or unclosed


async def _close(chunks: AsyncIterator[bytes]) -> BaseException | None:
    close = getattr(chunks, "aclose", None)
    if close is None:
        return None
    try:
        await close()
    except Exception as error:
        _log.exception("a stream could not be closed")
        return error
    return None


def _unexpected(failure: BaseException) -> BaseException | None:
    """A bug is logged with its traceback, a foreseen failure in one line."""
    return None if isinstance(failure, FairleadError) else failure
