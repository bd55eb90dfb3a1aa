"""Bearer tokens of callers who come past the aggregator: the API server is asked whose they are (TokenReview).

A token is kept only as a keyed hash, so that neither the cache nor a dump of it gives one away.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from fairlead.aggregation.remembering import Remembered
from fairlead.machinery import statuses
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.messages import Headers
from fairlead.machinery.principals import Principal

Object = dict[str, Any]
Create = Callable[[Object], Awaitable[Object]]
"""Creates a review object and returns what the API server answered; `FairleadError` where it could not."""

LIFETIME = 10.0
PATH = "/apis/authentication.k8s.io/v1/tokenreviews"


def bearer(headers: Headers) -> str:
    """The token of `Authorization: Bearer …`; empty without one."""
    scheme, _, token = headers.get("authorization").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


class Told(Protocol):
    """Who wants to know how the cache of tokens does, `fairlead.serving.metrics` say."""

    def looked_up(self, hit: bool, seconds: float) -> None: ...
    def fetching(self) -> AbstractContextManager[None]: ...


class Untold:
    def looked_up(self, hit: bool, seconds: float) -> None:
        """Nobody asked."""

    def fetching(self) -> AbstractContextManager[None]:
        return nullcontext()


class TokenReviews:
    def __init__(
        self,
        create: Create,
        told: Told | None = None,
        *,
        lifetime: float = LIFETIME,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._create = create
        self._told = told or Untold()
        self._salt = secrets.token_bytes(32)
        self._known: Remembered[bytes, Principal | None] = Remembered(lifetime, clock=clock)

    async def authenticate(self, token: str) -> Principal | None:
        """None for a token that the API server does not know. Raises `statuses.InternalError` if it cannot be asked."""
        key = hmac.digest(self._salt, token.encode("utf-8", "surrogateescape"), hashlib.sha256)
        hit, started = self._known.has(key), time.monotonic()
        try:
            return await self._known.get(key, lambda: self._ask(token))
        finally:
            self._told.looked_up(hit, time.monotonic() - started)

    async def _ask(self, token: str) -> Principal | None:
        try:
            with self._told.fetching():
                answer = await self._create(review(token))
        except FairleadError as error:
            raise statuses.InternalError(
                f"Internal error occurred: the token could not be reviewed: {error}"
            ) from error
        return reviewed(answer)


def review(token: str) -> Object:
    return {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}


def reviewed(answer: Object) -> Principal | None:
    status = answer.get("status") or {}
    if not status.get("authenticated"):
        return None
    principal = Principal.from_user_info(status.get("user") or {})
    return principal if principal.name else None
