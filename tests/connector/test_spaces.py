"""A Space: a double of its two hosts says what reaches them."""

import base64
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl

import anyio
import pytest

from fairlead.client.connection import Connection
from fairlead.client.credentials import Bearer
from fairlead.client.errors import ClientError, CredentialsError, Unreachable, Untrusted
from fairlead.client.kubeconfig import ConnectionSettings
from fairlead.connector.settings import SettingsError
from fairlead.connector.spaces import EXCHANGE, RETRY, UNKNOWN_LIFE, Exchanged, Space, TokenExchange
from fairlead.machinery import encoding
from fairlead.machinery.messages import Headers, Request, Response
from fairlead.serving.certificates import Authority
from fairlead.serving.listening import listen
from fairlead.serving.tls import ServerTLS
from tests.connector import doubles

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("connector:space-token")]
SECRET = "personal-hush"
AUTHORITY = Authority.create("space")


@dataclass
class Auth:
    """Answers from a script, and the last answer ever after."""

    answers: list[Response]
    asked: list[Request] = field(default_factory=list)

    async def __call__(self, request: Request) -> Response:
        self.asked.append(request)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    @property
    def forms(self) -> list[list[tuple[str, str]]]:
        return [sorted(parse_qsl(each.body.decode(), strict_parsing=True)) for each in self.asked]


def issued(token: str = "space-bearer", **more: object) -> Response:
    return Response(
        200, Headers([("content-type", "application/json")]), encoding.to_json({"access_token": token, **more})
    )


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def exchanging(auth: Auth, clock: Clock | None = None) -> AsyncIterator[Exchanged]:
    tls = ServerTLS(AUTHORITY.issue_server(["localhost"], ["127.0.0.1"]), None)
    async with listen(auth, tls=tls) as listening:
        target = ConnectionSettings(listening.url, authority=AUTHORITY.certificate)
        yield Exchanged(TokenExchange(target, "acme", lambda: SECRET, clock or Clock()))


async def test_the_exchange_has_the_form_of_rfc_8693() -> None:
    auth = Auth([issued(expires_in=3600)])
    async with exchanging(auth) as source:
        bearer = await source.current()
    assert (bearer.header, bearer.expires) == ("Bearer space-bearer", 4600.0)
    (asked,) = auth.asked
    assert (asked.method, asked.path, asked.query) == ("POST", EXCHANGE, "")
    assert asked.headers.get("content-type") == "application/x-www-form-urlencoded"
    assert auth.forms == [
        [
            ("audience", "upbound:spaces:api"),
            ("audience", "upbound:spaces:controlplanes"),
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("scope", "upbound:org:acme"),
            ("subject_token", SECRET),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
        ]
    ]


async def test_it_is_exchanged_once_for_all_who_ask_and_again_before_it_expires() -> None:
    auth, clock = Auth([issued("one", expires_in=100), issued("two", expires_in=100)]), Clock()
    async with exchanging(auth, clock) as source:
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(source.current)
        assert len(auth.asked) == 1
        clock.now += 79
        assert (await source.current()).header == "Bearer one"
        clock.now += 2
        assert (await source.current()).header == "Bearer two"


async def test_a_renewal_that_fails_does_not_end_a_bearer_that_lives() -> None:
    auth, clock = Auth([issued("one", expires_in=100), Response(500)]), Clock()
    async with exchanging(auth, clock) as source:
        await source.current()
        clock.now += 81
        assert (await source.current()).header == "Bearer one"
        assert (await source.current()).header == "Bearer one"
        assert len(auth.asked) == 2
        clock.now += RETRY
        assert (await source.current()).header == "Bearer one"
        assert len(auth.asked) == 3
        clock.now += 20
        with pytest.raises(Unreachable, match="exchanges no tokens now: it answered HTTP 500"):
            await source.current()


async def test_a_refused_bearer_is_exchanged_once() -> None:
    auth = Auth([issued("old", expires_in=100), issued("new", expires_in=100)])
    seen: list[str] = []

    async def router(request: Request) -> Response:
        seen.append(request.headers.get("authorization"))
        return Response(200 if seen[-1] == "Bearer new" else 401)

    async with (
        exchanging(auth) as source,
        listen(router) as listening,
        Connection(ConnectionSettings(listening.url, source)) as connection,
    ):
        assert (await connection.request("GET", "/")).status == 200
    assert seen == ["Bearer old", "Bearer new"]


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (Response(401, body=SECRET.encode()), CredentialsError, "does not accept the token for account 'acme'"),
        (Response(404), CredentialsError, "exchanged no token: it answered HTTP 404"),
        (Response(503), Unreachable, "exchanges no tokens now"),
        (Response(302, Headers([("location", "https://elsewhere")])), CredentialsError, "it answered HTTP 302"),
        (Response(200, body=SECRET.encode()), CredentialsError, "its answer has no access_token"),
        (issued("two\nlines"), CredentialsError, "its answer has no access_token"),
    ],
)
async def test_a_refusal_is_said_without_the_token(answer: Response, kind: type[ClientError], said: str) -> None:
    async with exchanging(Auth([answer])) as source:
        with pytest.raises(kind, match=said) as caught:
            await source.current()
    assert SECRET not in str(caught.value)


