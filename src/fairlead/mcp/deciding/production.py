"""What a server in production mode insists on; asked at the start, and again before changed settings hold.

Callers are told apart by verified tokens (over a pipe there is one, whoever started it); the way here is encrypted or
does not leave the machine; every call is written down; no user's token goes on to a cluster; and what removes something
is agreed to by a person, in a form of the client's or by `fairlead mcp approve`, never by a model alone. For the last
of these somebody has to be more than the agents are, so a server that can change something needs a scope for it.
Errors are as helpful as elsewhere but for addresses and files of ours (`masking`).

Source: issue MCP serving, 2 and 5; reference/mcp-and-gateways.md §8.
"""

from dataclasses import dataclass

from fairlead.machinery.errors import FairleadError
from fairlead.mcp.named.identities import OIDC
from fairlead.mcp.named.servers import NamedServer


class ProductionError(FairleadError):
    """A server is in production mode and cannot be served in it this way."""


@dataclass(frozen=True)
class Served:
    """How a process serves."""

    stdio: bool = False
    loopback: bool = False
    """Only this machine reaches it."""
    tls: bool = False
    behind_tls_proxy: bool = False
    """As the operator declares."""
    audited: bool = False
    """Into a file, or on standard error."""


def check(server: NamedServer, served: Served, *, reads_only: bool) -> None:
    """Raises `ProductionError` with the first thing that is missing; nothing for a server that is not in this mode."""
    if not server.production:
        return
    missing = _missing(server, served, reads_only=reads_only)
    if missing is not None:
        why, remedy = missing
        raise ProductionError(f"the server {server.name} cannot be in production mode", why, remedy)


def _missing(server: NamedServer, served: Served, *, reads_only: bool) -> tuple[str, str] | None:
    identity = server.identity
    if not served.audited:
        return "no call would be written down", "give --audit-log FILE"
    if not server.logging:
        return "`logging: false` keeps its calls out of the audit log", "take it out of the server file"
    if isinstance(identity, OIDC) and identity.towards == "pass-on":
        return "its users' tokens would be passed on to the cluster", "set identity.towards to exchange or impersonate"
    if served.stdio:
        return None
    if not isinstance(identity, OIDC):
        return "its callers are not told apart", "set identity.way to oidc"
    if not (served.loopback or served.tls or served.behind_tls_proxy):
        return "tokens would be sent in the clear", "serve TLS, or say --behind-tls-proxy if a proxy before it does"
    if not reads_only and not identity.scopes.admin:
        return "anybody who can call it could approve as well", "map identity.scopes.admin to a scope"
    return None
