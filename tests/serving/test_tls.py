import asyncio
import contextlib
import os
import ssl
from pathlib import Path

import anyio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from fairlead.machinery.messages import Request, Response
from fairlead.serving.certificates import Authority, CertificateError, KeyPair
from fairlead.serving.listening import Listening, listen
from fairlead.serving.tls import ServerTLS
from tests.serving.clients import client_tls, connect

pytestmark = pytest.mark.anyio


async def subject(request: Request) -> Response:
    der = request.peer_certificate
    name = "nobody" if der is None else x509.load_der_x509_certificate(der).subject.rfc4514_string()
    return Response(200, body=name.encode())


def tls(serving: Authority, clients: bytes | None) -> ServerTLS:
    return ServerTLS(serving.issue_server(["localhost"]), clients)


async def ask(listening: Listening, context: ssl.SSLContext) -> str:
    async with connect(listening, context) as wire:
        return (await wire.ask("GET", "/")).body.decode()


async def refused(listening: Listening, context: ssl.SSLContext) -> bool:
    """No byte of an answer: an alert from uvloop, an early end from asyncio, which does not flush the alert."""
    try:
        await ask(listening, context)
    except (ssl.SSLError, ConnectionError):
        return True
    except asyncio.IncompleteReadError as error:
        return error.partial == b""
    return False


@pytest.mark.requirement("serving:peer-certificate")
async def test_the_peer_certificate_reaches_the_handler(serving_authority: Authority) -> None:
    clients = Authority.create("client-ca")
    with anyio.fail_after(10):
        async with listen(subject, tls=tls(serving_authority, clients.certificate)) as listening:
            assert await ask(listening, client_tls(serving_authority, clients.issue_client("alice"))) == "CN=alice"
            assert await ask(listening, client_tls(serving_authority)) == "nobody"


@pytest.mark.requirement("serving:peer-certificate")
async def test_a_server_without_client_authorities_asks_for_no_certificate(serving_authority: Authority) -> None:
    clients = Authority.create("client-ca")
    with anyio.fail_after(10):
        async with listen(subject, tls=tls(serving_authority, None)) as listening:
            assert await ask(listening, client_tls(serving_authority, clients.issue_client("alice"))) == "nobody"


@pytest.mark.requirement("serving:unknown-client-authority")
async def test_a_certificate_of_another_authority_ends_the_handshake(serving_authority: Authority) -> None:
    same_name = Authority.create("client-ca")
    stranger = client_tls(serving_authority, same_name.issue_client("alice"))
    with anyio.fail_after(10):
        async with listen(subject, tls=tls(serving_authority, Authority.create("client-ca").certificate)) as listening:
            assert await refused(listening, stranger)
        async with listen(subject, tls=tls(serving_authority, b"")) as listening:
            assert await refused(listening, stranger)
            assert await ask(listening, client_tls(serving_authority)) == "nobody"


@pytest.mark.requirement("serving:exchange-authorities")
async def test_client_authorities_are_exchanged_while_running(serving_authority: Authority) -> None:
    old, new = Authority.create("old"), Authority.create("new")
    by_old, by_new = (client_tls(serving_authority, each.issue_client("proxy")) for each in (old, new))
    server = tls(serving_authority, old.certificate)
    with anyio.fail_after(10):
        async with listen(subject, tls=server) as listening:
            assert await ask(listening, by_old) == "CN=proxy"
            assert await refused(listening, by_new)
            server.exchange(client_authorities=old.certificate + new.certificate)
            assert await ask(listening, by_old) == await ask(listening, by_new) == "CN=proxy"
            server.exchange(client_authorities=new.certificate)
            assert await refused(listening, by_old)
            assert await ask(listening, by_new) == "CN=proxy"


