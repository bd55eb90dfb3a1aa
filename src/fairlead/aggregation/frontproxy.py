"""Believing the API aggregator, and nobody else, when it says who asks.

The aggregator authenticates the caller and passes on the name in headers; what makes those headers believable is its
client certificate. Everything that decides whether to believe is in one ConfigMap that every kube-apiserver writes,
`kube-system/extension-apiserver-authentication`. This module reads it into one value, and that value reads requests.

Source: `pkg/authentication/request/headerrequest` of k8s.io/apiserver; reference/aggregation-layer.md §1.2.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from fairlead.aggregation import peers
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.messages import Headers, Request
from fairlead.machinery.principals import Principal
from fairlead.serving.certificates import CertificateError

NAMESPACE = "kube-system"
NAME = "extension-apiserver-authentication"
_STANDARD = ("x-remote-user", "x-remote-uid", "x-remote-group")
_STANDARD_PREFIX = "x-remote-extra-"


class TrustError(FairleadError):
    """The ConfigMap does not say whom to trust."""


@dataclass(frozen=True)
class FrontProxyTrust:
    """Header names and prefixes are lower-case, in the order in which they count."""

    proxies: peers.Authorities
    """Of the front proxy's own certificate, and of no other."""
    users: peers.Authorities
    """Of users who come with a client certificate."""
    allowed_names: frozenset[str] = frozenset()
    """Common names that a front proxy may have; empty allows any."""
    username_headers: tuple[str, ...] = ()
    uid_headers: tuple[str, ...] = ()
    group_headers: tuple[str, ...] = ()
    extra_prefixes: tuple[str, ...] = field(default=())

    @classmethod
    def parse(cls, data: Mapping[str, str]) -> "FrontProxyTrust":
        """Reads the ConfigMap's `data`. Raises `TrustError` that names the key at fault."""
        return cls(
            proxies=_authorities(data, "requestheader-client-ca-file"),
            users=_authorities(data, "client-ca-file"),
            allowed_names=frozenset(_strings(data, "requestheader-allowed-names")),
            username_headers=_names(data, "requestheader-username-headers"),
            uid_headers=_names(data, "requestheader-uid-headers"),
            group_headers=_names(data, "requestheader-group-headers"),
            extra_prefixes=_names(data, "requestheader-extra-headers-prefix"),
        )

    @property
    def client_authorities(self) -> bytes:
        """PEM: what the TLS layer must let in, so that this value can decide."""
        return self.proxies.pem.rstrip() + b"\n" + self.users.pem.rstrip() + b"\n"

    def authenticate(self, request: Request, now: datetime | None = None) -> Principal | None:
        """Whom the front proxy names; None unless the peer is the front proxy and names someone."""
        if not self._is_proxy(request.peer_certificate, now):
            return None
        name = _first(request.headers, self.username_headers)
        if not name:
            return None
        groups = [value for header in self.group_headers for value in request.headers.all(header) if value]
        return Principal(name, _first(request.headers, self.uid_headers), tuple(groups), self._extra(request.headers))

    def authenticate_user(self, request: Request, now: datetime | None = None) -> Principal | None:
        """Who presents a client certificate of the cluster's own."""
        if request.peer_certificate is None:
            return None
        certificate = self.users.vouch(request.peer_certificate, now)
        return None if certificate is None else peers.user(certificate)

    def expires(self, request: Request) -> datetime | None:
        """When the peer's certificate ends, if one of these authorities vouches for it."""
        if request.peer_certificate is None:
            return None
        found = self.proxies.vouch(request.peer_certificate) or self.users.vouch(request.peer_certificate)
        return None if found is None else found.not_valid_after_utc

    def strip(self, headers: Headers) -> Headers:
        """Without what says who asks, so that it cannot leak to the next server, which might believe it."""
        names = {"authorization", *_STANDARD, *self.username_headers, *self.uid_headers, *self.group_headers}
        prefixes = (_STANDARD_PREFIX, *self.extra_prefixes)
        return Headers(line for line in headers.lines if line[0] not in names and not line[0].startswith(prefixes))

    def _is_proxy(self, der: bytes | None, now: datetime | None) -> bool:
        certificate = None if der is None else self.proxies.vouch(der, now)
        if certificate is None:
            return False
        return not self.allowed_names or peers.common_name(certificate) in self.allowed_names

    def _extra(self, headers: Headers) -> tuple[tuple[str, tuple[str, ...]], ...]:
        found: dict[str, list[str]] = {}
        for prefix in self.extra_prefixes:
            for name, value in headers.lines:
                if name.startswith(prefix):
                    found.setdefault(_unescape(name.removeprefix(prefix)), []).append(value)
        return tuple(sorted((key, tuple(values)) for key, values in found.items()))


def _authorities(data: Mapping[str, str], key: str) -> peers.Authorities:
    try:
        return peers.Authorities(data.get(key, "").encode(), key)
    except CertificateError as error:
        raise TrustError(f"ConfigMap {NAMESPACE}/{NAME} cannot be used", str(error)) from error


def _strings(data: Mapping[str, str], key: str) -> list[str]:
    text = data.get(key, "")
    if not text:
        return []
    try:
        found: Any = json.loads(text)
    except ValueError as error:
        raise _malformed(key) from error
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise _malformed(key)
    return found


def _malformed(key: str) -> TrustError:
    return TrustError(f"ConfigMap {NAMESPACE}/{NAME} cannot be used", f"{key} is not a JSON list of strings")


def _names(data: Mapping[str, str], key: str) -> tuple[str, ...]:
    return tuple(each.strip().lower() for each in _strings(data, key) if each.strip())


def _first(headers: Headers, names: tuple[str, ...]) -> str:
    return next((value for value in map(headers.get, names) if value), "")


def _unescape(key: str) -> str:
    """Percent-decoded where that gives UTF-8; otherwise the key as it came."""
    try:
        return unquote(key, errors="strict")
    except UnicodeDecodeError:
        return key
