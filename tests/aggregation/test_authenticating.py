from datetime import UTC, datetime

import pytest

from fairlead.aggregation.authenticating import Authenticator
from fairlead.aggregation.frontproxy import FrontProxyTrust
from fairlead.machinery import statuses
from fairlead.machinery.messages import Request
from fairlead.machinery.principals import NOBODY, Principal
from fairlead.serving.certificates import Authority
from tests.aggregation.trusts import ClusterTrust, request

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("aggregation:authentication-order")]

CLUSTER = ClusterTrust()
PROXIED = ("X-Remote-User", "proxied")
TOKEN = ("Authorization", "Bearer good")


async def identify(token: str) -> Principal | None:
    return Principal("by-token") if token == "good" else None


AUTHENTICATOR = Authenticator(lambda: FrontProxyTrust.parse(CLUSTER.data()), identify)


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        (request(CLUSTER.proxy(), PROXIED, TOKEN), "proxied"),
        (request(CLUSTER.users.issue_client("user"), PROXIED, TOKEN), "user"),
        (request(None, PROXIED, TOKEN), "by-token"),
        (request(CLUSTER.proxy(), TOKEN), "by-token"),
        (request(Authority.create("x").issue_client("x"), TOKEN), "by-token"),
    ],
    ids=["proxy", "certificate", "token", "proxy without a user", "unknown certificate"],
)
async def test_the_first_that_convinces_counts(asked: Request, name: str) -> None:
    found = await AUTHENTICATOR.authenticate(asked)
    assert found.name == name
    assert found.groups == ("system:authenticated",)


async def test_no_credentials_are_nobody_whatever_the_headers_say() -> None:
    assert await AUTHENTICATOR.authenticate(request(None, PROXIED)) == NOBODY


@pytest.mark.parametrize(
    "asked",
    [
        request(None, ("Authorization", "Bearer bad")),
        request(CLUSTER.proxy()),
        request(CLUSTER.proxies.issue_client("another"), PROXIED),
        request(Authority.create("x").issue_client("x"), PROXIED),
    ],
    ids=["bad token", "proxy without a user", "proxy of another name", "unknown certificate"],
)
async def test_a_credential_that_convinces_no_one_is_refused(asked: Request) -> None:
    with pytest.raises(statuses.Unauthorized, match=r"^Unauthorized$"):
        await AUTHENTICATOR.authenticate(asked)


async def test_without_a_reviewer_no_token_convinces() -> None:
    with pytest.raises(statuses.Unauthorized):
        await Authenticator(lambda: FrontProxyTrust.parse({})).authenticate(request(None, TOKEN))


async def test_a_certificate_that_convinced_says_how_long_it_is_still_valid() -> None:
    told = list[float]()
    authenticator = Authenticator(lambda: FrontProxyTrust.parse(CLUSTER.data()), identify, told.append)
    await authenticator.authenticate(request(None, TOKEN))
    with pytest.raises(statuses.Unauthorized):
        await authenticator.authenticate(request(Authority.create("x").issue_client("x"), PROXIED))
    assert told == []
    for pair in (CLUSTER.proxy(), CLUSTER.users.issue_client("user")):
        await authenticator.authenticate(request(pair, PROXIED))
        assert told.pop() == pytest.approx((pair.expires - datetime.now(UTC)).total_seconds(), abs=60)
