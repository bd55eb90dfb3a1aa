"""Whether servers may be served in the way that is asked for: who reaches them decides what they must say.

On loopback, everybody who comes is the person whose machine it is. Beyond, whoever can send a packet could act as the
kubeconfig says, so that each server must tell callers apart (OIDC) and say who may use it, and their tokens must not
travel in the clear. A proxy before us brings callers from elsewhere, whatever the address that we listen on.

Asked at the start and for every change of a server while it is served: a file cannot loosen what the start refused.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from fairlead.machinery.errors import FairleadError
from fairlead.mcp.named.identities import OIDC
from fairlead.mcp.named.servers import NamedServer


class ExposeError(FairleadError):
    """Servers cannot be served in this way safely."""


@dataclass(frozen=True)
class Exposure:
    address: str = ""
    """Empty for standard input and output."""
    allowed_hosts: tuple[str, ...] = ()
    """Names that a request may be for, beside those of loopback."""
    has_tls: bool = False
    behind_tls_proxy: bool = False

    @property
    def is_pipe(self) -> bool:
        return not self.address

    @property
    def is_reached_by_others(self) -> bool:
        others = self.behind_tls_proxy or not all(map(is_loopback, (self.address, *map(_name, self.allowed_hosts))))
        return not self.is_pipe and others

    def check(self, servers: Iterable[NamedServer]) -> None:
        """Raises `ExposeError` for the first that must not be served so."""
        for each in servers:
            if self.is_pipe:
                _check_pipe(each)
            elif self.is_reached_by_others:
                _check_others(each)

    def check_transport(self) -> None:
        """Raises `ExposeError`; asked once, since no file of a server can change it."""
        if self.is_reached_by_others and not (self.has_tls or self.behind_tls_proxy):
            raise ExposeError(
                f"will not serve on {self.address}",
                "tokens would travel in the clear",
                "give --tls-cert and --tls-key, or --behind-tls-proxy where a proxy terminates TLS",
            )


def _check_pipe(server: NamedServer) -> None:
    if isinstance(server.identity, OIDC):
        raise ExposeError(
            f"the server {server.name} cannot be served on standard input and output",
            "its identity is oidc, and no caller brings a token there",
            "serve it on a port",
        )


def _check_others(server: NamedServer) -> None:
    what = f"the server {server.name} cannot be served to other machines"
    if not isinstance(server.identity, OIDC):
        raise ExposeError(
            what,
            "its callers are not told apart, so whoever reaches it acts as you",
            "give it an `identity` with `way: oidc`, or bind to 127.0.0.1 without a proxy",
        )
    if not server.access:
        raise ExposeError(what, "nobody may use it", "say who, in `access.subjects` or `access.groups`")


def is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _name(host: str) -> str:
    """Without a port, and without the brackets of IPv6."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host