async def test_the_token_goes_only_to_a_host_that_is_verified(tmp_path: Path) -> None:
    auth = Auth([issued()])
    tls = ServerTLS(Authority.create("other").issue_server(["localhost"], ["127.0.0.1"]), None)
    async with listen(auth, tls=tls) as listening:
        target = ConnectionSettings(listening.url, authority=AUTHORITY.certificate)
        with pytest.raises(Untrusted):
            await TokenExchange(target, "acme", lambda: SECRET).fetch()
    assert auth.asked == []


def web_token(payload: bytes) -> str:
    return f"e30.{base64.urlsafe_b64encode(payload).decode().rstrip('=')}.x"


@pytest.mark.parametrize(
    ("answer", "life"),
    [
        (issued(expires_in=60), 60.0),
        (issued(web_token(b'{"exp":1300}')), 300.0),
        (issued("opaque"), UNKNOWN_LIFE),
        (issued("opaque", expires_in="soon"), UNKNOWN_LIFE),
        (issued(web_token(b'{"exp":1}')), UNKNOWN_LIFE),
    ],
)
async def test_how_long_a_bearer_lives(answer: Response, life: float) -> None:
    async with exchanging(Auth([answer])) as source:
        assert (await source.current()).expires == 1000.0 + life


def space(folder: Path, **changed: object) -> Space:
    (folder / "token").write_text(f"{SECRET}\n")
    given: dict[str, object] = {"host": "space.example.org", "account": "acme", "token_file": folder / "token"}
    given |= {"name": "orders", "group": "default"} | changed
    return Space(**given)  # type: ignore[arg-type]  # given by name


def test_where_the_router_has_a_control_plane(tmp_path: Path) -> None:
    path = "/apis/spaces.upbound.io/v1beta1/namespaces/default/controlplanes/orders/k8s"
    found = space(tmp_path).connection()
    assert (found.server, found.insecure, found.authority) == (f"https://space.example.org{path}", False, None)


def test_a_router_that_is_not_verified_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = space(tmp_path, insecure=True).connection()
    assert found.insecure
    assert "space.example.org is not verified" in caplog.text
    assert isinstance(found.source, Exchanged)
    assert not found.source.exchange.target.insecure


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"host": ""}, "the Space's host must be given"),
        ({"account": "", "group": ""}, "the Space's account and group must be given"),
        ({"host": "https://space"}, "'https://space' is no host of a Space"),
        ({"host": "me@space"}, "is no host"),
        ({"host": "space/path"}, "is no host"),
        ({"host": "[::1"}, "is no host"),
        ({"host": "space:0"}, "is no host"),
        ({"domain": "a b"}, "is no domain"),
        ({"name": "../x"}, "'../x' is no control plane: it is a DNS label"),
        ({"group": "a/b"}, "is no control plane group"),
        ({"authority": Path("none")}, "none cannot be read"),
    ],
)
def test_a_space_that_is_described_wrongly(tmp_path: Path, changed: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        space(tmp_path, **changed).connection()


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff", b"two\nlines"])
async def test_a_token_file_that_cannot_be_used(tmp_path: Path, content: bytes) -> None:
    given = space(tmp_path)
    given.token_file.write_bytes(content)
    with pytest.raises(CredentialsError, match="the token file"):
        await given.connection().source.current()


def test_nothing_secret_is_shown(tmp_path: Path) -> None:
    source = Exchanged(TokenExchange(ConnectionSettings("https://a"), "acme", lambda: SECRET))
    source._bearer = Bearer("Bearer hush-bearer", expires=5.0)
    assert "hush" not in repr(source)
    assert SECRET not in repr(space(tmp_path).connection())


@pytest.mark.usefixtures("space_hosts")
async def test_both_hosts_of_a_space_lead_to_the_control_plane(tmp_path: Path) -> None:
    auth, seen = Auth([issued(expires_in=60)]), list[Request]()

    async def router(request: Request) -> Response:
        seen.append(request)
        return Response(200)

    async with doubles.hosts(tmp_path, auth, router) as described, Connection(described.connection()) as connection:
        await connection.request("GET", "/api/v1/namespaces", query="limit=1")
    assert [(each.path, each.query, each.headers.get("authorization")) for each in seen] == [
        (f"{doubles.PATH}/api/v1/namespaces", "limit=1", "Bearer space-bearer")
    ]
    assert ("subject_token", doubles.TOKEN) in auth.forms[0]
    assert auth.asked[0].headers.get("host").startswith(f"auth.{doubles.DOMAIN}:")
