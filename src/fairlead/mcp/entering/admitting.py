"""From a bearer token to a caller, and whether that caller may use a server.

The name that a cluster would be told is made here once, with the prefixes that its own authenticator puts before names,
so that impersonation and the API server's rules speak of the same people. Whom a server lets in is compared with what
stands in the token, without prefixes: a prefix is the cluster's business.

Source: issue MCP serving, 2 (`access`) and 4; kube-apiserver's `--oidc-*` flags.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from fairlead.identity.addresses import Trust
from fairlead.identity.errors import TokenError
from fairlead.identity.fetching import Fetcher, authority
from fairlead.identity.keys import Keys
from fairlead.identity.provider import Provider
from fairlead.identity.verifying import Expected, Verifier
from fairlead.mcp.callers import Caller
from fairlead.mcp.named.identities import OIDC, Identity
from fairlead.mcp.named.servers import Access

ANYBODY = "*"
_MOST_PROVIDERS = 32
_MOST_GROUPS = 1000


def provider(identity: OIDC) -> Provider:
    """Close its fetcher. Raises `ProviderError` where its certificate authority cannot be used."""
    endpoint = identity.exchange.token_endpoint if identity.exchange else ""
    trust = Trust.of((identity.issuer, endpoint), identity.trusted_hosts)
    return Provider(identity.issuer, Fetcher(trust, identity.certificate_authority))


def check(identity: Identity) -> None:
    """Raises `ProviderError` for what would only be found out when somebody comes."""
    if isinstance(identity, OIDC) and identity.certificate_authority:
        authority(identity.certificate_authority)


class _Known:
    """One provider, and what servers expect of its tokens."""

    def __init__(self, identity: OIDC) -> None:
        self.provider = provider(identity)
        self._keys = Keys(self.provider)
        self._verifiers: dict[Expected, Verifier] = {}

    def verifier(self, identity: OIDC) -> Verifier:
        expected = Expected(identity.issuer, identity.audiences, identity.algorithms, identity.leeway_seconds)
        return self._verifiers.setdefault(expected, Verifier(expected, self._keys))


class Admission:
    """The providers of all servers; servers with the same one share its documents and keys."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[Any, ...], _Known] = OrderedDict()

    async def provider(self, identity: OIDC) -> Provider:
        """Raises `ProviderError`."""
        return (await self._of(identity)).provider

    async def caller(self, identity: OIDC, token: str) -> Caller:
        """Raises `TokenError`, `ProviderError`."""
        verifier = (await self._of(identity)).verifier(identity)
        return named(identity, await verifier.claims(token), token)

    async def _of(self, identity: OIDC) -> _Known:
        key = (identity.issuer, identity.certificate_authority, identity.trusted_hosts)
        if key not in self._known:
            self._known[key] = _Known(identity)
            if len(self._known) > _MOST_PROVIDERS:
                _, oldest = self._known.popitem(last=False)
                await oldest.provider.fetcher.close()
        found = self._known[key]
        self._known.move_to_end(key)
        return found

    async def close(self) -> None:
        for each in self._known.values():
            await each.provider.fetcher.close()
        self._known.clear()


def named(identity: OIDC, claims: Mapping[str, Any], token: str) -> Caller:
    """Raises `TokenError` for claims that name nobody."""
    username = claims.get(identity.username_claim)
    if not isinstance(username, str) or not username:
        raise TokenError(f"the token has no {_plain(identity.username_claim)}")
    if identity.username_claim == "email" and claims.get("email_verified", True) is not True:
        raise TokenError("the token has an email that is not verified")
    return Caller(
        key=f"{identity.issuer}#{claims['sub']}",
        name=f"{identity.username_prefix}{username}",
        groups=tuple(f"{identity.groups_prefix}{each}" for each in _groups(identity, claims)),
        scopes=_scopes(claims),
        claims=claims,
        token=token,
    )


def _groups(identity: OIDC, claims: Mapping[str, Any]) -> tuple[str, ...]:
    found = claims.get(identity.groups_claim) or ()
    found = [found] if isinstance(found, str) else found
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found) or len(found) > _MOST_GROUPS:
        return ()
    return tuple(each for each in found if each)


def _scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    """`scope` as RFC 9068 has it, `scp` as others do."""
    for key in ("scope", "scp"):
        found = claims.get(key)
        if isinstance(found, str):
            return frozenset(found.split())
        if isinstance(found, list):
            return frozenset(each for each in found if isinstance(each, str))
    return frozenset()


def _plain(text: str) -> str:
    return "".join(each for each in text if (each.isascii() and each.isalnum()) or each in "-_.:/")[:64]


def admits(identity: OIDC, access: Access, caller: Caller, *, beyond_loopback: bool) -> bool:
    """Whether a caller with a good token is among those that the server is for.

    `*` is everybody. A server that says nothing is for everybody who can reach it while only this machine can.
    """
    if not access:
        return not beyond_loopback
    groups = set(_groups(identity, caller.claims))
    return (
        ANYBODY in access.subjects
        or caller.claims.get(identity.username_claim) in access.subjects
        or not groups.isdisjoint(access.groups)
    )
