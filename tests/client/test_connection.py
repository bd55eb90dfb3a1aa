from collections.abc import AsyncIterator

import anyio
import pytest

from fairlead.client.connection import Connection
from fairlead.client.credentials import Bearer, Renewing
from fairlead.client.errors import Unreachable, Untrusted
from fairlead.client.kubeconfig import ConnectionSettings
from fairlead.machinery.messages import Headers, Request, Response
from fairlead.machinery.principals import Principal
from fairlead.serving import listening
from fairlead.serving.certificates import Authority
from tests.client.servers import AUTHORITY, chunked, scripted, serve

pytestmark = pytest.mark.anyio
DEADLINE = 10


async def echo(request: Request) -> Response:
    lines = [("x-path", request.path), ("x-query", request.query), ("warning", "a"), ("warning", "b")]
    lines += [(f"x-got-{key}", value) for key, value in request.headers.lines if key.startswith(("imp", "auth"))]
    return Response(201, Headers(lines), request.body)


@pytest.mark.requirement("client:raw", "client:prefix")
async def test_bytes_path_and_header_lines_pass_unchanged() -> None:
    body = '{"a": 1.0,  "b": "ü\\u0000"}'.encode()
    async with serve(echo, prefix="/clusters/root:org") as connection:
        answer = await connection.request("POST", "/api/v1/x%2Fy", query="a=%2C&b=", body=body)
    assert (answer.status, answer.body) == (201, body)
    assert answer.headers.get("x-path") == "/clusters/root:org/api/v1/x/y"
    assert answer.headers.get("x-query") == "a=%2C&b="
    assert answer.headers.all("warning") == ["a", "b"]


@pytest.mark.requirement("client:raw")
async def test_a_redirect_is_an_answer_and_not_followed() -> None:
    async def away(request: Request) -> Response:
        return Response(302, Headers([("location", "/elsewhere")]))

    async with serve(away) as connection:
        assert (await connection.request("GET", "/")).status == 302


@pytest.mark.requirement("client:credentials")
async def test_credentials_and_impersonation_reach_the_server() -> None:
    async with serve(echo) as served:
        who = Principal("jane", "7", ("a", "b,c"), (("example.org/why", ("x", "y")),))
        settings = ConnectionSettings(served.settings.server, authority=AUTHORITY.certificate, impersonate=who)
        async with Connection(settings) as connection:
            got = (await connection.request("GET", "/")).headers
    assert got.get("x-got-impersonate-user") == "jane"
    assert got.get("x-got-impersonate-uid") == "7"
    assert got.all("x-got-impersonate-group") == ["a", "b,c"]
    assert got.all("x-got-impersonate-extra-example.org%2fwhy") == ["x", "y"]


@pytest.mark.requirement("client:renews-once")
@pytest.mark.parametrize(("good", "status", "fetches"), [("Bearer 2", 200, 2), ("Bearer 9", 401, 2)])
async def test_a_401_has_the_credentials_fetched_anew_once(good: str, status: int, fetches: int) -> None:
    count = 0

    async def fetch() -> Bearer:
        nonlocal count
        count += 1
        return Bearer(f"Bearer {count}")

    async def guarded(request: Request) -> Response:
        return Response(200 if request.headers.get("authorization") == good else 401)

    async with serve(guarded, source=Renewing(fetch)) as connection:
        assert (await connection.request("GET", "/")).status == status
        assert count == fetches
    count = 0
    async with serve(guarded, source=Renewing(fetch)) as connection, connection.stream("GET", "/") as stream:
        assert stream.status == status


@pytest.mark.requirement("client:stages")
async def test_a_server_that_is_not_there_was_sent_nothing() -> None:
    closed = listening.bind()
    port = closed.getsockname()[1]
    closed.close()
    async with Connection(ConnectionSettings(f"https://user:hush@127.0.0.1:{port}")) as connection:
        with pytest.raises(Unreachable, match=f"cannot reach https://127.0.0.1:{port}: ") as caught:
            await connection.request("GET", "/")
    assert not caught.value.sent
    assert caught.value.retryable
    assert "hush" not in str(caught.value)


@pytest.mark.requirement("client:stages")
async def test_a_server_lost_after_sending_may_have_done_it() -> None:
    async with scripted(b"") as connection:
        with pytest.raises(Unreachable, match="was lost during the POST") as caught:
            await connection.request("POST", "/", body=b"{}")
    assert caught.value.sent


@pytest.mark.requirement("client:stages")
async def test_a_server_that_does_not_answer_in_time_may_have_done_it() -> None:
    given_up = anyio.Event()

    async def silent(request: Request) -> Response:
        await given_up.wait()
        return Response(200)

    async with serve(silent) as connection:
        with pytest.raises(Unreachable, match="did not answer the PUT in time") as caught:
            await connection.request("PUT", "/", timeout=0.05)
        given_up.set()
    assert caught.value.sent


@pytest.mark.requirement("client:stages")
async def test_a_certificate_of_another_authority_is_not_trusted() -> None:
    async with serve(echo) as served:
        other = ConnectionSettings(served.settings.server, authority=Authority.create("other").certificate)
        async with Connection(other) as connection:
            with pytest.raises(Untrusted, match="is not trusted"):
                await connection.request("GET", "/")
        wrong_name = ConnectionSettings(
            served.settings.server, authority=AUTHORITY.certificate, tls_server_name="elsewhere"
        )
        async with Connection(wrong_name) as connection:
            with pytest.raises(Untrusted):
                await connection.request("GET", "/")
        insecure = ConnectionSettings(served.settings.server, insecure=True)
        async with Connection(insecure) as connection:
            assert (await connection.request("GET", "/")).status == 201


@pytest.mark.requirement("client:raw")
async def test_a_stream_gives_bytes_as_they_come_and_leaving_it_ends_it() -> None:
    gone = anyio.Event()

    async def lines() -> AsyncIterator[bytes]:
        try:
            yield b"one\n"
            await anyio.sleep_forever()
        finally:
            gone.set()

    async def stream(request: Request) -> Response:
        assert request.headers.all("accept-encoding") == ["identity"]
        return Response(200, Headers(), lines())

    with anyio.fail_after(DEADLINE):
        async with serve(stream) as connection:
            async with connection.stream("GET", "/", headers=Headers([("accept-encoding", "gzip")])) as streamed:
                assert await anext(streamed.chunks) == b"one\n"
            await gone.wait()


@pytest.mark.requirement("client:stages")
async def test_a_stream_cut_in_the_middle_is_an_error() -> None:
    async with scripted(chunked(b"one\n", end=False)) as connection, connection.stream("GET", "/") as streamed:
        assert await anext(streamed.chunks) == b"one\n"
        with pytest.raises(Unreachable):
            await anext(streamed.chunks)
