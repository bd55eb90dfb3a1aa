"""Who we are to a server, as data, and the part of it that changes while we run.

A kubeconfig is read once; tokens in files rotate and exec plugins hand out credentials that expire. `Source` is the one
place that knows, so that a connection only asks for the headers of the moment.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from fairlead.client.errors import CredentialsError

TOKEN_FILE_SECONDS = 60.0
"""How long a token file's content is used before it is read again, as client-go has it."""


@dataclass(frozen=True)
class ClientCertificate:
    """PEM."""

    certificate: bytes = field(repr=False)
    key: bytes = field(repr=False)


@dataclass(frozen=True)
class Bearer:
    """What a request carries, and the certificate that the connection shows; either may be empty."""

    header: str = field(default="", repr=False)
    """The value of `Authorization`."""
    certificate: ClientCertificate | None = None
    expires: float | None = None
    """Unix time."""
    authority: bytes | None = field(default=None, repr=False)
    """PEM bundle of the moment, in place of the one in the settings; None where it does not change."""


class Source(Protocol):
    async def current(self) -> Bearer:
        """Raises `CredentialsError`."""

    def forget(self, refused: Bearer) -> bool:
        """After a 401: whether asking again may give something else. What was renewed meanwhile is kept."""


@dataclass(frozen=True)
class Fixed:
    bearer: Bearer = Bearer()

    async def current(self) -> Bearer:
        return self.bearer

    def forget(self, refused: Bearer) -> bool:
        return False


@dataclass
class TokenFile:
    """While the file cannot be read, as in the middle of a rotation, what was last read from it is used."""

    path: Path
    certificate: ClientCertificate | None = None
    fallback: str = field(default="", repr=False)
    """A token for as long as the file has given none."""
    clock: Callable[[], float] = time.monotonic
    _token: str = field(default="", init=False, repr=False)
    _read_at: float | None = field(default=None, init=False)

    async def current(self) -> Bearer:
        now = self.clock()
        if self._read_at is None or now - self._read_at >= TOKEN_FILE_SECONDS:
            self._token = self._load()
            self._read_at = now
        return Bearer(f"Bearer {self._token}", self.certificate)

    def _load(self) -> str:
        known = self._token or self.fallback
        try:
            token = self.path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            if known:
                return known
            why = getattr(error, "strerror", None) or "it is not text"
            raise CredentialsError(f"the token file {self.path} cannot be read", why) from error
        if not token and not known:
            raise CredentialsError(f"the token file {self.path} is empty")
        return token or known

    def forget(self, refused: Bearer) -> bool:
        self._read_at = None
        return True


@dataclass
class Renewing:
    """Keeps what `fetch` gave until it expires; however many ask at once, it is fetched once."""

    fetch: Callable[[], Awaitable[Bearer]]
    clock: Callable[[], float] = time.time
    _bearer: Bearer | None = field(default=None, init=False)
    _fetching: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)

    async def current(self) -> Bearer:
        if (kept := self._kept()) is not None:
            return kept
        async with self._fetching:
            if (kept := self._kept()) is None:
                self._bearer = kept = await self.fetch()
            return kept

    def _kept(self) -> Bearer | None:
        kept = self._bearer
        return kept if kept and (kept.expires is None or self.clock() < kept.expires) else None

    def forget(self, refused: Bearer) -> bool:
        if self._bearer == refused:
            self._bearer = None
        return True
