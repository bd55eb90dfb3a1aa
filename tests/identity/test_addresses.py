"""What is asked for the sake of a document that somebody else wrote."""

import ipaddress
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from fairlead.identity import fetching
from fairlead.identity.addresses import PublicResolver, Trust, is_public, is_trusted
from fairlead.identity.errors import AddressError, ProviderError
from fairlead.identity.fetching import Fetcher
from fairlead.serving import listening
from fairlead.serving.certificates import Authority
from fairlead.serving.tls import ServerTLS

pytestmark = pytest.mark.requirement("mcp-identity:fetch-guard")

PRIVATE = [
    "127.0.0.1", "127.8.9.10", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "192.0.2.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1",
    "fd00:ec2::254", "fec0::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:a00:1",
    "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "no address",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
ISSUER = "https://idp.example/realms/a"


@pytest.mark.parametrize("address", PRIVATE)
def test_private(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses())
def test_nothing_private_passes_in_whatever_clothes(address: Any) -> None:
    if address.is_private or address.is_loopback or address.is_link_local or address.is_multicast:
        mapped = getattr(address, "ipv4_mapped", None)
        assert not is_public(str(address)) or (mapped is not None and is_public(str(mapped)))
        if isinstance(address, ipaddress.IPv4Address):
            assert not is_public(f"::ffff:{address}")
            assert not is_public(f"64:ff9b::{address}")


@pytest.mark.parametrize(
    "address",
    [
        "http://keys.example/keys",
        "https://127.0.0.1/keys",
        "https://[::1]/keys",
        "https://[::ffff:10.0.0.1]/keys",
        "https://169.254.169.254/latest/meta-data",
        "https://user:password@keys.example/",
        "https://keys.example:port/",
        "https://①②⑦.0.0.1/",
        "file:///etc/passwd",
        "https:///keys",
        "",
    ],
)
def test_what_a_document_may_not_name(address: str) -> None:
    with pytest.raises(AddressError):
        is_trusted(address, Trust.of([ISSUER]))


def test_what_the_operator_wrote_is_trusted_and_nothing_beside_it() -> None:
    trust = Trust.of(["http://127.0.0.1:8080/realms/a", "https://10.0.0.1"], ["Keys.internal"])
    assert is_trusted("http://127.0.0.1:8080/keys", trust)
    assert is_trusted("https://10.0.0.1:443/keys", trust)
    assert is_trusted("https://keys.internal:9443/keys", trust)
    assert not is_trusted("https://elsewhere.example/keys", trust)
    for other in ("http://keys.internal/", "http://127.0.0.1:6443/", "https://10.0.0.1:6443/", "https://10.0.0.2/"):
        with pytest.raises(AddressError):
            is_trusted(other, trust)


class Names(AbstractResolver):
    """A name server that answers differently each time."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[ResolveResult]:
        self.asked += 1
        address = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        kind = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=0)]

    async def close(self) -> None:
        pass


@pytest.mark.anyio
@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1"])
async def test_a_name_of_a_private_address_is_not_dialled(address: str) -> None:
    fetcher = Fetcher(Trust.of([ISSUER]), resolver=Names(address))
    with pytest.raises(AddressError, match=r"keys\.example is not asked.*trustedHosts"):
        await fetcher.get("https://keys.example/keys")
    await fetcher.close()


@pytest.mark.anyio
async def test_a_name_that_changes_after_it_was_looked_at_gets_nowhere() -> None:
    names = Names("8.8.8.8", "127.0.0.1")
    resolver = PublicResolver(names)
    assert [each["host"] for each in await resolver.resolve("keys.example", 443)] == ["8.8.8.8"]
    fetcher = Fetcher(Trust.of([ISSUER]), resolver=names)
    with pytest.raises(AddressError):
        await fetcher.get("https://keys.example/keys")
    assert names.asked == 2
    await fetcher.close()


@asynccontextmanager
async def answering(*, secure: bool = False) -> AsyncIterator[tuple[str, bytes]]:
    async def redirect(request: Request) -> Response:
        return RedirectResponse("/ok", 302)

    async def large(request: Request) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(40):
                yield b" " * (1 << 16)

        return StreamingResponse(chunks())

    async def never(request: Request) -> Response:
        await anyio.sleep_forever()
        raise AssertionError

    async def ok(request: Request) -> Response:
        return JSONResponse({"fine": True})

    async def text(request: Request) -> Response:
        return Response("[1")

    paths = {"/redirect": redirect, "/large": large, "/never": never, "/ok": ok, "/text": text}
    application = Starlette(routes=[Route(path, each) for path, each in paths.items()])
    authority = Authority.create("test")
    tls = ServerTLS(authority.issue_server(["localhost"], ["127.0.0.1"])) if secure else None
    async with listening.listen_application(application, tls=tls, grace=0) as listener:
        yield listener.url, authority.certificate


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/redirect", "redirects elsewhere"),
        ("/large", "more than 1 MiB"),
        ("/never", "no answer within"),
        ("/text", "no JSON object"),
        ("/none", "HTTP 404"),
    ],
)
async def test_answers_that_are_no_answer(path: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "SECONDS", 0.5)
    async with answering() as (url, _):
        fetcher = Fetcher(Trust.of([url]))
        with pytest.raises(ProviderError, match=said):
            await fetcher.get(f"{url}{path}?token=kX9vQ2mLpR7")
        assert await fetcher.get(f"{url}/ok") == {"fine": True}
        await fetcher.close()


@pytest.mark.anyio
async def test_the_certificate_has_to_be_of_the_authority_that_was_named(tmp_path: Any) -> None:
    async with answering(secure=True) as (url, authority):
        (tmp_path / "ca.pem").write_bytes(authority)
        for path, good in ((str(tmp_path / "ca.pem"), True), ("", False)):
            fetcher = Fetcher(Trust.of([url]), path)
            if good:
                assert await fetcher.get(f"{url}/ok") == {"fine": True}
            else:
                with pytest.raises(ProviderError, match="its certificate is not trusted"):
                    await fetcher.get(f"{url}/ok")
            await fetcher.close()


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_an_authority_that_cannot_be_used_is_said(content: str | None, tmp_path: Any) -> None:
    path = tmp_path / "ca.pem"
    if content:
        path.write_text(content)
    with pytest.raises(ProviderError, match=r"certificate authority .* cannot be used: "):
        Fetcher(Trust(), str(path))
