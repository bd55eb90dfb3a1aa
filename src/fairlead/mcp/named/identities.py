"""How callers of a server are told apart, and as whom they reach a cluster: `identity` in a server file.

`identitykeys` reads it. Three ways, each a value of its own, because hardly any key means something in two of them:

- `kubeconfig` (the default): everybody is who the kubeconfig says.
- `token`: everybody is who a token says, at one address. The token is named, never written down.
- `oidc`: each caller brings a token of an identity provider, which is verified; towards the cluster it is exchanged
  for one of the cluster's, or its user is impersonated, or it is passed on. The kubeconfig then needs no credentials,
  unless to impersonate.

Passing on is never a default: a token for two audiences can be used at either by the other.

Source: issue MCP serving, 4; reference/mcp-and-gateways.md §5.1.
"""

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

ASYMMETRIC = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
USUAL = ("RS256", "PS256", "ES256", "ES384", "EdDSA")
LOOPBACK = ("127.0.0.1", "::1", "localhost")

Towards = Literal["exchange", "impersonate", "pass-on"]


@dataclass(frozen=True)
class SecretKey:
    """One value of a Secret, read with the rights of the kubeconfig, or of the Pod that we are."""

    namespace: str
    name: str
    key: str = "token"
    kubeconfig: str = ""
    context: str = ""


@dataclass(frozen=True)
class Reference:
    """Where a secret stands; exactly one of the four."""

    file: str = ""
    env: str = ""
    secret: SecretKey | None = None
    text: str = field(default="", repr=False)
    """Itself, as another product's `config.toml` has it; never from a server file."""

    def __str__(self) -> str:
        """For errors and listings."""
        if self.secret is not None:
            return f"key {self.secret.key} of Secret {self.secret.namespace}/{self.secret.name}"
        if self.text:
            return "the configuration"
        return f"file {self.file}" if self.file else f"environment variable {self.env}"


@dataclass(frozen=True)
class Kubeconfig:
    """As the targets' kubeconfigs say."""

    way = "kubeconfig"


@dataclass(frozen=True)
class Token:
    """One API server by its address."""

    server: str
    token: Reference
    certificate_authority: str = ""
    """Path of a PEM bundle; empty means the system's."""
    way = "token"


@dataclass(frozen=True)
class Scopes:
    """What a token's scope must hold, by what a tool may do: `write` includes reading, `admin` everything.

    Empty where it is not mapped: then what the level below asks for is enough.
    """

    read: str = ""
    write: str = ""
    admin: str = ""

    @property
    def mapped(self) -> bool:
        return bool(self.read or self.write or self.admin)


@dataclass(frozen=True)
class Exchange:
    """A token exchange (RFC 8693), as a confidential client of the identity provider."""

    client_id: str
    client_secret: Reference
    audience: str
    """Of the token that the cluster is to see."""
    token_endpoint: str = ""
    """Empty: as the provider's own document says."""
    scopes: tuple[str, ...] = ()
    secret_in_body: bool = False
    """As another product's `config.toml` may ask for; else the secret is in a header, which every provider takes."""


@dataclass(frozen=True)
class OIDC:
    issuer: str
    audiences: tuple[str, ...]
    """A token is good when it is for any of them."""
    towards: Towards
    exchange: Exchange | None = None
    certificate_authority: str = ""
    """Path of a PEM bundle for the provider; empty means the system's."""
    algorithms: tuple[str, ...] = USUAL
    username_claim: str = "sub"
    groups_claim: str = "groups"
    username_prefix: str = ""
    """As the cluster's own `--oidc-username-prefix`, of which impersonation has to say the same."""
    groups_prefix: str = ""
    leeway_seconds: int = 30
    scopes: Scopes = field(default_factory=Scopes)
    advertised: tuple[str, ...] = ()
    """Scopes that clients are told of and that nothing here asks for: some providers put an audience into a token only
    for a scope."""
    client_id: str = ""
    """A public client that is registered already, for clients of a provider where they cannot register themselves."""
    trusted_hosts: tuple[str, ...] = ()
    """Hosts that the provider's documents may name although they are private."""
    way = "oidc"


Identity = Kubeconfig | Token | OIDC


def is_safe(address: str) -> bool:
    """Whether secrets may be sent there: TLS, or this machine."""
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018 - raises for one that is no number
    except ValueError:
        return False
    if not parts.hostname or parts.username or parts.query or parts.fragment or not address.isprintable():
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
