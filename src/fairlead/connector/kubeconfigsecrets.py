"""A kubeconfig in a Secret of one key: how installing writes it, and how its token is exchanged. Pure.

Only the token changes when it is renewed. Whatever else a person put into the kubeconfig stays as it was, in its order.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fairlead.machinery import encoding, webtokens
from fairlead.machinery.errors import FairleadError

Object = dict[str, Any]

KEY = "kubeconfig"
_ACCOUNT = "system:serviceaccount:"


class KubeconfigSecretError(FairleadError):
    """The Secret holds no kubeconfig with a token that could be renewed."""


def kubeconfig(name: str, server: str, authority: bytes | None, user: Mapping[str, Any], **cluster: Any) -> Object:
    """With one context of that name; `cluster` are more of the cluster's fields, with underscores for dashes."""
    there: Object = {"server": server}
    if authority is not None:
        there["certificate-authority-data"] = base64.b64encode(authority).decode()
    there |= {key.replace("_", "-"): value for key, value in cluster.items() if value}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": there}],
        "users": [{"name": name, "user": dict(user)}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }


def to_text(document: Mapping[str, Any]) -> bytes:
    return encoding.to_yaml(document).encode()


@dataclass(frozen=True)
class HeldToken:
    """The token of a Secret's kubeconfig, and what it says of itself."""

    key: str
    document: Object = field(repr=False)
    user: Object = field(repr=False)
    """That of the document, which is changed through it."""
    namespace: str
    account: str
    issued: float
    """Unix time, as `expires`."""
    expires: float

    def due(self, share: float) -> float:
        return self.issued + share * (self.expires - self.issued)

    def exchanged(self, secret: Object, token: str) -> Object:
        """The Secret with another token; what was read stays as it is."""
        users = [{**each, "user": {**each["user"], "token": token}} if each["user"] is self.user else each
                 for each in self.document["users"]]  # fmt: skip
        text = to_text({**self.document, "users": users})
        return {**secret, "data": {**secret["data"], self.key: base64.b64encode(text).decode()}}


def read(secret: Mapping[str, Any]) -> HeldToken:
    """Raises `KubeconfigSecretError`; no text of the Secret is in it."""
    data: Mapping[str, str] = secret.get("data") or {}
    if len(data) != 1:
        raise KubeconfigSecretError("the Secret holds no single kubeconfig", f"it has {len(data)} keys")
    key, text = next(iter(data.items()))
    try:
        document = encoding.from_yaml(base64.b64decode(text))
        context = _named(document, "contexts", document["current-context"])["context"]
        user = _named(document, "users", context["user"])["user"]
        claims = webtokens.claims(user["token"])
    except (binascii.Error, encoding.DecodeError, KeyError, TypeError, AttributeError, StopIteration):
        raise KubeconfigSecretError(f"{key!r} of the Secret is no kubeconfig with a token") from None
    return _held(key, document, user, claims)


def _named(document: Object, kind: str, name: str) -> Object:
    found: Object = next(each for each in document[kind] if each["name"] == name)
    return found


def _held(key: str, document: Object, user: Object, claims: Mapping[str, Any]) -> HeldToken:
    subject, issued, expires = str(claims.get("sub")), claims.get("iat"), claims.get("exp")
    namespace, _, account = subject.removeprefix(_ACCOUNT).partition(":")
    if not subject.startswith(_ACCOUNT) or not isinstance(issued, int | float) or not isinstance(expires, int | float):
        raise KubeconfigSecretError("the token cannot be renewed", "it is no ServiceAccount's token that expires")
    return HeldToken(key, document, user, namespace, account, float(issued), float(expires))
