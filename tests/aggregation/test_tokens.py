import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from fairlead.aggregation.tokens import TokenReviews, bearer
from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.messages import Headers
from fairlead.machinery.principals import Principal
from tests.aggregation.reviews import Backend, Clock

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("aggregation:token-reviews")]

USER = {"username": "alice", "uid": "7", "groups": ["devs"], "extra": {"k": ["v"]}}


def answer(spec: dict[str, Any]) -> dict[str, Any]:
    if spec["token"] == "good":
        return {"authenticated": True, "user": USER}
    return {"user": {}, "error": "invalid bearer token"}


async def test_the_api_server_says_whose_a_token_is() -> None:
    backend = Backend(answer)
    reviews = TokenReviews(backend.create)
    assert await reviews.authenticate("good") == Principal("alice", "7", ("devs",), (("k", ("v",)),))
    assert await reviews.authenticate("bad") is None
    assert backend.asked[0] == {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": {"token": "good"},
    }


async def test_both_answers_are_kept_for_ten_seconds() -> None:
    backend, clock = Backend(answer), Clock()
    reviews = TokenReviews(backend.create, clock=clock)
    for _ in range(3):
        await reviews.authenticate("good")
        await reviews.authenticate("bad")
    assert len(backend.asked) == 2
    clock.now += 10.1
    await reviews.authenticate("good")
    assert len(backend.asked) == 3


class Told:
    def __init__(self) -> None:
        self.said: list[str] = []

    def looked_up(self, hit: bool, seconds: float) -> None:
        assert seconds >= 0
        self.said.append("hit" if hit else "miss")

    @contextmanager
    def fetching(self) -> Iterator[None]:
        try:
            yield
        except FairleadError:
            self.said.append("failed")
            raise
        self.said.append("fetched")


async def test_whoever_wants_to_know_is_told_how_the_cache_does() -> None:
    told = Told()
    reviews = TokenReviews(Backend(answer).create, told)
    await reviews.authenticate("good")
    await reviews.authenticate("good")
    assert told.said == ["fetched", "miss", "hit"]

    async def down(body: object) -> dict[str, Any]:
        raise FairleadError("cannot reach https://app", "connection refused")

    told = Told()
    with pytest.raises(statuses.InternalError):
        await TokenReviews(down, told).authenticate("good")
    assert told.said == ["failed", "miss"]


async def test_no_token_is_kept() -> None:
    reviews = TokenReviews(Backend(answer).create)
    token = "".join(["s3", "cret", "-token"])
    await reviews.authenticate(token)
    gc.collect()
    kept = reviews._known._answers
    assert len(kept) == 1
    assert token.encode() not in b"".join(kept)


async def test_an_outage_is_a_500() -> None:
    async def down(body: object) -> dict[str, Any]:
        raise FairleadError("cannot reach https://app", "connection refused")

    with pytest.raises(statuses.InternalError, match="the token could not be reviewed: cannot reach https://app"):
        await TokenReviews(down).authenticate("good")


async def test_a_user_without_a_name_is_nobody() -> None:
    assert await TokenReviews(Backend(lambda _: {"authenticated": True}).create).authenticate("x") is None


@pytest.mark.parametrize(
    ("value", "token"),
    [("Bearer abc", "abc"), ("bearer  abc ", "abc"), ("Basic abc", ""), ("Bearer", ""), ("", ""), ("Bearerabc", "")],
)
def test_the_authorization_header(value: str, token: str) -> None:
    assert bearer(Headers([("Authorization", value)])) == token
