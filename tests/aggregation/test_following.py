from collections.abc import AsyncIterator
from typing import Any

import pytest

from fairlead.aggregation.following import TrustFollower
from fairlead.client.watching import Applied, Deleted, Event, Interrupted, Listed
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.principals import Principal
from fairlead.serving.certificates import Authority
from fairlead.serving.tls import ServerTLS
from tests.aggregation.trusts import ClusterTrust, request

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("aggregation:trust-is-followed")]

ALICE = ("X-Remote-User", "alice")


def configmap(cluster: ClusterTrust, **changed: str) -> dict[str, Any]:
    return {"metadata": {"name": "extension-apiserver-authentication"}, "data": {**cluster.data(), **changed}}


def follower() -> tuple[TrustFollower, ServerTLS]:
    tls = ServerTLS(Authority.create("serving").issue_server(["localhost"]), b"")
    return TrustFollower(tls), tls


async def follow(follower: TrustFollower, *events: Event) -> None:
    async def sent() -> AsyncIterator[Event]:
        for event in events:
            yield event

    await follower.follow(sent())


def believes(follower: TrustFollower, cluster: ClusterTrust) -> bool:
    return follower.trust().authenticate(request(cluster.proxy(), ALICE)) == Principal("alice")


async def test_nobody_is_believed_before_the_first_list() -> None:
    ours, _ = follower()
    assert not believes(ours, ClusterTrust())


async def test_trust_and_tls_follow_a_rotation() -> None:
    old, new = ClusterTrust(), ClusterTrust()
    ours, tls = follower()
    both = old.proxies.certificate.decode() + new.proxies.certificate.decode()
    await follow(ours, Listed([configmap(old)], "1"))
    await ours.known()
    assert tls.client_authorities == old.proxies.certificate + old.users.certificate
    assert (believes(ours, old), believes(ours, new)) == (True, False)
    await follow(ours, Applied(configmap(old, **{"requestheader-client-ca-file": both})))
    assert (believes(ours, old), believes(ours, new)) == (True, True)
    await follow(ours, Applied(configmap(new)))
    assert (believes(ours, old), believes(ours, new)) == (False, True)
    assert tls.client_authorities == new.proxies.certificate + new.users.certificate


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (Applied({"metadata": {}, "data": {"requestheader-allowed-names": "nonsense"}}), "requestheader-allowed-names"),
        (Applied({"metadata": {}, "data": {"client-ca-file": "nonsense"}}), "client-ca-file is not a PEM"),
        (Deleted({"metadata": {}}), "is gone"),
        (Listed([], "2"), "is gone"),
        (Interrupted(FairleadError("cannot reach https://app")), "cannot be watched: cannot reach https://app"),
    ],
    ids=["malformed", "broken CA", "deleted", "absent", "interrupted"],
)
async def test_the_last_good_trust_holds(event: Event, said: str, caplog: pytest.LogCaptureFixture) -> None:
    cluster = ClusterTrust()
    ours, tls = follower()
    await follow(ours, Listed([configmap(cluster)], "1"))
    before = tls.client_authorities
    await follow(ours, event)
    assert believes(ours, cluster)
    assert tls.client_authorities == before
    assert said in caplog.text


async def test_without_tls_the_trust_alone_is_kept() -> None:
    cluster, ours = ClusterTrust(), TrustFollower()
    await follow(ours, Listed([configmap(cluster)], "1"))
    assert believes(ours, cluster)
