"""The public keys of a provider, by their ids.

A key is used for signatures of its own kind alone, whatever a token says: the header of a token chooses among keys and
algorithms that are allowed anyway, and a public key is never taken for the secret of another algorithm.

Source: RFC 7517; RFC 8725 §3.1.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt

from fairlead.identity.errors import ProviderError, TokenError
from fairlead.identity.kept import Kept
from fairlead.identity.provider import Provider

_MOST_KEYS = 200
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519"}
_KINDS = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}


@dataclass(frozen=True, eq=False)
class KeySet:
    entries: tuple[Mapping[str, Any], ...]
    _made: dict[tuple[str, str], jwt.PyJWK] = field(default_factory=dict)
    """Making one takes longer than using it; no more than there are entries and algorithms."""

    def find(self, key_id: str, algorithm: str) -> jwt.PyJWK | None:
        """Without an id only where there is no choice."""
        if (key_id, algorithm) not in self._made:
            fitting = [each for each in self.entries if _fits(each, algorithm)]
            named = [each for each in fitting if each.get("kid") == key_id] if key_id else fitting
            found = list(_usable(named, algorithm))
            if not found or (len(found) > 1 and not key_id):
                return None
            self._made[key_id, algorithm] = found[0]
        return self._made[key_id, algorithm]


class Keys:
    """Fetched with the first token; anew when a token names one that is not there."""

    def __init__(self, provider: Provider, kept: Kept[KeySet] | None = None) -> None:
        self._provider = provider
        self._kept = kept or Kept(self._fetch)

    async def find(self, key_id: str, algorithm: str) -> jwt.PyJWK:
        """Raises `TokenError` for a key that the provider does not have, `ProviderError`."""
        known = await self._kept.get()
        found = known.find(key_id, algorithm)
        if found is None:
            found = (await self._kept.newer(known)).find(key_id, algorithm)
        if found is None:
            raise TokenError("the token is signed with a key that the identity provider does not have")
        return found

    async def _fetch(self) -> KeySet:
        found = (await self._provider.fetcher.get(await self._provider.endpoint("jwks_uri"))).get("keys")
        if not isinstance(found, list):
            raise ProviderError(f"the identity provider {self._provider.issuer} has no keys in its key set")
        return KeySet(tuple(each for each in found[:_MOST_KEYS] if isinstance(each, Mapping)))


def _fits(key: Mapping[str, Any], algorithm: str) -> bool:
    return (
        key.get("kty") == _KINDS.get(algorithm[:2])
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) in (algorithm, "Ed25519" if algorithm == "EdDSA" else algorithm)
        and ("crv" not in key or key["crv"] == _CURVES.get(algorithm))
    )


def _usable(keys: list[Mapping[str, Any]], algorithm: str) -> Iterator[jwt.PyJWK]:
    """One that cannot be used is as good as none: it must not take the others with it."""
    for each in keys:
        try:
            yield jwt.PyJWK(dict(each), algorithm)
        except jwt.PyJWTError:
            continue
