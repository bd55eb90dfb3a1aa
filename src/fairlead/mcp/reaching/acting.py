"""As whom a caller reaches a cluster: the settings of a connection, by the server's identity and the caller.

With tokens exchanged or passed on, nothing of the kubeconfig's own credentials is left in the settings, so that a
mistake cannot fall back to them. With impersonation they are all there is, and what the caller is called comes on top:
never a name of Kubernetes' own (`system:…`), whatever the identity provider says, and never one that a header cannot
hold unchanged.

Source: issue MCP serving, 4; reference/mcp-and-gateways.md §5.1.
"""

import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from fairlead.client.connection import Answered
from fairlead.client.credentials import Bearer, Fixed, Renewing, Source, TokenFile
from fairlead.client.errors import KubeconfigError
from fairlead.client.kubeconfig import ConnectionSettings
from fairlead.identity.exchanging import Client, Exchanger
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.messages import Headers
from fairlead.machinery.principals import Principal
from fairlead.mcp.callers import Caller
from fairlead.mcp.entering import admitting
from fairlead.mcp.named.identities import OIDC, Exchange, Identity, Reference, Token
from fairlead.mcp.named.servers import Target
from fairlead.mcp.observing import ObservedConnection
from fairlead.mcp.reaching import references
from fairlead.mcp.tools import ToolError

_RESERVED = "system:"
_REREAD_SECONDS = 60.0
_REFUSED = {
    "exchange": (
        "the cluster does not accept the token that yours was exchanged for",
        "it was exchanged anew and refused again",
        "the API server has to trust that issuer and audience",
    ),
    "pass-on": (
        "the cluster does not accept your token",
        "it is passed on as it came",
        "log in anew; if that does not help, the API server does not trust its issuer or audience",
    ),
    "impersonate": ("the cluster does not accept this server's own credentials", "", "mend its kubeconfig"),
}
_Answer = TypeVar("_Answer", bound=Answered)


class ActingError(FairleadError):
    """A cluster does not take the caller as whom it was reached."""


@dataclass(frozen=True)
class Guise:
    """As whom: one connection for each, and what a cluster serves is remembered for each of `kin`."""

    key: str = ""
    kin: str = ""


class Actor:
    """For one server."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._bases: dict[Target, ConnectionSettings] = {}
        self._exchanger: Exchanger | None = None
        self._close: Callable[[], Awaitable[None]] | None = None

    def guise(self, caller: Caller) -> Guise:
        """Raises `ToolError` for a caller who is not told apart where the server has to."""
        if not isinstance(self._identity, OIDC):
            return Guise()
        if not caller.token:
            raise ToolError(
                "this server reaches its clusters with the token of who calls, and there is none on this way",
                "",
                "connect to its address and log in",
            )
        if self._identity.towards == "impersonate":
            return Guise("\n".join((caller.key, caller.name, *caller.groups)), caller.key)
        return Guise(f"{caller.key}\n{hashlib.sha256(caller.token.encode()).hexdigest()}", caller.key)

    def settings(self, target: Target, caller: Caller) -> ConnectionSettings:
        """Raises `ClientError` for what cannot be used, `ToolError` for a caller who cannot be acted as."""
        identity = self._identity
        if isinstance(identity, Token):
            return _by_token(identity)
        base = self._base(target)
        if not isinstance(identity, OIDC):
            return base
        if identity.towards == "impersonate":
            return replace(base, impersonate=_impersonated(base, caller))
        return replace(base, source=self._source(identity, caller), impersonate=None)

    def _base(self, target: Target) -> ConnectionSettings:
        """Read once, not for each caller: whoever shares it shares how it is followed."""
        if target not in self._bases:
            self._bases[target] = references.base(target.kubeconfig, target.context)
        return self._bases[target]

    def _source(self, identity: OIDC, caller: Caller) -> Source:
        if identity.exchange is None:
            return Fixed(Bearer(f"Bearer {caller.token}"))
        if self._exchanger is None:
            provider = admitting.provider(identity)
            self._exchanger = Exchanger(provider, _client(identity.exchange))
            self._close = provider.fetcher.close
        return Exchanged(self._exchanger, caller.token)

    def explained(self, status: int, body: object) -> FairleadError | None:
        """What to do where a cluster does not take who came; None for any other answer."""
        identity = self._identity
        if status == 401 and isinstance(identity, Token):
            return ActingError("the cluster does not accept our token", f"it is that of the {identity.token}")
        if not isinstance(identity, OIDC):
            return None
        if (
            status == 403
            and identity.towards == "impersonate"
            and isinstance(body, bytes)
            and b"cannot impersonate" in body
        ):
            return ActingError(
                "the cluster does not let us act as you",
                "the account of this server lacks the verb impersonate on your user or one of your groups",
                "whoever runs the server has to grant it",
            )
        return ActingError(*_REFUSED[identity.towards]) if status == 401 else None

    async def close(self) -> None:
        if self._close is not None:
            await self._close()


def _by_token(identity: Token) -> ConnectionSettings:
    authority = identity.certificate_authority
    try:
        bundle = Path(authority).read_bytes() if authority else None
    except OSError as error:
        raise KubeconfigError(f"the certificate authority {authority} cannot be read", error.strerror or "") from error
    return ConnectionSettings(identity.server, _token_source(identity.token), bundle)


def _token_source(reference: Reference) -> Source:
    if reference.file:
        return TokenFile(Path(reference.file))

    async def fetch() -> Bearer:
        return Bearer(f"Bearer {await references.read(reference)}", expires=time.time() + _REREAD_SECONDS)

    return Renewing(fetch)


def _client(exchange: Exchange) -> Client:
    secret = references.Place(exchange.client_secret)
    return Client(
        exchange.client_id,
        secret,
        exchange.audience,
        exchange.token_endpoint,
        exchange.scopes,
        exchange.secret_in_body,
    )


@dataclass
class Exchanged:
    """A `Source`; a token that the cluster refuses is exchanged anew, once."""

    exchanger: Exchanger
    subject: str = field(repr=False)

    async def current(self) -> Bearer:
        return Bearer(f"Bearer {(await self.exchanger.token(self.subject)).token}")

    def forget(self, refused: Bearer) -> bool:
        self.exchanger.forget(self.subject, refused.header.removeprefix("Bearer "))
        return True


def _impersonated(base: ConnectionSettings, caller: Caller) -> Principal:
    if base.impersonate is not None:
        raise KubeconfigError(
            "the kubeconfig impersonates somebody itself", "", "take `as` out of it: callers are impersonated"
        )
    for each in (caller.name, *caller.groups):
        if each.startswith(_RESERVED) or not each:
            raise ToolError("you cannot be acted as", f"{_RESERVED}… is Kubernetes' own", "mend the claims or prefixes")
        if each != each.strip() or not each.isprintable():
            raise ToolError("you cannot be acted as", "your name or a group has characters that no header carries")
    return Principal(caller.name, groups=caller.groups)


class ActingConnection(ObservedConnection):
    def __init__(self, settings: ConnectionSettings, actor: Actor) -> None:
        super().__init__(settings)
        self._actor = actor

    async def _around(
        self, method: str, path: str, headers: Headers, exchange: Callable[[], Awaitable[_Answer]]
    ) -> _Answer:
        answer = await super()._around(method, path, headers, exchange)
        if answer.status in (401, 403):
            explained = self._actor.explained(answer.status, getattr(answer, "body", None))
            if explained is not None:
                raise explained
        return answer
