"""What the application owes its clients, over real sockets: how uvicorn treats ASGI's messages is part of it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from fairlead.machinery import encoding, statuses
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.messages import Handler, Headers, Request, Response
from fairlead.machinery.paths import Resource, SegmentError
from fairlead.serving.listening import listen
from tests.serving.clients import Answer, connect

pytestmark = pytest.mark.anyio

LIMIT = 100


class Recorder:
    """Answers every request with `response` and keeps what it was asked."""

    def __init__(self, response: Response | None = None) -> None:
        self.response = response or Response(200, body=b"ok")
        self.requests: list[Request] = []

    async def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        return self.response


async def ask(handler: Handler, method: str, target: str, *lines: str, body: bytes = b"") -> Answer:
    with anyio.fail_after(10):
        async with listen(handler, max_body=LIMIT) as listening, connect(listening) as wire:
            return await wire.ask(method, target, *lines, body=body)


@pytest.mark.requirement("serving:request-values")
class TestRequests:
    async def test_the_path_is_decoded_and_the_query_is_not(self) -> None:
        handler = Recorder()
        await ask(handler, "GET", "/apis/a%2Fb/%C3%A9%20?labelSelector=a%3Db&watch=1")
        (request,) = handler.requests
        assert (request.method, request.path) == ("GET", "/apis/a/b/é ")
        assert request.query == "labelSelector=a%3Db&watch=1"
        assert request.parameters["labelSelector"] == "a=b"

    async def test_headers_keep_their_duplicates_and_are_utf8(self) -> None:
        handler = Recorder()
        await ask(handler, "GET", "/", "X-Remote-Group: a,b", "X-Remote-Group: c", "X-Remote-User: jörg")
        (request,) = handler.requests
        assert request.headers.all("x-remote-group") == ["a,b", "c"]
        assert request.headers.get("x-remote-user") == "jörg"

    async def test_a_chunked_body_arrives_whole(self) -> None:
        handler = Recorder()
        body = b"4\r\nabcd\r\n3\r\nefg\r\n0\r\n\r\n"
        with anyio.fail_after(10):
            async with listen(handler) as listening, connect(listening) as wire:
                await wire.send(b"PATCH / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body[:7])
                await wire.send(body[7:])
                await wire.answer()
        assert handler.requests[0].body == b"abcdefg"

    async def test_no_tls_means_no_peer(self) -> None:
        handler = Recorder()
        await ask(handler, "POST", "/", body=b"x")
        assert handler.requests[0].peer_certificate is None
        assert handler.requests[0].body == b"x"

    async def test_a_client_that_leaves_mid_body_reaches_no_handler(self) -> None:
        handler = Recorder()
        with anyio.fail_after(10):
            async with listen(handler) as listening, connect(listening) as wire:
                await wire.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
        assert handler.requests == []


@pytest.mark.requirement("serving:response-values")
class TestResponses:
    async def test_lines_leave_in_order_with_a_date_and_no_server(self) -> None:
        warnings = [("warning", '299 - "one"'), ("warning", '299 - "zwei ü"')]
        answer = await ask(Recorder(Response(201, Headers(warnings), b"made")), "POST", "/")
        assert answer.status == 201
        assert answer.all("warning") == ['299 - "one"', '299 - "zwei ü"']
        assert answer.body == b"made"
        assert answer.all("content-length") == ["4"]
        assert len(answer.all("date")) == 1
        assert answer.all("date")[0].endswith("GMT")
        assert answer.all("server") == []

    async def test_a_handlers_own_date_and_length_are_not_doubled(self) -> None:
        lines = Headers([("Date", "Thu, 01 Jan 1970 00:00:00 GMT"), ("Content-Length", "999")])
        answer = await ask(Recorder(Response(200, lines, b"four")), "GET", "/")
        assert answer.all("date") == ["Thu, 01 Jan 1970 00:00:00 GMT"]
        assert answer.all("content-length") == ["4"]

    async def test_head_tells_the_length_and_sends_nothing(self) -> None:
        with anyio.fail_after(10):
            async with listen(Recorder(Response(200, body=b"four"))) as listening, connect(listening) as wire:
                answer = await wire.ask("HEAD", "/")
                assert (answer.status, answer.all("content-length")) == (200, ["4"])
                assert (await wire.ask("GET", "/")).body == b"four"

    @pytest.mark.parametrize("status", [204, 304])
    async def test_statuses_without_a_body(self, status: int) -> None:
        with anyio.fail_after(10):
            async with listen(Recorder(Response(status, body=b"lost"))) as listening, connect(listening) as wire:
                first = await wire.ask("GET", "/")
                second = await wire.ask("GET", "/")
        assert (first.status, first.body, first.all("content-length")) == (status, b"", [])
        assert (second.status, second.body) == (status, b"")

    async def test_a_redirect_is_passed_on_and_none_is_made(self) -> None:
        answer = await ask(Recorder(Response(301, Headers([("location", "/b")]))), "GET", "/a/")
        assert (answer.status, answer.all("location")) == (301, ["/b"])
        assert (await ask(Recorder(), "GET", "/a//")).status == 200


@pytest.mark.requirement("serving:body-limit")
class TestLimit:
    async def test_the_limit_itself_passes(self) -> None:
        handler = Recorder()
        assert (await ask(handler, "POST", "/", body=b"x" * LIMIT)).status == 200
        assert len(handler.requests[0].body) == LIMIT

    async def test_one_byte_more_is_a_413(self) -> None:
        handler = Recorder()
        answer = await ask(handler, "POST", "/", body=b"x" * (LIMIT + 1))
        assert (answer.status, answer.all("connection")) == (413, ["close"])
        status = encoding.from_json(answer.body)
        assert status["reason"] == "RequestEntityTooLarge"
        assert status["message"] == "Request entity too large: limit is 100"
        assert handler.requests == []

    async def test_a_chunked_body_without_end_is_a_413(self) -> None:
        handler = Recorder()
        with anyio.fail_after(10):
            async with listen(handler, max_body=LIMIT) as listening, connect(listening) as wire:
                await wire.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
                for _ in range(10):
                    await wire.send(b"32\r\n" + b"x" * 50 + b"\r\n")
                assert (await wire.answer()).status == 413
        assert handler.requests == []


@pytest.mark.requirement("serving:continue")
class TestContinue:
    async def test_the_go_ahead_is_given(self) -> None:
        handler = Recorder()
        with anyio.fail_after(10):
            async with listen(handler) as listening, connect(listening) as wire:
                await wire.send(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
                assert await wire.head() == (100, [])
                await wire.send(b"body")
                assert (await wire.answer()).status == 200
        assert handler.requests[0].body == b"body"

    async def test_what_is_too_large_need_not_be_sent(self) -> None:
        with anyio.fail_after(10):
            async with listen(Recorder(), max_body=LIMIT) as listening, connect(listening) as wire:
                await wire.send(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 400\r\n\r\n")
                assert (await wire.answer()).status == 413


@pytest.mark.requirement("serving:failures")
class TestFailures:
    def raising(self, error: Exception) -> Handler:
        async def handler(request: Request) -> Response:
            raise error

        return handler

    async def test_a_status_is_the_answer(self) -> None:
        error = statuses.not_found(Resource("", "v1", "pods"), "a")
        answer = await ask(self.raising(error), "GET", "/")
        assert answer.status == 404
        assert answer.all("content-type") == ["application/json"]
        assert encoding.from_json(answer.body) == error.to_object()

    async def test_its_retry_after_is_a_header_too(self) -> None:
        error = statuses.ServiceUnavailable("not yet", {"retryAfterSeconds": 3})
        answer = await ask(self.raising(error), "GET", "/")
        assert (answer.status, answer.all("retry-after")) == (503, ["3"])

    async def test_a_name_that_nothing_can_have_is_a_bad_request(self, caplog: pytest.LogCaptureFixture) -> None:
        answer = await ask(self.raising(SegmentError("'a%b' is no name", "names have neither / nor %")), "GET", "/x")
        status = encoding.from_json(answer.body)
        assert (answer.status, status["reason"]) == (400, "BadRequest")
        assert status["message"] == "'a%b' is no name: names have neither / nor %"
        assert not caplog.records

    async def test_a_foreseen_failure_is_logged_in_one_line(self, caplog: pytest.LogCaptureFixture) -> None:
        answer = await ask(self.raising(FairleadError("the disk is full", "no space")), "GET", "/x")
        status = encoding.from_json(answer.body)
        assert (answer.status, status["reason"]) == (500, "InternalError")
        assert status["message"] == "Internal error occurred: the server's log says more"
        assert [each.message for each in caplog.records] == ["GET /x: the disk is full: no space"]

    async def test_a_bug_tells_the_client_nothing(self, caplog: pytest.LogCaptureFixture) -> None:
        answer = await ask(self.raising(KeyError("secret")), "GET", "/x")
        assert answer.status == 500
        assert b"secret" not in answer.body
        assert "KeyError: 'secret'" in caplog.text

    async def test_what_is_no_http_is_a_400(self) -> None:
        with anyio.fail_after(10):
            async with listen(Recorder()) as listening, connect(listening) as wire:
                await wire.send(b"nonsense\r\n\r\n")
                assert (await wire.answer()).status == 400


class Source:
    """A stream fed by the test, which sees when it is closed."""

    def __init__(self) -> None:
        self.feed: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self.closed = asyncio.Event()

    async def chunks(self) -> AsyncIterator[bytes]:
        try:
            while (item := await self.feed.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            self.closed.set()

    async def __call__(self, request: Request) -> Response:
        return Response(200, Headers([("content-type", "application/json")]), self.chunks())


class TestStreams:
    @pytest.mark.requirement("serving:stream-flushes")
    async def test_headers_and_chunks_leave_at_once(self) -> None:
        source = Source()
        with anyio.fail_after(10):
            async with listen(source) as listening, connect(listening) as wire:
                await wire.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                status, lines = await wire.head()
                assert status == 200
                assert ("transfer-encoding", "chunked") in lines
                for chunk in (b"one\n", b"two\n"):
                    source.feed.put_nowait(chunk)
                    assert await wire.chunk() == chunk
                source.feed.put_nowait(None)
                assert await wire.chunk() == b""
                assert source.closed.is_set()

    @pytest.mark.requirement("serving:stream-ends-with-reader")
    async def test_the_source_is_closed_when_the_client_leaves_while_it_waits(self) -> None:
        source = Source()
        with anyio.fail_after(10):
            async with listen(source) as listening:
                async with connect(listening) as wire:
                    await wire.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                    await wire.head()
                    assert not source.closed.is_set()
                await source.closed.wait()

    @pytest.mark.requirement("serving:stream-ends-with-reader")
    async def test_the_source_is_closed_when_a_slow_client_leaves(self) -> None:
        source = Source()
        with anyio.fail_after(10):
            async with listen(source) as listening:
                async with connect(listening) as wire:
                    await wire.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                    await wire.head()
                    wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
                    for _ in range(64):
                        source.feed.put_nowait(b"x" * 1_000_000)
                assert not source.feed.empty()
                await source.closed.wait()

    @pytest.mark.requirement("serving:stream-breaks-visibly")
    @pytest.mark.parametrize("error", [FairleadError("the control plane hung up"), KeyError("bug")])
    async def test_a_broken_stream_is_cut_off(self, error: Exception, caplog: pytest.LogCaptureFixture) -> None:
        source = Source()
        with anyio.fail_after(10):
            async with listen(source) as listening, connect(listening) as wire:
                await wire.send(b"GET /w HTTP/1.1\r\nHost: x\r\n\r\n")
                await wire.head()
                source.feed.put_nowait(b"one\n")
                assert await wire.chunk() == b"one\n"
                source.feed.put_nowait(error)
                with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                    await wire.chunk()
        assert "GET /w broke off" in caplog.text
        assert ("Traceback" in caplog.text) == isinstance(error, KeyError)
        assert [each.name for each in caplog.records] == ["fairlead.serving.asgi"]

    @pytest.mark.requirement("serving:stream-ends-with-reader")
    async def test_the_source_is_closed_when_its_headers_cannot_be_sent(self) -> None:
        closed = asyncio.Event()

        class Place:
            def __aiter__(self) -> "Place":
                return self

            async def __anext__(self) -> bytes:
                raise StopAsyncIteration

            async def aclose(self) -> None:
                closed.set()

        place: Any = Place()
        with pytest.raises(asyncio.IncompleteReadError) as caught:
            await ask(Recorder(Response(200, Headers([("x-bad", "a\r\nb: c")]), place)), "GET", "/")
        assert caught.value.partial == b""
        assert closed.is_set()

    @pytest.mark.requirement("serving:response-values")
    async def test_head_of_a_stream_ends_with_its_headers(self) -> None:
        source = Source()
        with anyio.fail_after(10):
            async with listen(source) as listening, connect(listening) as wire:
                assert (await wire.ask("HEAD", "/")).status == 200
                source.feed.put_nowait(None)
                assert (await wire.ask("GET", "/")).body == b""

    @pytest.mark.requirement("serving:stream-ends-with-reader")
    async def test_a_source_that_fails_to_close_is_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        class Stubborn:
            def __init__(self) -> None:
                self.closed = asyncio.Event()

            def __aiter__(self) -> "Stubborn":
                return self

            async def __anext__(self) -> bytes:
                await asyncio.Event().wait()
                return b""

            async def aclose(self) -> None:
                self.closed.set()
                raise OSError("still open")

        stubborn: Any = Stubborn()
        with anyio.fail_after(10):
            async with listen(Recorder(Response(200, body=stubborn))) as listening:
                async with connect(listening) as wire:
                    await wire.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                    await wire.head()
                await stubborn.closed.wait()
        assert "still open" in caplog.text
