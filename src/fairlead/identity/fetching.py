"""JSON from an identity provider: small, soon, from where it says, or not at all."""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver

from fairlead.identity.addresses import PublicResolver, Trust, is_trusted
from fairlead.identity.errors import ProviderError
from fairlead.machinery import encoding

MOST_BYTES = 1 << 20
SECONDS = 10.0
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "fairlead"}


class Fetcher:
    """Opens nothing before it is first used. Addresses outside `trust` are asked only where they are public."""

    def __init__(self, trust: Trust, bundle: str = "", resolver: AbstractResolver | None = None) -> None:
        """`bundle` is the path of a PEM file. Raises `ProviderError` where it cannot be used."""
        self._trust = trust
        self._context = authority(bundle)
        self._resolver = resolver
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._closed = False

    async def get(self, address: str) -> dict[str, Any]:
        """Raises `ProviderError`."""
        status, found = await self._ask("GET", address, {})
        if status != 200:
            raise ProviderError(f"{_shown(address)} answered HTTP {status}")
        if found is None:
            raise ProviderError(f"{_shown(address)} answered no JSON object")
        return found

    async def post(self, address: str, form: Mapping[str, str], authorization: str = "") -> tuple[int, dict[str, Any]]:
        """Status and document; an empty one where it is none. Raises `ProviderError`."""
        headers = {"Authorization": authorization} if authorization else {}
        status, found = await self._ask("POST", address, headers, form)
        return status, found or {}

    async def _ask(
        self, method: str, address: str, headers: Mapping[str, str], form: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any] | None]:
        if self._closed:
            raise ProviderError(f"{_shown(address)} is not asked any more")
        session = self._session(is_trusted(address, self._trust))
        try:
            async with session.request(
                method, address, headers={**_HEADERS, **headers}, data=form, allow_redirects=False
            ) as answer:
                body = await _read(answer, address)
                return answer.status, _object(body)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise ProviderError(f"{_shown(address)} cannot be asked", _words(error)) from error

    def _session(self, trusted: bool) -> aiohttp.ClientSession:
        if trusted not in self._sessions:
            resolver = self._resolver or aiohttp.ThreadedResolver()
            connector = aiohttp.TCPConnector(
                ssl=self._context, resolver=resolver if trusted else PublicResolver(resolver), use_dns_cache=False
            )
            self._sessions[trusted] = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
            )
        return self._sessions[trusted]

    async def close(self) -> None:
        """For good."""
        self._closed = True
        sessions, self._sessions = self._sessions, {}
        for each in sessions.values():
            await each.close()


async def _read(answer: aiohttp.ClientResponse, address: str) -> bytes:
    if 300 <= answer.status < 400:
        raise ProviderError(f"{_shown(address)} redirects elsewhere", "redirects are not followed", "name the place")
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > MOST_BYTES:
            raise ProviderError(f"{_shown(address)} answers more than {MOST_BYTES >> 20} MiB")
    return bytes(body)


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        found = encoding.from_json(body)
    except encoding.DecodeError:
        return None
    return found if isinstance(found, dict) else None


def authority(bundle: str) -> ssl.SSLContext:
    """Of the authorities in a PEM file, or the system's. Raises `ProviderError`."""
    if not bundle:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cadata=Path(bundle).read_text(encoding="ascii"))
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        why = getattr(error, "strerror", None) or "it is no PEM bundle"
        raise ProviderError(f"the certificate authority {bundle} cannot be used", why) from error


def _shown(address: str) -> str:
    """Without its query, which nobody wrote to be read."""
    return address.partition("?")[0][:200]


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {SECONDS:g} s"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "its certificate is not trusted"
    inner = getattr(error, "os_error", error)
    return getattr(inner, "strerror", None) or type(error).__name__
