"""A token of the caller for one that the cluster takes."""

import time
from collections.abc import AsyncIterator

import anyio
import jwt
import pytest

from fairlead.identity.addresses import Trust
from fairlead.identity.errors import ExchangeError, ProviderError
from fairlead.identity.exchanging import Client, Exchanger
from fairlead.identity.fetching import Fetcher
from fairlead.identity.provider import Provider as Asked
from tests.identity.provider import Provider

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("mcp-identity:exchange")]


async def secret() -> str:
    return "s3cret"


async def wrong() -> str:
    return "kX9vQ2mLpR7"


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with Provider().served() as served:
        yield served


@pytest.fixture
async def asked(provider: Provider) -> AsyncIterator[Asked]:
    fetcher = Fetcher(Trust.of([provider.issuer]))
    yield Asked(provider.issuer, fetcher)
    await fetcher.close()


def who(token: str) -> str:
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["aud"] == "kubernetes"
    return str(claims["sub"])


async def test_once_in_the_life_of_a_token(provider: Provider, asked: Asked) -> None:
    now = time.time()
    exchanger = Exchanger(asked, Client("mcp", secret, "kubernetes"), lambda: now)
    token = provider.token("alice")
    first = await exchanger.token(token)
    assert who(first.token) == "alice"
    assert await exchanger.token(token) == first
    assert provider.count("/token") == 1
    now += provider.lifetime - 20
    assert await exchanger.token(token) is not first
    assert provider.count("/token") == 2


async def test_many_users_at_once_each_get_their_own(provider: Provider, asked: Asked) -> None:
    exchanger = Exchanger(asked, Client("mcp", secret, "kubernetes"))
    found: list[tuple[str, str]] = []

    async def one(user: str, token: str) -> None:
        found.append((user, who((await exchanger.token(token)).token)))

    async with anyio.create_task_group() as tasks:
        for number in range(20):
            user = f"user-{number}"
            token = provider.token(user)
            for _ in range(3):
                tasks.start_soon(one, user, token)
    assert len(found) == 60
    assert all(user == named for user, named in found)
    assert provider.count("/token") == 20
    assert not exchanger._asking


async def test_what_was_refused_is_asked_for_anew(provider: Provider, asked: Asked) -> None:
    exchanger = Exchanger(asked, Client("mcp", secret, "kubernetes"))
    token = provider.token("alice")
    first = await exchanger.token(token)
    exchanger.forget(token, "another")
    assert (await exchanger.token(token)).token == first.token
    exchanger.forget(token, first.token)
    await exchanger.token(token)
    assert provider.count("/token") == 2


async def test_refusals_say_what_to_mend(provider: Provider, asked: Asked) -> None:
    with pytest.raises(ExchangeError, match="audience not available: elsewhere; it has to allow mcp to exchange"):
        await Exchanger(asked, Client("mcp", secret, "elsewhere")).token(provider.token())
    with pytest.raises(ExchangeError, match="invalid_client") as caught:
        await Exchanger(asked, Client("mcp", wrong, "kubernetes")).token(provider.token())
    assert "kX9vQ2mLpR7" not in str(caught.value)
    provider.failing = True
    with pytest.raises(ProviderError, match="HTTP 500"):
        await Exchanger(asked, Client("mcp", secret, "kubernetes", f"{provider.issuer}/token")).token("a.b.c")


async def test_a_token_endpoint_that_the_operator_wrote_needs_no_document(provider: Provider, asked: Asked) -> None:
    client = Client("mcp", secret, "kubernetes", f"{provider.issuer}/token", ("a", "b"))
    found = await Exchanger(asked, client).token(provider.token("bob"))
    assert who(found.token) == "bob"
    assert provider.asked == [("POST", "/token")]
    assert "s3cret" not in repr(client)
    assert found.token not in repr(found)


async def test_the_secret_is_sent_in_the_way_that_the_provider_takes(provider: Provider, asked: Asked) -> None:
    provider.takes = ("client_secret_post",)
    found = await Exchanger(asked, Client("mcp", secret, "kubernetes")).token(provider.token("bob"))
    assert who(found.token) == "bob"
    with pytest.raises(ExchangeError, match="invalid_client"):
        await Exchanger(asked, Client("mcp", secret, "kubernetes", f"{provider.issuer}/token")).token(provider.token())
