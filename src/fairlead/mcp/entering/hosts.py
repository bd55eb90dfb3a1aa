"""For which host, and from which web pages, a request may be: what keeps a page in somebody's browser out.

A page can have its own name resolve to this machine and then send requests here; they carry the page's name as `Host`
or `Origin`. So both have to be names that were said, in both protocol eras, on every path but those for health, before
anything of the body is read.

Source: reference/mcp-and-gateways.md §5.2 (DNS rebinding), §5.3 (CVE-2025-66416 and the like).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class Allowed:
    hosts: tuple[str, ...] = ()
    """`mcp.example.com`, at any port, or `mcp.example.com:8443`; names of this machine are always allowed."""
    origins: tuple[str, ...] = ()
    """More than those of the hosts: `https://app.example.com`."""

    def host(self, values: Iterable[str]) -> int:
        """The status to refuse with; 0 where the one `Host` is allowed."""
        found = list(values)
        if len(found) != 1:
            return 400
        return 0 if self._is_ours(_host(found[0])) else 421

    def origin(self, values: Iterable[str]) -> int:
        """403, or 0 where there is none, as outside of browsers, or an allowed one."""
        found = list(values)
        if not found:
            return 0
        return 0 if len(found) == 1 and self._is_allowed(found[0]) else 403

    def _is_ours(self, host: tuple[str, str] | None) -> bool:
        if host is None:
            return False
        name, port = host
        allowed = {each.lower() for each in self.hosts}
        return name in _LOOPBACK or name in allowed or f"{name}:{port}" in allowed

    def _is_allowed(self, origin: str) -> bool:
        """A page of ours by TLS, or one of this machine."""
        if origin in self.origins:
            return True
        scheme, separator, rest = origin.partition("://")
        host = _host(rest) if separator else None
        if host is None or scheme not in ("http", "https"):
            return False
        return host[0] in _LOOPBACK or (scheme == "https" and self._is_ours(host))


def _host(text: str) -> tuple[str, str] | None:
    """Name and port; None for what is no host and nothing else."""
    found = _HOST.fullmatch(text)
    return None if found is None else (found["name"].strip("[]").lower(), found["port"] or "")