@pytest.mark.requirement("serving:no-resumption", "serving:exchange-authorities")
def test_a_client_that_would_resume_cannot(serving_authority: Authority) -> None:
    """With memory buffers, because asyncio's client cannot offer a session; the contexts are those of the listener."""
    old, new = Authority.create("old"), Authority.create("new")
    server = tls(serving_authority, old.certificate)
    client = client_tls(serving_authority, old.issue_client("proxy"))
    session, reused = handshake(server.context, client, None)
    assert session is None or not session.has_ticket
    assert not reused
    assert not handshake(server.context, client, session)[1]
    server.exchange(client_authorities=new.certificate)
    with pytest.raises(ssl.SSLError):
        handshake(server.context, client, session)


@pytest.mark.requirement("serving:no-resumption")
def test_older_protocols_that_resume_by_session_id_are_refused(serving_authority: Authority) -> None:
    client = client_tls(serving_authority)
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        handshake(tls(serving_authority, b"").context, client, None)


def handshake(
    server: ssl.SSLContext, client: ssl.SSLContext, session: ssl.SSLSession | None
) -> tuple[ssl.SSLSession | None, bool]:
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    theirs = client.wrap_bio(down, up, server_hostname="localhost", session=session)
    ours = server.wrap_bio(up, down, server_side=True)
    for _ in range(4):
        for side in (theirs, ours):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    with contextlib.suppress(ssl.SSLWantReadError):
        theirs.read()
    return theirs.session, bool(theirs.session_reused)


@pytest.mark.requirement("serving:exchange-certificate")
async def test_the_serving_certificate_is_exchanged_while_running(serving_authority: Authority) -> None:
    other = Authority.create("another-serving-ca")
    server = tls(serving_authority, None)
    with anyio.fail_after(10):
        async with listen(subject, tls=server) as listening:
            async with connect(listening, client_tls(serving_authority)) as standing:
                server.exchange(pair=other.issue_server(["localhost"]))
                assert (await standing.ask("GET", "/")).status == 200
            assert await ask(listening, client_tls(other)) == "nobody"
            with pytest.raises(ssl.SSLCertVerificationError):
                await ask(listening, client_tls(serving_authority))


@pytest.mark.requirement("serving:exchange-certificate")
async def test_a_bad_exchange_changes_nothing(serving_authority: Authority) -> None:
    clients = Authority.create("client-ca")
    server = tls(serving_authority, clients.certificate)
    before = server.pair
    foreign = KeyPair(before.certificate, Authority.create("x").issue_client("x").key)
    with anyio.fail_after(10):
        async with listen(subject, tls=server) as listening:
            with pytest.raises(CertificateError, match="the serving certificate cannot be used: key values mismatch"):
                server.exchange(pair=foreign)
            with pytest.raises(CertificateError, match="the client CA bundle cannot be used"):
                server.exchange(client_authorities=b"nonsense")
            assert server.pair is before
            assert server.client_authorities == clients.certificate
            assert await ask(listening, client_tls(serving_authority, clients.issue_client("alice"))) == "CN=alice"


@pytest.mark.requirement("serving:certificate-errors")
def test_a_server_that_never_asks_cannot_be_given_client_authorities(serving_authority: Authority) -> None:
    with pytest.raises(CertificateError, match="never asks for a client certificate"):
        tls(serving_authority, None).exchange(client_authorities=serving_authority.certificate)


@pytest.mark.requirement("serving:certificate-errors")
def test_an_encrypted_key_asks_nobody_for_its_password(serving_authority: Authority) -> None:
    pair = serving_authority.issue_server(["localhost"])
    key = serialization.load_pem_private_key(pair.key, None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"hush")
    )
    with pytest.raises(CertificateError, match="the private key is encrypted"):
        ServerTLS(KeyPair(pair.certificate, encrypted))


@pytest.mark.requirement("serving:keys-stay-secret")
def test_no_file_holds_the_key_afterwards(
    serving_authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    pair = serving_authority.issue_server(["localhost"])
    ServerTLS(pair)
    monkeypatch.delattr(os, "memfd_create")
    before = len(list(Path("/proc/self/fd").iterdir()))
    ServerTLS(pair)
    assert list(tmp_path.iterdir()) == []
    assert len(list(Path("/proc/self/fd").iterdir())) == before
