"""A token of one audience for a token of another, as the same user (RFC 8693).

What was given is kept until shortly before it expires, by a digest of the token that it was given for: the provider is
asked once in a token's life, not once a call. However many calls of one user come at once, it is asked once.

Source: RFC 8693 §2; RFC 6749 §2.3.1 for how a client says who it is.
"""

import asyncio
import base64
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

from fairlead.identity.errors import ExchangeError, ProviderError
from fairlead.identity.provider import Provider

_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a name of a kind
_MARGIN_SECONDS = 30.0
_UNSAID_SECONDS = 60.0
_MOST = 5_000


@dataclass(frozen=True)
class Client:
    """We, to the provider."""

    client_id: str
    secret: Callable[[], Awaitable[str]] = field(repr=False)
    """Read anew for each exchange, because it rotates. Raises what may reach the caller."""
    audience: str
    token_endpoint: str = ""
    """Empty: as the provider's document says."""
    scopes: tuple[str, ...] = ()
    secret_in_body: bool = False
    """`client_secret_post`, for a provider that takes no header."""


@dataclass(frozen=True)
class Given:
    token: str = field(repr=False)
    expires: float
    """Unix time after which it is not to be used any more, the margin taken off."""


class Exchanger:
    def __init__(self, provider: Provider, client: Client, clock: Callable[[], float] = time.time) -> None:
        self._provider = provider
        self._client = client
        self._clock = clock
        self._salt = secrets.token_bytes(32)
        self._given: OrderedDict[bytes, Given] = OrderedDict()
        self._asking: dict[bytes, asyncio.Lock] = {}

    async def token(self, subject: str) -> Given:
        """Raises `ExchangeError`, `ProviderError`."""
        key = self._key(subject)
        if (kept := self._kept(key)) is not None:
            return kept
        asking = self._asking.setdefault(key, asyncio.Lock())
        try:
            async with asking:
                if (kept := self._kept(key)) is None:
                    kept = await self._ask(subject)
                    self._keep(key, kept)
                return kept
        finally:
            if not asking.locked():
                self._asking.pop(key, None)

    def forget(self, subject: str, refused: str) -> None:
        """What was given is not accepted; what has been given since is kept."""
        key = self._key(subject)
        if key in self._given and hmac.compare_digest(self._given[key].token.encode(), refused.encode()):
            del self._given[key]

    def _key(self, subject: str) -> bytes:
        return hmac.digest(self._salt, f"{self._client.audience}\n{subject}".encode("utf-8", "replace"), "sha256")

    def _kept(self, key: bytes) -> Given | None:
        kept = self._given.get(key)
        if kept is None or kept.expires <= self._clock():
            return None
        self._given.move_to_end(key)
        return kept

    def _keep(self, key: bytes, given: Given) -> None:
        self._given[key] = given
        self._given.move_to_end(key)
        while len(self._given) > _MOST:
            self._given.popitem(last=False)

    async def _ask(self, subject: str) -> Given:
        client = self._client
        endpoint = client.token_endpoint or await self._provider.endpoint("token_endpoint")
        form = {
            "grant_type": _GRANT,
            "subject_token": subject,
            "subject_token_type": ACCESS_TOKEN,
            "requested_token_type": ACCESS_TOKEN,
            "audience": client.audience,
        }
        if client.scopes:
            form["scope"] = " ".join(client.scopes)
        authorization = ""
        if await self._in_body():
            form |= {"client_id": client.client_id, "client_secret": await client.secret()}
        else:
            authorization = await self._authorization()
        began = self._clock()
        status, answer = await self._provider.fetcher.post(endpoint, form, authorization)
        token = answer.get("access_token")
        if status != 200 or not isinstance(token, str) or not token:
            raise self._refused(status, answer)
        return Given(token, began + _lifetime(answer) - _MARGIN_SECONDS)

    async def _in_body(self) -> bool:
        """Where it was said, and where the provider's document says that it takes nothing else."""
        if self._client.secret_in_body or self._client.token_endpoint:
            return self._client.secret_in_body
        methods = (await self._provider.document()).get("token_endpoint_auth_methods_supported")
        return isinstance(methods, list) and "client_secret_post" in methods and "client_secret_basic" not in methods

    async def _authorization(self) -> str:
        pair = f"{quote_plus(self._client.client_id)}:{quote_plus(await self._client.secret())}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"

    def _refused(self, status: int, answer: Mapping[str, Any]) -> Exception:
        if status >= 500 or status == 429:
            return ProviderError(f"the identity provider {self._provider.issuer} answered HTTP {status}")
        said = f"{answer.get('error') or f'HTTP {status}'}: {answer.get('error_description') or ''}".rstrip(": ")
        plain = "".join(each for each in said if each.isprintable())[:300]
        return ExchangeError(
            f"the identity provider gives no token for {self._client.audience}",
            plain,
            f"it has to allow {self._client.client_id} to exchange tokens for that audience; then log in anew",
        )


def _lifetime(answer: Mapping[str, Any]) -> float:
    """A token that lives shorter than the margin is used for the call that it was asked for, and not kept."""
    said = answer.get("expires_in")
    return float(said) if isinstance(said, int | float) and 0 < said < 10**9 else _UNSAID_SECONDS
