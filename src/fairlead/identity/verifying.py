"""Whether a bearer token is good, and what it says.

A token is good for us by its audience, not by its kind: an ID token is taken where its audience is ours, because the
programs by which people get a token for a Kubernetes API hand out nothing else. What says of itself that it is for
another use (a refresh token, a logout token, one that is bound to a key that no bearer shows) is not. Opaque tokens are
not: asking the provider about each would make every call wait for it, and the cluster would not take them.

What was found good is remembered for half a minute at most and never beyond its expiry, by a digest: an agent sends the
same token many times a second, and finding out takes longer than all the rest of a call. Keys that a provider takes
back are noticed later than that anyway.

Source: RFC 9068; RFC 8725; reference/mcp-and-gateways.md §5.1.
"""

import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import jwt

from fairlead.identity.errors import TokenError
from fairlead.identity.keys import Keys

MOST_CHARACTERS = 16_384
REMEMBERED_SECONDS = 30.0
_MOST_REMEMBERED = 1_000
_TYPES = ("", "jwt", "at+jwt", "application/at+jwt", "application/jwt")
_OTHER_USES = ("refresh", "offline", "logout")  # Keycloak says it in the claim `typ`
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Expected:
    issuer: str
    audiences: tuple[str, ...]
    algorithms: tuple[str, ...]
    leeway_seconds: int = 30


class Verifier:
    def __init__(self, expected: Expected, keys: Keys, clock: Callable[[], float] = time.time) -> None:
        self._expected = expected
        self._keys = keys
        self._clock = clock
        self._good: OrderedDict[bytes, tuple[float, Mapping[str, Any]]] = OrderedDict()

    async def claims(self, token: str) -> Mapping[str, Any]:
        """Raises `TokenError`, and `ProviderError` where it cannot be told."""
        digest, now = hashlib.sha256(token.encode("utf-8", "replace")).digest(), self._clock()
        until, known = self._good.get(digest, (0.0, {}))
        if now < until:
            return known
        found = MappingProxyType(await self._verified(token))
        self._good[digest] = min(now + REMEMBERED_SECONDS, float(found["exp"]) + self._expected.leeway_seconds), found
        self._good.move_to_end(digest)
        if len(self._good) > _MOST_REMEMBERED:
            self._good.popitem(last=False)
        return found

    async def _verified(self, token: str) -> dict[str, Any]:
        header = self._header(token)
        algorithm, key_id = header.get("alg"), header.get("kid") or ""
        if not isinstance(algorithm, str) or algorithm not in self._expected.algorithms:
            raise TokenError("the token is signed in a way that is not accepted")
        if str(header.get("typ") or "").lower() not in _TYPES or not isinstance(key_id, str):
            raise TokenError("the token is meant for another use")
        found = self._decoded(token, await self._keys.find(key_id, algorithm), algorithm)
        _check_use(found)
        return found

    def _header(self, token: str) -> Mapping[str, Any]:
        if len(token) > MOST_CHARACTERS or token.count(".") != 2:
            raise TokenError("the token is no JSON web token", "", "opaque tokens are not accepted")
        try:
            return jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise TokenError("the token is no JSON web token", "", "opaque tokens are not accepted") from error

    def _decoded(self, token: str, key: jwt.PyJWK, algorithm: str) -> dict[str, Any]:
        expected = self._expected
        try:
            return jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=list(expected.audiences),
                issuer=expected.issuer,
                leeway=expected.leeway_seconds,
                options={"require": ["exp", "iss", "aud", "sub"], "enforce_minimum_key_length": True},
            )
        except jwt.ExpiredSignatureError as error:
            raise TokenError("the token has expired") from error
        except (jwt.ImmatureSignatureError, jwt.InvalidIssuedAtError) as error:
            raise TokenError("the token is not valid yet", "", "compare the clocks") from error
        except jwt.InvalidAudienceError as error:
            raise self._for_another("audience", token) from error
        except jwt.InvalidIssuerError as error:
            raise self._for_another("issuer", token) from error
        except jwt.MissingRequiredClaimError as error:
            if error.claim == "aud":
                raise self._for_another("audience", token) from error
            raise TokenError(f"the token has no {error.claim}") from error
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise TokenError("the signature of the token is not good") from error

    def _for_another(self, what: str, token: str) -> TokenError:
        """The operator reads in the log what stands in it: the usual mistake is a mapper that is missing there.

        Asked only after the signature was found good.
        """
        wanted = self._expected.issuer if what == "issuer" else " or ".join(self._expected.audiences)
        says = jwt.decode(token, options={"verify_signature": False}).get("aud" if what == "audience" else "iss")
        _log.info("a token was refused: its %s is %.200r, not %s", what, says, wanted)
        if what == "issuer":
            return TokenError("the token is of another issuer")
        return TokenError("the token is for another audience", "", f"ask for one for {wanted}")


def _check_use(claims: Mapping[str, Any]) -> None:
    bound = claims.get("cnf")
    if isinstance(bound, Mapping) and bound:
        raise TokenError("the token is bound to a key, and a bearer shows none")
    if str(claims.get("typ") or "").lower() in _OTHER_USES or "events" in claims:
        raise TokenError("the token is meant for another use")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise TokenError("the token has no sub")
