"""Which addresses may be asked for the sake of a document, a token or an object that names them.

What the operator wrote down is trusted, whole origins or hosts. Everything else was written by somebody who may want us
to ask what only we can reach: so it has to be https, and public at the moment of dialling. A name is judged by the
addresses that it has then (`PublicResolver` is asked by the connector itself), not by those that it had when it was
looked at: a name server that answers differently the second time gets nowhere.

Source: reference/mcp-and-gateways.md §5.2 (SSRF), §5.4 group 8.
"""

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult

from fairlead.identity.errors import AddressError

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class Trust:
    origins: frozenset[tuple[str, str, int]] = field(default_factory=frozenset)
    hosts: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def of(cls, addresses: Iterable[str], hosts: Iterable[str] = ()) -> "Trust":
        """What the operator wrote: addresses, of which the origin counts, and hosts, at any port."""
        return cls(frozenset(_origin(urlsplit(each)) for each in addresses if each), frozenset(map(str.lower, hosts)))

    def has(self, parts: SplitResult) -> bool:
        """A host that is only listed is asked by https: keys that came in the clear would prove nothing."""
        return _origin(parts) in self.origins or (parts.scheme == "https" and (parts.hostname or "") in self.hosts)


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)


def is_trusted(address: str, trust: Trust) -> bool:
    """Whether the operator wrote it down; raises `AddressError` for any other that is not https or no name."""
    try:
        parts = urlsplit(address)
        trusted = trust.has(parts)
    except ValueError as error:
        raise AddressError("an address of the identity provider is none") from error
    if trusted and parts.scheme in _PORTS and parts.username is None:
        return True
    shown = f"{parts.scheme}://{parts.hostname}"[:200]
    plain = address.isascii() and address.isprintable() and parts.username is None
    if parts.scheme != "https" or not parts.hostname or not plain:
        raise AddressError(f"{shown} is not asked", "an address that the provider names has to be https")
    literal = _literal(parts.hostname)
    if literal is not None and not is_public(literal):
        raise _private(parts.hostname)
    return False


def _literal(host: str) -> str | None:
    try:
        return str(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        return None


def is_public(address: str) -> bool:
    """Whether an IP address is one of the whole Internet; addresses with another inside are judged by that one."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return is_public(str(found.ipv4_mapped))
        if found in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)))
        if found.sixtofour is not None or found.teredo is not None or found.is_site_local:
            return False
    return found.is_global and not found.is_multicast and not found.is_reserved


def _private(host: str) -> AddressError:
    why = "it is no public address, and the identity provider named it"
    return AddressError(f"{host[:200]} is not asked", why, "list it under trustedHosts if it is meant")


class PublicResolver(AbstractResolver):
    """Of what another resolver finds, the public addresses."""

    def __init__(self, inner: AbstractResolver) -> None:
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raises `AddressError` where there is none."""
        found = [each for each in await self._inner.resolve(host, port, family) if is_public(each["host"])]
        if not found:
            raise _private(host)
        return found

    async def close(self) -> None:
        await self._inner.close()
