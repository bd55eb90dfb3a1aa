"""Who makes a call, as one value that the gate, the limits, the audit log and the way to the cluster share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Caller:
    key: str
    """The principal: `stdio`, `loopback`, `terminal`, or issuer and subject of a verified token."""
    name: str = ""
    """As a cluster would be told it; empty where callers are not told apart."""
    groups: tuple[str, ...] = ()
    scopes: frozenset[str] | None = None
    """None: scopes restrict nothing on this way in."""
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    token: str = field(default="", repr=False, compare=False)
    """The verified bearer token, for exchanging it or passing it on."""


STDIO = Caller("stdio")
LOOPBACK = Caller("loopback")
TERMINAL = Caller("terminal")
