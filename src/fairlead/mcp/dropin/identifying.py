"""Who calls and as whom a cluster is reached, of what a `config.toml` says about OAuth.

A token is passed on to the cluster where `require_oauth` stands without a token exchange: that is how the other product
works, and writing it down is the opt-in. Without `require_oauth` no token is taken at all, not even one that is there:
the other product then acts as whoever the header names, unverified.

Source: reference/kubernetes-mcp-server.md §2 and §3; the binary's own list of which `sts_` key became which.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fairlead.identity import exchanging
from fairlead.mcp.dropin.checking import Fail
from fairlead.mcp.dropin.files import merged
from fairlead.mcp.named.identities import OIDC, Exchange, Identity, Kubeconfig, Reference, is_safe
from fairlead.mcp.named.identitykeys import read

_MOVED = {
    "token_exchange_strategy": ("strategy",),
    "sts_audience": ("audience",),
    "sts_scopes": ("scopes",),
    "sts_subject_token_type": ("subject_token_type",),
    "sts_requested_token_type": ("requested_token_type",),
    "sts_client_id": ("client_auth", "client_id"),
    "sts_client_secret": ("client_auth", "client_secret"),
    "sts_auth_style": ("client_auth", "method"),
}
_STYLES = {"params": "client_secret_post", "header": "client_secret_basic", "": "client_secret_post"}
_METHODS = ("client_secret_basic", "client_secret_post")


def identity(table: Mapping[str, Any], fail: Fail) -> Identity:
    """Raises what `fail` makes; no value of a secret is repeated."""
    exchange = _exchange(table, fail)
    if not table.get("require_oauth"):
        if exchange is not None:
            raise fail("token_exchange", "no token comes in without `require_oauth`", "set it, or leave this out")
        return Kubeconfig()
    if table.get("cluster_auth_mode", "") not in ("", "passthrough"):
        raise fail("cluster_auth_mode", "with `require_oauth` a call is made as its caller", "leave it out")
    issuer, audience = table.get("authorization_url", ""), table.get("oauth_audience", "")
    if not issuer:
        raise fail("require_oauth", "nothing says who issues the tokens", "set authorization_url")
    if not audience:
        raise fail("require_oauth", "a token for anybody else would do as well", "set oauth_audience to its `aud`")
    if not is_safe(issuer):
        raise fail("authorization_url", "it is an https URL without user, query or fragment (http on loopback)")
    found = {
        "way": "oidc", "issuer": issuer, "audience": audience, "towards": "pass-on",
        "certificateAuthority": table.get("certificate_authority", ""),
        "scopes": table.get("fairlead", {}).get("scopes", {}),
    }  # fmt: skip
    oidc = read(found, lambda key, why, remedy="": fail(_OF.get(key, f"fairlead.{key[9:]}"), why, remedy))
    return _completed(oidc, exchange, tuple(table.get("oauth_scopes") or ()))


_OF = {
    "identity.issuer": "authorization_url",
    "identity.audience": "oauth_audience",
    "identity.certificateAuthority": "certificate_authority",
}


def _completed(oidc: Identity, exchange: Exchange | None, advertised: tuple[str, ...]) -> Identity:
    if not isinstance(oidc, OIDC):
        return oidc
    told = replace(oidc, advertised=advertised)
    return replace(told, towards="exchange", exchange=exchange) if exchange else told


def _exchange(table: Mapping[str, Any], fail: Fail) -> Exchange | None:
    found, flat = table.get("token_exchange") or {}, _moved(table, fail)
    if found and flat:
        raise fail("token_exchange", "the keys that it took the place of are there too", "leave out those with sts_")
    found = found or flat
    if not found:
        return None
    strategy = str(found.get("strategy", "rfc8693" if flat else "")).strip()
    if strategy != "rfc8693":
        raise fail("token_exchange.strategy", "there is only `rfc8693` here", "most identity providers serve it")
    for key in ("subject_token_type", "requested_token_type"):
        if str(found.get(key) or exchanging.ACCESS_TOKEN).strip() != exchanging.ACCESS_TOKEN:
            raise fail(f"token_exchange.{key}", "access tokens are exchanged for access tokens", "leave it out")
    return _client(found, fail)


def _client(found: Mapping[str, Any], fail: Fail) -> Exchange:
    client = found.get("client_auth") or {}
    texts = {key: str(client.get(key, "")).strip() for key in ("method", "client_id", "client_secret")}
    if texts["method"] not in ("", *_METHODS):
        raise fail("token_exchange.client_auth.method", "clients prove themselves by a secret", " or ".join(_METHODS))
    for key in ("client_id", "client_secret"):
        if not texts[key]:
            raise fail(f"token_exchange.client_auth.{key}", "the exchange needs it")
    audience = str(found.get("audience", "")).strip()
    if not audience:
        raise fail("token_exchange.audience", "the exchange needs it: the cluster's own audience")
    secret = Reference(text=texts["client_secret"])
    in_body = texts["method"] == "client_secret_post"
    scopes = tuple(found.get("scopes") or ())
    return Exchange(texts["client_id"], secret, audience, scopes=scopes, secret_in_body=in_body)


def _moved(table: Mapping[str, Any], fail: Fail) -> dict[str, Any]:
    """The flat keys of earlier versions, where they belong now."""
    found: dict[str, Any] = {}
    for key, path in _MOVED.items():
        if table.get(key):
            value = table[key]
            if key == "sts_auth_style":
                if value not in _STYLES:
                    raise fail(key, "clients prove themselves by a secret", "`params` or `header`")
                value = _STYLES[value]
            for part in reversed(path):
                value = {part: value}
            found = merged(found, value)
    return found
