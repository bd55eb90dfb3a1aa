"""Tokens, good and bad, and the keys that come and go."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import anyio.lowlevel
import jwt
import pytest

from fairlead.identity import kept as module
from fairlead.identity import verifying as module_verifying
from fairlead.identity.addresses import Trust
from fairlead.identity.errors import ProviderError, TokenError
from fairlead.identity.fetching import Fetcher
from fairlead.identity.kept import Kept
from fairlead.identity.keys import Keys
from fairlead.identity.provider import Provider as Asked
from fairlead.identity.verifying import Expected, Verifier
from tests.identity.provider import Provider, bad_tokens, ec_key, rsa_key

pytestmark = pytest.mark.anyio
VERIFIED = pytest.mark.requirement("mcp-identity:tokens-verified")
ROTATED = pytest.mark.requirement("mcp-identity:keys-rotate")
USUAL = ("RS256", "ES256")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with Provider().served(path="/realms/a") as served:
        yield served


@pytest.fixture
async def fetcher(provider: Provider) -> AsyncIterator[Fetcher]:
    made = Fetcher(Trust.of([provider.issuer]))
    yield made
    await made.close()


def verifier(provider: Provider, fetcher: Fetcher, clock: Clock | None = None, **expected: object) -> Verifier:
    asked = Asked(provider.issuer, fetcher)
    keys = Keys(asked)
    if clock is not None:
        keys = Keys(asked, Kept(keys._fetch, clock))
    return Verifier(Expected(provider.issuer, ("mcp", "also"), USUAL, **expected), keys)  # type: ignore[arg-type]


@VERIFIED
async def test_good_tokens(provider: Provider, fetcher: Fetcher) -> None:
    checked = verifier(provider, fetcher)
    assert (await checked.claims(provider.token("alice")))["sub"] == "alice"
    for audience in (["other", "mcp"], "also"):
        assert await checked.claims(provider.token(audience=audience))
    assert await checked.claims(provider.sign(provider.claims(), "ES256"))
    assert await checked.claims(provider.sign(provider.claims(), headers={"typ": "at+jwt"}))
    assert await checked.claims(provider.token(typ="ID", nonce="a"))
    assert provider.count("/keys") == 1


@VERIFIED
async def test_bad_tokens(provider: Provider, fetcher: Fetcher) -> None:
    checked = verifier(provider, fetcher)
    for name, token in bad_tokens(provider):
        with pytest.raises(TokenError) as caught:
            await checked.claims(token)
        assert caught.value.what.isascii(), name
        assert '"' not in caught.value.what, name
        assert token[-12:] not in str(caught.value), name


@VERIFIED
@pytest.mark.parametrize(
    "claims",
    [{"sub": ""}, {"sub": None}, {"sub": 5}, {"cnf": {"jkt": "a"}}, {"typ": "Logout"}, {"events": {}}, {"aud": None}],
)
async def test_claims_that_make_a_good_signature_useless(
    claims: dict[str, Any], provider: Provider, fetcher: Fetcher
) -> None:
    with pytest.raises(TokenError):
        await verifier(provider, fetcher).claims(provider.token(**claims))


@VERIFIED
async def test_the_header_chooses_nothing(provider: Provider, fetcher: Fetcher) -> None:
    """Neither a key of its own, nor an algorithm that the key is not for, nor one that nobody allowed."""
    checked, claims = verifier(provider, fetcher), provider.claims()
    own = {"jwk": {"kty": "oct", "k": "YQ"}, "jku": "https://evil.example/keys", "kid": provider.key_id}
    assert await checked.claims(provider.sign(claims, headers=own))
    for algorithm in ("RS512", "PS256", "ES384"):
        key = ec_key(0) if algorithm.startswith("ES") else provider.key
        if algorithm == "ES384":
            continue
        with pytest.raises(TokenError, match="not accepted"):
            await checked.claims(jwt.encode(claims, key, algorithm, {"kid": provider.key_id}))
    with pytest.raises(TokenError):
        await checked.claims(jwt.encode(claims, ec_key(0), "ES256", {"kid": provider.key_id}))
    for kind in ("dpop+jwt", "logout+jwt", "secevent+jwt"):
        with pytest.raises(TokenError, match="another use"):
            await checked.claims(provider.sign(claims, headers={"typ": kind}))


@VERIFIED
async def test_clocks_may_differ_a_little(provider: Provider, fetcher: Fetcher) -> None:
    now = provider.claims()["iat"]
    checked = verifier(provider, fetcher, leeway_seconds=60)
    assert await checked.claims(provider.token(exp=now - 30, nbf=now + 30))
    for claims in ({"exp": now - 90}, {"nbf": now + 90}):
        with pytest.raises(TokenError):
            await checked.claims(provider.token(**claims))


@VERIFIED
async def test_the_operator_reads_which_audience_a_token_has(
    provider: Provider, fetcher: Fetcher, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    with pytest.raises(TokenError, match="the token is for another audience; ask for one for mcp or also"):
        await verifier(provider, fetcher).claims(provider.token(audience=["account", "kcp"]))
    assert "its audience is ['account', 'kcp'], not mcp or also" in caplog.text


@ROTATED
async def test_a_new_key_is_found_and_an_old_one_forgotten(provider: Provider, fetcher: Fetcher) -> None:
    clock = Clock()
    checked = verifier(provider, fetcher, clock)
    old = provider.token(jti="never seen before")
    await checked.claims(provider.token())
    provider.rotate()
    clock.now += module.COOLDOWN_SECONDS + 1
    await checked.claims(provider.token())
    assert provider.count("/keys") == 2
    with pytest.raises(TokenError, match="does not have"):
        await checked.claims(old)


@ROTATED
async def test_invented_key_ids_do_not_flood_the_provider(provider: Provider, fetcher: Fetcher) -> None:
    clock = Clock()
    checked = verifier(provider, fetcher, clock)
    await checked.claims(provider.token())
    for number in range(50):
        with pytest.raises(TokenError):
            await checked.claims(jwt.encode(provider.claims(), rsa_key(1000), "RS256", {"kid": f"invented-{number}"}))
    assert provider.count("/keys") == 1
    clock.now += module.COOLDOWN_SECONDS + 1
    for number in range(5):
        with pytest.raises(TokenError):
            await checked.claims(jwt.encode(provider.claims(), rsa_key(1000), "RS256", {"kid": f"more-{number}"}))
    assert provider.count("/keys") == 2


@ROTATED
async def test_what_was_good_holds_on_while_the_provider_fails(provider: Provider, fetcher: Fetcher) -> None:
    clock = Clock()
    checked = verifier(provider, fetcher, clock)
    await checked.claims(provider.token())
    provider.failing = True
    clock.now += module.FRESH_SECONDS + 1
    await checked.claims(provider.token(jti="a"))
    clock.now += module.STALE_SECONDS
    with pytest.raises(ProviderError, match="HTTP 500"):
        await checked.claims(provider.token(jti="b"))


@ROTATED
async def test_a_provider_that_hangs_holds_nobody_up() -> None:
    clock, fetched = Clock(), 0
    hanging = anyio.Event()

    async def fetch() -> object:
        nonlocal fetched
        fetched += 1
        if fetched > 1:
            await hanging.wait()
        return object()

    held = Kept(fetch, clock)
    first = await held.get()
    clock.now += module.FRESH_SECONDS + 1
    with anyio.fail_after(30):
        for _ in range(5):
            assert await held.get() is first
            await anyio.lowlevel.checkpoint()
        assert fetched == 2
        hanging.set()
        while await held.get() is first:
            await anyio.lowlevel.checkpoint()
    assert fetched == 2


@ROTATED
async def test_a_provider_that_comes_late_is_asked_again(provider: Provider, fetcher: Fetcher) -> None:
    clock = Clock()
    checked = verifier(provider, fetcher, clock)
    provider.failing = True
    for _ in range(3):
        with pytest.raises(ProviderError):
            await checked.claims(provider.token())
    assert len(provider.asked) == 2  # both places where a document may be, once
    provider.failing = False
    clock.now += 2
    checked = verifier(provider, fetcher, clock)
    await checked.claims(provider.token())


@ROTATED
async def test_many_at_once_fetch_once(provider: Provider, fetcher: Fetcher) -> None:
    checked = verifier(provider, fetcher)
    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(checked.claims, provider.token())
    assert provider.count("/keys") == provider.count("/.well-known/openid-configuration") == 1


@ROTATED
async def test_keys_that_cannot_be_used_do_not_take_the_others_with_them(provider: Provider, fetcher: Fetcher) -> None:
    good = provider.key_set()["keys"]
    odd = [{"kty": "oct", "k": "YQ", "kid": provider.key_id}, {"kty": "RSA", "n": "AQ", "kid": "odd"}, {}, "no key"]
    provider.key_set = lambda: {"keys": [*odd, *good]}  # type: ignore[method-assign]
    assert await verifier(provider, fetcher).claims(provider.token())


@VERIFIED
async def test_the_document_has_to_be_of_that_issuer(provider: Provider, fetcher: Fetcher) -> None:
    provider.more = {"issuer": f"{provider.issuer}/"}
    with pytest.raises(ProviderError, match="as the document has it, trailing slash included"):
        await verifier(provider, fetcher).claims(provider.token())


@pytest.mark.requirement("mcp-identity:fetch-guard")
async def test_keys_elsewhere_on_this_machine_are_not_asked_for(provider: Provider, fetcher: Fetcher) -> None:
    async with Provider().served() as other:
        provider.more = {"jwks_uri": f"{other.issuer}/keys"}
        with pytest.raises(ProviderError, match="has to be https"):
            await verifier(provider, fetcher).claims(provider.token())
        assert other.asked == []


@VERIFIED
async def test_what_is_remembered_ends_with_the_token_and_after_half_a_minute(
    provider: Provider, fetcher: Fetcher
) -> None:
    clock = Clock()
    clock.now = provider.claims()["iat"]
    keys = Keys(Asked(provider.issuer, fetcher))
    checked = Verifier(Expected(provider.issuer, ("mcp",), USUAL, leeway_seconds=0), keys, clock)
    short, long = provider.token(exp=int(clock.now) + 5), provider.token()
    for token in (short, long):
        assert await checked.claims(token) is await checked.claims(token)
    clock.now += 6
    first = await checked.claims(long)
    assert await checked.claims(short) is not await checked.claims(
        short
    )  # asked each time, by the clock of this machine
    clock.now += module_verifying.REMEMBERED_SECONDS
    assert await checked.claims(long) is not first
    for number in range(1100):
        await checked.claims(provider.token(jti=str(number)))
    assert len(checked._good) == 1000
