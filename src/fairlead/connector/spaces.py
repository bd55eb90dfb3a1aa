"""A control plane that lives in a Space: where its API is, and how a personal token becomes a bearer that it accepts.

The Space's router has every control plane under a path of its own. Its bearer lives about an hour and is bought with a
personal token at another host, in the form of RFC 8693; to whoever uses the connection that is one more source of
credentials. A Space of the vendor was never at hand: what is proved is proved against a double of both hosts.

Source: issue Connector, 5; reference/connector-and-migration.md §5; RFC 8693.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

from fairlead.client.connection import Connection
from fairlead.client.credentials import Bearer
from fairlead.client.errors import ClientError, CredentialsError, Unreachable
from fairlead.client.kubeconfig import ConnectionSettings
from fairlead.connector.settings import SettingsError
from fairlead.machinery import encoding, names, webtokens
from fairlead.machinery.messages import Headers, Response

DOMAIN = "upbound.io"
EXCHANGE = "/apis/tokenexchange.upbound.io/v1alpha1/orgscopedtokens"
AUDIENCES = ("upbound:spaces:api", "upbound:spaces:controlplanes")
SHARE_OF_LIFE = 0.8
UNKNOWN_LIFE = 600.0
"""Seconds, of a bearer that does not say how long it lives."""
RETRY = 10.0
_TIMEOUT = 10.0
_LONGEST = 30 * 24 * 3600.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Space:
    host: str
    """Of the Space's router; `host` or `host:port`."""
    account: str
    token_file: Path
    """Read for each exchange, since it may be rotated."""
    name: str
    group: str
    domain: str = DOMAIN
    """`auth.<domain>` exchanges tokens; with a port where it is not 443."""
    authority: Path | None = None
    """PEM bundle for both hosts."""
    insecure: bool = False
    """Of the router alone: the token exchange is always verified, since the personal token goes there."""

    def check(self) -> None:
        """Raises `SettingsError`."""
        given = {"host": self.host, "account": self.account, "control plane": self.name, "group": self.group}
        if lacking := [key for key, value in given.items() if not value]:
            raise SettingsError(f"the Space's {' and '.join(lacking)} must be given", "a Space needs all four of them")
        for what, host in (("host", self.host), ("domain", self.domain)):
            if not is_host(host):
                raise SettingsError(f"{host!r} is no {what} of a Space", "it is a host name, perhaps with a port")
        for what, name in (("control plane", self.name), ("control plane group", self.group)):
            if names.label(name):
                raise SettingsError(f"{name!r} is no {what}", "it is a DNS label")

    @property
    def server(self) -> str:
        path = f"/apis/spaces.upbound.io/v1beta1/namespaces/{self.group}/controlplanes/{self.name}/k8s"
        return f"https://{self.host}{path}"

    def connection(self) -> ConnectionSettings:
        """Raises `SettingsError`. The token is read with the first request."""
        self.check()
        bundle = self._bundle()
        if self.insecure:
            _log.warning("the Space %s is not verified: whoever is in between can read and change all", self.host)
        exchange = TokenExchange(
            ConnectionSettings(f"https://auth.{self.domain}", authority=bundle), self.account, self._token
        )
        return ConnectionSettings(self.server, Exchanged(exchange), bundle, self.insecure)

    def _bundle(self) -> bytes | None:
        if self.authority is None:
            return None
        try:
            return self.authority.read_bytes()
        except OSError as error:
            raise SettingsError(f"{self.authority} cannot be read", error.strerror or "") from error

    def _token(self) -> str:
        try:
            token = self.token_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is no text"
            raise CredentialsError(f"the token file {self.token_file} cannot be read", why) from None
        if not token or not token.isprintable():
            raise CredentialsError(f"the token file {self.token_file} holds no token")
        return token


def described(
    host: str,
    account: str,
    token_file: Path | None,
    name: str,
    group: str,
    domain: str,
    authority: Path | None,
    *,
    insecure: bool,
) -> Space | None:
    """None where nothing of a Space is given. Raises `SettingsError`."""
    if not (host or account or token_file or name or group):
        return None
    if token_file is None:
        raise SettingsError("the Space's token file must be given", "a Space takes a personal token")
    return Space(host, account, token_file, name, group, domain, authority, insecure)


