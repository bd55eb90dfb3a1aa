"""As whom a caller reaches a cluster, as the cluster sees it."""

import base64
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import jwt
import pytest

from fairlead.client import tls
from fairlead.client.credentials import TOKEN_FILE_SECONDS, ClientCertificate, TokenFile
from fairlead.client.errors import CredentialsError, KubeconfigError
from fairlead.client.targets import Cluster
from fairlead.machinery import statuses
from fairlead.machinery.paths import Resource
from fairlead.mcp.callers import STDIO, Caller
from fairlead.mcp.entering.admitting import named
from fairlead.mcp.named.identities import OIDC, Exchange, Identity, Reference, SecretKey, Token
from fairlead.mcp.named.servers import LONGEST_TIMEOUT, NamedServer, Target
from fairlead.mcp.reaching import references
from fairlead.mcp.reaching.acting import ActingError
from fairlead.mcp.reaching.targets import Targets
from fairlead.mcp.tools import ToolError
from fairlead.resources.kinds import UnknownKindError
from fairlead.resources.reading import Query
from fairlead.serving.certificates import Authority
from tests.identity.provider import Provider
from tests.mcp.behind import behind
from tests.mcp.upstream import CREDENTIAL, Upstream, marked

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("mcp-identity:acting")]

BASE = f"Bearer {CREDENTIAL}"


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with Provider().served() as served:
        yield served


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream().served() as served:
        yield served


@pytest.fixture
def target(upstream: Upstream, tmp_path: Path) -> tuple[Target, ...]:
    return (Target("here", kubeconfig=upstream.kubeconfig(tmp_path, token=CREDENTIAL)),)


@pytest.fixture
def bare(upstream: Upstream, tmp_path: Path) -> tuple[Target, ...]:
    """Of a kubeconfig without credentials."""
    return (Target("here", kubeconfig=upstream.kubeconfig(tmp_path)),)


def identity(provider: Provider, towards: Any, **more: Any) -> OIDC:
    exchange = Exchange("mcp", Reference(text="s3cret"), "kubernetes") if towards == "exchange" else None
    return OIDC(provider.issuer, ("mcp",), towards, exchange, **more)


def caller(provider: Provider, whole: OIDC, subject: str = "alice", **claims: Any) -> Caller:
    token = provider.token(subject, **claims)
    return named(whole, jwt.decode(token, options={"verify_signature": False}), token)


async def asked(targets: Targets, who: Caller) -> str:
    """The name that the cluster tells whoever asks."""
    reader = targets.target("", who)
    page = await reader.page(await reader.kind("pods"), Query())
    return str(page.document["rows"][0]["cells"][0])


async def test_passed_on_the_token_is_all_that_the_cluster_sees(
    provider: Provider, upstream: Upstream, target: tuple[Target, ...]
) -> None:
    whole = identity(provider, "pass-on")
    who = caller(provider, whole)
    async with Targets(target, identity=whole) as targets:
        assert await asked(targets, who) == marked(f"Bearer {who.token}")
    assert {each.authorization for each in upstream.seen} == {f"Bearer {who.token}"}
    assert {(each.user, each.groups) for each in upstream.seen} == {("", ())}


async def test_exchanged_the_cluster_sees_another_token_of_the_same_user(
    provider: Provider, upstream: Upstream, bare: tuple[Target, ...]
) -> None:
    whole = identity(provider, "exchange")
    who = caller(provider, whole)
    async with Targets(bare, identity=whole) as targets:
        for _ in range(5):
            await asked(targets, who)
    assert provider.count("/token") == 1
    (seen,) = {each.authorization for each in upstream.seen}
    claims = jwt.decode(seen.removeprefix("Bearer "), options={"verify_signature": False})
    assert (claims["sub"], claims["aud"]) == ("alice", "kubernetes")
    assert who.token not in seen


async def test_impersonated_the_cluster_sees_us_and_the_user_with_prefixes(
    provider: Provider, upstream: Upstream, target: tuple[Target, ...]
) -> None:
    whole = identity(provider, "impersonate", username_prefix="idp:", groups_prefix="idp-group:")
    who = caller(provider, whole, groups=["developers", "ops"])
    async with Targets(target, identity=whole) as targets:
        await asked(targets, who)
        await asked(targets, caller(provider, whole, groups=["developers", "ops"], scope="another token"))
    assert {(each.authorization, each.user, each.groups) for each in upstream.seen} == {
        (BASE, "idp:alice", ("idp-group:developers", "idp-group:ops"))
    }
    assert len(upstream.seen) == 4  # discovered once, although the token was another


