import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from fairlead.client.connection import Connection
from fairlead.client.credentials import Bearer, ClientCertificate, Fixed, Renewing
from fairlead.client.errors import Unreachable, Untrusted
from fairlead.client.kubeconfig import ConnectionSettings
from fairlead.machinery.messages import Headers, Request, Response
from fairlead.machinery.principals import Principal
from fairlead.serving import listening
from fairlead.serving.certificates import Authority
from tests.client.servers import AUTHORITY, chunked, closing_after_one, raw_server, scripted, serve

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
        with pytest.raises(Unreachable, match=f"cannot reach https://127.0.0.1:{port}: Connection refused") as caught:
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


@pytest.mark.requirement("client:renews-once")
async def test_however_many_are_refused_at_once_one_fetch_serves_them_all() -> None:
    count = 0

    async def fetch() -> Bearer:
        nonlocal count
        count += 1
        mine = count
        await anyio.lowlevel.checkpoint()
        return Bearer(f"Bearer {mine}")

    async def guarded(request: Request) -> Response:
        return Response(200 if request.headers.get("authorization") == "Bearer 2" else 401)

    found: list[int] = []

    async def ask(connection: Connection) -> None:
        found.append((await connection.request("GET", "/")).status)

    async with serve(guarded, source=Renewing(fetch)) as connection, anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(ask, connection)
    assert (found, count) == ([200] * 20, 2)


@pytest.mark.requirement("client:repeats-only-reads")
@pytest.mark.parametrize(("method", "sent"), [("GET", 3), ("POST", 2), ("PUT", 2), ("PATCH", 2), ("DELETE", 2)])
async def test_a_write_on_a_closing_connection_is_not_sent_twice(method: str, sent: int) -> None:
    async with closing_after_one() as (connection, requests):
        assert (await connection.request("GET", "/")).status == 200
        if method == "GET":
            assert (await connection.request(method, "/")).status == 200
        else:
            with pytest.raises(Unreachable) as caught:
                await connection.request(method, "/", body=b"{}")
            assert caught.value.sent
    assert len(requests) == sent


@pytest.mark.requirement("client:repeats-only-reads")
async def test_a_watch_on_a_closing_connection_is_begun_again() -> None:
    async with closing_after_one() as (connection, requests):
        for _ in range(2):
            async with connection.stream("GET", "/") as stream:
                assert [chunk async for chunk in stream.chunks] == [b"{}"]
    assert len(requests) == 3


@pytest.mark.requirement("client:proxies")
async def test_a_proxy_gets_its_own_credentials_and_the_whole_address() -> None:
    seen: list[bytes] = []
    async with raw_server(seen, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi") as port:
        settings = ConnectionSettings("http://nowhere.test:1", proxy=f"http://me:hush@127.0.0.1:{port}")
        async with Connection(settings) as connection:
            assert (await connection.request("GET", "/api")).body == b"hi"
    assert seen[0].startswith(b"GET http://nowhere.test:1/api HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic bWU6aHVzaA==\r\n" in seen[0]


@pytest.mark.requirement("client:proxies", "client:stages")
async def test_a_proxy_that_refuses_or_is_not_there_is_named_without_its_password() -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    async with raw_server([], refusal) as port:
        await expect_proxy_fault(port, "the proxy answered HTTP 407")
    await expect_proxy_fault(port, "refused")


async def expect_proxy_fault(port: int, complaint: str) -> None:
    settings = ConnectionSettings("https://nowhere.test", proxy=f"http://me:hush@127.0.0.1:{port}")
    async with Connection(settings) as connection:
        with pytest.raises(Unreachable, match=complaint) as caught:
            await connection.request("POST", "/")
    assert not caught.value.sent
    assert f"cannot reach https://nowhere.test through http://127.0.0.1:{port}" in str(caught.value)
    assert "hush" not in str(caught.value)


@pytest.mark.requirement("client:keys-stay-secret")
async def test_keys_and_tokens_are_in_no_repr_and_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    pair = AUTHORITY.issue_client("me")
    certificate = ClientCertificate(pair.certificate, pair.key)
    source = Fixed(Bearer("Bearer hush", certificate))
    async with serve(echo, source=source) as connection:
        assert (await connection.request("GET", "/")).status == 201
        shown = repr(connection.settings)
    assert "hush" not in shown
    assert "PRIVATE" not in shown
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - async