def is_host(text: str) -> bool:
    """A host name or address, perhaps with a port; nothing that could lead a URL elsewhere."""
    try:
        parts = urlsplit(f"https://{text}")
        host, port = parts.hostname or "", parts.port
    except ValueError:  # brackets that do not match, a port that is no number
        return False
    if parts.netloc != text or port == 0 or "@" in text:
        return False
    if text.startswith("["):
        return True
    return not names.subdomain(host)


@dataclass(frozen=True)
class TokenExchange:
    target: ConnectionSettings
    account: str
    token: Callable[[], str]
    clock: Callable[[], float] = time.time

    async def fetch(self) -> Bearer:
        """Raises `ClientError`."""
        token = self.token()
        form = [
            *(("audience", each) for each in AUDIENCES),
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
            ("subject_token", token),
            ("scope", f"upbound:org:{self.account}"),
        ]
        headers = Headers(
            [
                ("accept", "application/json"),
                ("authorization", f"Bearer {token}"),
                ("content-type", "application/x-www-form-urlencoded"),
            ]
        )
        body = urlencode(form, quote_via=quote).encode()
        asked = self.clock()
        async with Connection(self.target) as connection:
            answer = await connection.request("POST", EXCHANGE, headers=headers, body=body, timeout=_TIMEOUT)
        return self._bearer(answer, asked)

    def _bearer(self, answer: Response, asked: float) -> Bearer:
        """The answer's text is never repeated: it may hold the token."""
        where = self.target.server
        if answer.status in (400, 401, 403):
            raise CredentialsError(
                f"{where} does not accept the token for account {self.account!r}",
                f"it answered HTTP {answer.status}",
                "check account and token; tokens expire and are revoked",
            )
        if answer.status == 429 or answer.status >= 500:
            raise Unreachable(f"{where} exchanges no tokens now", f"it answered HTTP {answer.status}")
        if answer.status != 200:
            raise CredentialsError(f"{where} exchanged no token", f"it answered HTTP {answer.status}")
        try:
            found = encoding.from_json(answer.body if isinstance(answer.body, bytes) else b"")
        except encoding.DecodeError:
            found = None
        token = found.get("access_token") if isinstance(found, dict) else None
        if not isinstance(token, str) or not token or not token.isprintable():
            raise CredentialsError(f"{where} exchanged no token", "its answer has no access_token")
        return Bearer(f"Bearer {token}", expires=asked + _life(found, token, asked))


@dataclass
class Exchanged:
    """A `Source` that exchanges after four fifths of a bearer's life, and lives on the last fifth while that fails."""

    exchange: TokenExchange
    _bearer: Bearer | None = field(default=None, init=False)
    _next: float = field(default=0.0, init=False)
    _exchanging: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)

    async def current(self) -> Bearer:
        if (kept := self._good()) is not None and (self._now < self._next or self._exchanging.locked()):
            return kept
        async with self._exchanging:
            if (kept := self._good()) is None or self._now >= self._next:
                kept = await self._exchanged(kept)
            return kept

    @property
    def _now(self) -> float:
        return self.exchange.clock()

    def _good(self) -> Bearer | None:
        kept = self._bearer
        return kept if kept and kept.expires and self._now < kept.expires else None

    async def _exchanged(self, kept: Bearer | None) -> Bearer:
        began = self._now
        try:
            found = await self.exchange.fetch()
        except ClientError as error:
            if kept is None:
                raise
            self._next = began + RETRY
            _log.warning("the bearer of the Space is not renewed yet: %s", error)
            return kept
        self._bearer, self._next = found, began + SHARE_OF_LIFE * ((found.expires or began) - began)
        return found

    def forget(self, refused: Bearer) -> bool:
        if self._bearer == refused:
            self._bearer = None
        return True


def _life(answer: dict[str, object], token: str, asked: float) -> float:
    """Seconds; `expires_in` is optional (RFC 8693 §2.2.1), and then the token itself may say."""
    given = answer.get("expires_in")
    if isinstance(given, int | float) and 0 < given < _LONGEST:
        return float(given)
    ends = webtokens.claims(token).get("exp")
    if isinstance(ends, int | float) and 0 < ends - asked < _LONGEST:
        return ends - asked
    return UNKNOWN_LIFE