@pytest.mark.parametrize(
    ("subject", "groups"),
    [
        ("system:admin", []),
        ("system:serviceaccount:kube-system:default", []),
        ("alice", ["system:masters"]),
        ("alice", ["developers", "system:authenticated"]),
        ("alice\r\nImpersonate-Group: system:masters", []),
        ("alice", ["a\nb"]),
        (" alice", []),
    ],
)
async def test_nobody_is_impersonated_who_is_kubernetes_own_or_breaks_a_header(
    subject: str, groups: list[str], provider: Provider, upstream: Upstream, target: tuple[Target, ...]
) -> None:
    whole = identity(provider, "impersonate")
    async with Targets(target, identity=whole) as targets:
        with pytest.raises(ToolError, match="you cannot be acted as"):
            targets.target("", caller(provider, whole, subject, groups=groups))
    assert upstream.seen == []


async def test_a_kubeconfig_that_impersonates_cannot_impersonate_callers(
    provider: Provider, upstream: Upstream, tmp_path: Path
) -> None:
    whole = identity(provider, "impersonate")
    path = upstream.kubeconfig(tmp_path, token=CREDENTIAL, **{"as": "somebody"})
    async with Targets((Target("a", kubeconfig=path),), identity=whole) as targets:
        with pytest.raises(KubeconfigError, match="impersonates somebody itself"):
            targets.target("", caller(provider, whole))


@pytest.mark.parametrize("towards", ["exchange", "impersonate", "pass-on"])
async def test_who_brings_no_token_reaches_nothing(
    towards: str, provider: Provider, upstream: Upstream, target: tuple[Target, ...]
) -> None:
    async with Targets(target, identity=identity(provider, towards)) as targets:
        with pytest.raises(ToolError, match="with the token of who calls"):
            targets.target("", STDIO)
    assert upstream.seen == []


@pytest.mark.requirement("mcp-identity:one-request")
async def test_one_request_for_a_simple_call_and_what_is_served_outlives_a_token(
    provider: Provider, upstream: Upstream, bare: tuple[Target, ...]
) -> None:
    whole = identity(provider, "pass-on")
    async with Targets(bare, identity=whole) as targets:
        await asked(targets, caller(provider, whole))
        assert [each.path for each in upstream.seen] == ["/api", "/apis", "/api/v1/pods"]
        for number in range(3):
            upstream.seen.clear()
            await asked(targets, caller(provider, whole, jti=str(number)))
            assert [each.path for each in upstream.seen] == ["/api/v1/pods"]


@pytest.mark.requirement("mcp-identity:never-anothers")
@pytest.mark.parametrize("towards", ["exchange", "impersonate", "pass-on"])
async def test_fifty_at_once_each_see_themselves(
    towards: str, provider: Provider, upstream: Upstream, target: tuple[Target, ...]
) -> None:
    """Through the whole of a server: no answer and no connection crosses."""
    server = NamedServer("a", targets=target, identity=identity(provider, towards))
    async with behind(server) as served:
        answers: dict[str, set[str]] = {}

        async def one(subject: str, token: str) -> None:
            got = await served.call("a", "pods_list", token=token)
            answers.setdefault(subject, set()).update(part for part in _words(got.body) if part.startswith("who-"))

        async with anyio.create_task_group() as tasks:
            for number in range(50):
                subject = f"user-{number}"
                token = provider.token(subject)
                for _ in range(2):
                    tasks.start_soon(one, subject, token)
    assert len(answers) == 50
    assert all(len(each) == 1 for each in answers.values())
    assert len(set.union(*answers.values())) == 50
    for seen in upstream.objects:
        subject = seen.user or _claims(seen.authorization)["sub"]
        assert answers[subject] == {seen.mark}


def _words(text: str) -> list[str]:
    return text.replace("\\n", " ").replace('"', " ").replace("|", " ").split()


