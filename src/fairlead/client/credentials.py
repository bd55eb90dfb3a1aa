"""Who we are to a server, as data, and the part of it that changes while we run.

A kubeconfig is read once; tokens in files rotate and exec plugins hand out credentials that expire. `Source` is the one
place that knows, so that a connection only asks for the headers of the moment.
"""

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


class Source(Protocol):
    async def current(self) -> Bearer:
        """Raises `CredentialsError`."""

    def forget(self) -> bool:
        """After a 401: whether asking again may give something else."""


@dataclass(frozen=True)
class Fixed:
    bearer: Bearer = Bearer()

    async def current(self) -> Bearer:
        return self.bearer

    def forget(self) -> bool:
        return False


@dataclass
class TokenFile:
    path: Path
    certificate: ClientCertificate | None = None
    clock: Callable[[], float] = time.monotonic
    _read: tuple[float, str] | None = None

    async def current(self) -> Bearer:
        now = self.clock()
        if self._read is None or now - self._read[0] >= TOKEN_FILE_SECONDS:
            self._read = (now, self._load())
        return Bearer(f"Bearer {self._read[1]}", self.certificate)

    def _load(self) -> str:
        try:
            token = self.path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is not text"
            raise CredentialsError(f"the token file {self.path} cannot be read", why) from error
        if not token:
            raise CredentialsError(f"the token file {self.path} is empty")
        return token

    def forget(self) -> bool:
        self._read = None
        return True


@dataclass
class Renewing:
    """Keeps what `fetch` gave until shortly before it expires; two callers at once share one fetch."""

    fetch: Callable[[], Awaitable[Bearer]]
    clock: Callable[[], float] = time.time
    _bearer: Bearer | None = None

    async def current(self) -> Bearer:
        kept = self._bearer
        if kept is None or (kept.expires is not None and self.clock() >= kept.expires):
            self._bearer = kept = await self.fetch()
        return kept

    def forget(self) -> bool:
        self._bearer = None
        return True