def _claims(authorization: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(authorization.removeprefix("Bearer "), options={"verify_signature": False})
    return found


@pytest.mark.requirement("mcp-identity:never-anothers")
async def test_two_tokens_of_one_user_are_not_confused(
    provider: Provider, upstream: Upstream, bare: tuple[Target, ...]
) -> None:
    """The one may reach less than the other."""
    whole = identity(provider, "pass-on")
    more, less = caller(provider, whole, scope="a b"), caller(provider, whole, scope="a")
    assert more.key == less.key
    async with Targets(bare, identity=whole) as targets:
        for who in (more, less, more):
            assert await asked(targets, who) == marked(f"Bearer {who.token}")


@pytest.mark.requirement("mcp-identity:cheap-callers")
async def test_what_is_the_same_for_all_is_kept_once(
    provider: Provider, upstream: Upstream, bare: tuple[Target, ...]
) -> None:
    whole = identity(provider, "pass-on")
    async with Targets(bare, identity=whole) as targets:
        alice, bob, carol = [targets.target("", caller(provider, whole, each)) for each in ("alice", "bob", "carol")]
        assert await alice.kinds() is await bob.kinds()
        upstream.kinds = ("pods",)
        assert await carol.kinds() is not await alice.kinds()
        with pytest.raises(UnknownKindError):
            await carol.kind("namespaces")
        assert (await alice.kind("namespaces")).api.kind == "Namespace"


@pytest.mark.requirement("mcp-identity:cheap-callers")
async def test_a_new_caller_reads_no_files(
    provider: Provider, bare: tuple[Target, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = identity(provider, "pass-on")
    async with Targets(bare, identity=whole) as targets:
        await asked(targets, caller(provider, whole, "alice"))
        monkeypatch.setattr("fairlead.mcp.reaching.references.base", None)
        await asked(targets, caller(provider, whole, "bob"))
    authority = Authority.create("a").certificate
    assert tls.context(authority, None) is tls.context(authority, None)
    assert tls.context(authority, None) is not tls.context(authority, None, insecure=True)
    assert tls.context(authority, None) is not tls.context(Authority.create("b").certificate, None)
    pair = Authority.create("c").issue_client("somebody")
    certificate = ClientCertificate(pair.certificate, pair.key)
    assert tls.context(authority, certificate) is not tls.context(authority, certificate)


@pytest.mark.requirement("mcp-identity:bounded")
async def test_connections_are_closed_when_nobody_needs_them(
    provider: Provider, bare: tuple[Target, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    whole = identity(provider, "pass-on")
    async with Targets(bare, identity=whole, clock=lambda: now) as targets:
        await asked(targets, caller(provider, whole, "alice"))
        first = targets.target("", caller(provider, whole, "bob"))
        assert len(targets._opened) == 2
        now += LONGEST_TIMEOUT + 1
        await asked(targets, caller(provider, whole, "carol"))
        assert len(targets._opened) == 1
        monkeypatch.setattr("fairlead.mcp.reaching.targets._MOST_OPEN", 10)
        for number in range(30):
            await asked(targets, caller(provider, whole, f"user-{number}"))
        assert len(targets._opened) == len(targets._served) == 10
        assert first.client.connection._pools._sessions is None


async def test_a_token_that_the_cluster_refuses_says_what_to_do(
    provider: Provider, upstream: Upstream, bare: tuple[Target, ...]
) -> None:
    upstream.status = lambda seen: 401
    whole = identity(provider, "pass-on")
    who = caller(provider, whole)
    async with Targets(bare, identity=whole) as targets:
        with pytest.raises(ActingError, match=r"does not accept your token.*log in anew") as caught:
            await asked(targets, who)
        assert who.token not in str(caught.value)


async def test_an_exchanged_token_that_the_cluster_refuses_is_exchanged_once_more(
    provider: Provider, upstream: Upstream, bare: tuple[Target, ...]
) -> None:
    refused: set[str] = set()
    whole = identity(provider, "exchange")
    who = caller(provider, whole)
    async with Targets(bare, identity=whole) as targets:
        await asked(targets, who)
        refused |= {each.authorization for each in upstream.seen}
        provider.groups = ("another token",)
        upstream.status = lambda seen: 401 if seen.authorization in refused else 200
        await asked(targets, caller(provider, whole, jti="again"))
        first = provider.count("/token")
        upstream.status = lambda seen: 401
        with pytest.raises(ActingError, match=r"was exchanged for.*trust that issuer and audience"):
            await asked(targets, who)
        assert provider.count("/token") == first + 1


async def test_a_refused_impersonation_says_what_is_missing(
    provider: Provider, upstream: Upstream, target: tuple[Target, ...]
) -> None:
    upstream.status, upstream.message = lambda seen: 403, 'users "alice" is forbidden: User "a" cannot impersonate …'
    whole = identity(provider, "impersonate")
    async with Targets(target, identity=whole) as targets:
        with pytest.raises(ActingError, match="lacks the verb impersonate"):
            await asked(targets, caller(provider, whole))
        upstream.message = "pods is forbidden"
        with pytest.raises(statuses.Forbidden):
            await asked(targets, caller(provider, whole))


async def test_an_exchange_that_the_provider_refuses_is_told(
    provider: Provider, upstream: Upstream, bare: tuple[Target, ...]
) -> None:
    provider.exchangeable.clear()
    server = NamedServer("a", targets=bare, identity=identity(provider, "exchange"))
    async with behind(server) as served:
        got = await served.call("a", "pods_list", token=provider.token())
        assert "gives no token for kubernetes" in got.body
        assert "s3cret" not in got.body
    assert upstream.seen == []


BY_REFERENCE = pytest.mark.requirement("mcp-identity:by-reference")


async def by_token(upstream: Upstream, reference: Reference) -> str:
    whole: Identity = Token(upstream.url, reference)
    async with Targets((Target("here"),), identity=whole) as targets:
        return await asked(targets, STDIO)


@BY_REFERENCE
async def test_a_token_in_a_file_is_read_again_when_it_is_refused_and_each_minute(
    upstream: Upstream, tmp_path: Path
) -> None:
    path = tmp_path / "token"
    path.write_text("first\n")
    whole: Identity = Token(upstream.url, Reference(file=str(path)))
    async with Targets((Target("here"),), identity=whole) as targets:
        assert await asked(targets, STDIO) == marked("Bearer first")
        path.write_text("second\n")
        upstream.status = lambda seen: 401 if seen.authorization == "Bearer first" else 200
        assert await asked(targets, STDIO) == marked("Bearer second")
        path.write_text("third\n")
        source = targets.target("", STDIO).client.connection.settings.source
        assert isinstance(source, TokenFile)
        later = source.clock() + TOKEN_FILE_SECONDS
        source.clock = lambda: later
        assert await asked(targets, STDIO) == marked("Bearer third")
        upstream.status = lambda seen: 401
        with pytest.raises(ActingError, match="does not accept our token: it is that of the file"):
            await asked(targets, STDIO)


@BY_REFERENCE
async def test_a_token_in_the_environment(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRLEAD_TEST_TOKEN", "kX9vQ2mLpR7")
    assert await by_token(upstream, Reference(env="FAIRLEAD_TEST_TOKEN")) == marked("Bearer kX9vQ2mLpR7")
    monkeypatch.delenv("FAIRLEAD_TEST_TOKEN")
    with pytest.raises(CredentialsError, match="nothing in the environment variable FAIRLEAD_TEST_TOKEN"):
        await by_token(upstream, Reference(env="FAIRLEAD_TEST_TOKEN"))


@BY_REFERENCE
async def test_a_token_in_a_secret_is_read_again(
    cluster: Cluster, unique: Callable[[str], str], upstream: Upstream
) -> None:
    namespace = unique("secret")
    namespaces, secrets = Resource("", "v1", "namespaces", namespaced=False), Resource("", "v1", "secrets")
    secret: dict[str, Any] = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}}
    place = SecretKey(namespace, "a", kubeconfig=str(cluster.kubeconfig), context=cluster.context or "")
    whole: Identity = Token(upstream.url, Reference(secret=place))
    async with cluster.open() as client, Targets((Target("here"),), identity=whole) as targets:
        await client.create(namespaces, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        await client.create(secrets, secret | {"data": _data("first")}, namespace)
        assert await asked(targets, STDIO) == marked("Bearer first")
        await client.patch(secrets, "a", {"data": _data("second")}, namespace)
        upstream.status = lambda seen: 401 if seen.authorization == "Bearer first" else 200
        assert await asked(targets, STDIO) == marked("Bearer second")
    with pytest.raises(CredentialsError, match=f"nothing in the key none of Secret {namespace}/a"):
        await references.read(Reference(secret=replace(place, key="none")))
    with pytest.raises(CredentialsError, match=r"cannot be read: .*not found"):
        await references.read(Reference(secret=replace(place, name="none")))


def _data(token: str) -> dict[str, str]:
    return {"token": base64.b64encode(token.encode()).decode()}


@BY_REFERENCE
async def test_what_cannot_be_read_names_the_place(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match=r"the file .*/none cannot be read: No such file"):
        await references.read(Reference(file=str(tmp_path / "none")))
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(CredentialsError, match="there is nothing in the file"):
        await references.read(Reference(file=str(tmp_path / "empty")))


@BY_REFERENCE
async def test_a_kubeconfig_is_followed_while_its_credentials_change(upstream: Upstream, tmp_path: Path) -> None:
    target = Target("here", kubeconfig=upstream.kubeconfig(tmp_path, token="first"))
    async with Targets((target,)) as targets:
        assert await asked(targets, STDIO) == marked("Bearer first")
        upstream.kubeconfig(tmp_path, token="the second")
        upstream.status = lambda seen: 401 if seen.authorization == "Bearer first" else 200
        assert await asked(targets, STDIO) == marked("Bearer the second")


async def test_in_a_pod_the_cluster_is_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("KUBE"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(KubeconfigError, match="does not exist"):
        references.base("", "")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    with pytest.raises(KubeconfigError, match=r"serviceaccount/ca\.crt cannot be read"):
        references.base("", "")
