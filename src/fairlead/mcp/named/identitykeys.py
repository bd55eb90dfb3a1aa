"""The key `identity` of a server file, read as strictly as the others.

A secret is refused where it is written down instead of named, and no message repeats a value that may be one.
"""

import difflib
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Protocol, cast

from fairlead.mcp.named.identities import (
    ASYMMETRIC,
    OIDC,
    USUAL,
    Exchange,
    Identity,
    Kubeconfig,
    Reference,
    Scopes,
    SecretKey,
    Token,
    Towards,
    is_safe,
)

_MOST_LEEWAY = 120
_OIDC_KEYS = (
    "way",
    "issuer",
    "audience",
    "certificateAuthority",
    "algorithms",
    "usernameClaim",
    "groupsClaim",
    "usernamePrefix",
    "groupsPrefix",
    "leewaySeconds",
    "scopes",
    "towards",
    "exchange",
    "clientID",
    "trustedHosts",
)


class Fail(Protocol):
    """Makes the error that names the file and the key."""

    def __call__(self, key: str, why: str, remedy: str = "") -> Exception: ...


def read(value: Any, fail: Fail) -> Identity:
    """Raises what `fail` makes; it is given the key from `identity` on, and never a value that may be a secret."""
    return _Reading(fail).identity(value)


class _Reading:
    def __init__(self, fail: Fail) -> None:
        self._fail = fail

    def identity(self, value: Any) -> Identity:
        if value is None:
            return Kubeconfig()
        found = self._mapping(value, "identity")
        ways = {"kubeconfig": self._kubeconfig, "token": self._token, "oidc": self._oidc}
        way = found.get("way", "kubeconfig")
        if not isinstance(way, str) or way not in ways:
            raise self._fail("identity.way", f"there is no such way{_nearest(way, ways)}", f"one of {', '.join(ways)}")
        return ways[way](found)

    def _kubeconfig(self, found: Mapping[str, Any]) -> Identity:
        self._known(found, ("way",), "identity")
        return Kubeconfig()

    def _token(self, found: Mapping[str, Any]) -> Identity:
        self._known(found, ("way", "server", "certificateAuthority", "token"), "identity")
        return Token(
            server=self._address(found, "server", "identity", required=True).rstrip("/"),
            token=self._reference(found, "token", "identity", ("file", "env", "secret")),
            certificate_authority=self._text(found, "certificateAuthority", "identity"),
        )

    def _oidc(self, found: Mapping[str, Any]) -> Identity:
        self._known(found, _OIDC_KEYS, "identity")
        towards = self._choice(found, "towards", ("exchange", "impersonate", "pass-on"))
        if ("exchange" in found) is not (towards == "exchange"):
            raise self._fail("identity.exchange", "it is there exactly where `towards` is exchange")
        audiences = found.get("audience")
        return OIDC(
            issuer=self._address(found, "issuer", "identity", required=True),
            audiences=self._texts({"audience": [audiences] if isinstance(audiences, str) else audiences}, "audience"),
            towards=cast("Towards", towards),
            exchange=self._exchange(found["exchange"]) if towards == "exchange" else None,
            certificate_authority=self._text(found, "certificateAuthority", "identity"),
            algorithms=self._algorithms(found),
            username_claim=self._text(found, "usernameClaim", "identity") or "sub",
            groups_claim=self._text(found, "groupsClaim", "identity") or "groups",
            username_prefix=self._text(found, "usernamePrefix", "identity"),
            groups_prefix=self._text(found, "groupsPrefix", "identity"),
            leeway_seconds=self._leeway(found),
            scopes=self._scopes(found.get("scopes")),
            client_id=self._text(found, "clientID", "identity"),
            trusted_hosts=self._texts(found, "trustedHosts", required=False),
        )

    def _exchange(self, value: Any) -> Exchange:
        where = "identity.exchange"
        found = self._mapping(value, where)
        self._known(found, ("clientID", "clientSecret", "audience", "tokenEndpoint", "scopes"), where)
        return Exchange(
            client_id=self._text(found, "clientID", where, required=True),
            client_secret=self._reference(found, "clientSecret", where, ("file", "env")),
            audience=self._text(found, "audience", where, required=True),
            token_endpoint=self._address(found, "tokenEndpoint", where),
            scopes=self._texts(found, "scopes", where, required=False),
        )

    def _scopes(self, value: Any) -> Scopes:
        found = self._mapping(value or {}, "identity.scopes")
        levels = ("read", "write", "admin")
        self._known(found, levels, "identity.scopes")
        named = {each: self._text(found, each, "identity.scopes") for each in levels}
        for level, scope in named.items():
            if not all(33 <= ord(each) <= 126 and each not in '"\\' for each in scope):
                raise self._fail(f"identity.scopes.{level}", "a scope is one word of printable ASCII without quotes")
        return Scopes(**named)

    def _algorithms(self, found: Mapping[str, Any]) -> tuple[str, ...]:
        given = self._texts(found, "algorithms", required=False) or USUAL
        if not set(given) <= set(ASYMMETRIC):
            raise self._fail(
                "identity.algorithms", "only signatures that a public key verifies are taken", ", ".join(ASYMMETRIC)
            )
        return given

    def _leeway(self, found: Mapping[str, Any]) -> int:
        value = found.get("leewaySeconds", 30)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST_LEEWAY:
            raise self._fail("identity.leewaySeconds", f"it is a whole number from 0 to {_MOST_LEEWAY}")
        return value

    def _reference(self, found: Mapping[str, Any], key: str, where: str, ways: Collection[str]) -> Reference:
        value, key = found.get(key), f"{where}.{key}"
        if isinstance(value, str):
            raise self._fail(key, "a secret is not written into a server file", f"say where it is: {', '.join(ways)}")
        named = self._mapping(value, key)
        self._known(named, ways, key)
        if len(named) != 1:
            raise self._fail(key, f"it is exactly one of {', '.join(ways)}")
        if "secret" in named:
            return Reference(secret=self._secret(named["secret"], f"{key}.secret"))
        return Reference(
            file=self._text(named, "file", key, required="file" in named),
            env=self._text(named, "env", key, required="env" in named),
        )

    def _secret(self, value: Any, where: str) -> SecretKey:
        found = self._mapping(value, where)
        self._known(found, ("namespace", "name", "key", "kubeconfig", "context"), where)
        return SecretKey(
            namespace=self._text(found, "namespace", where, required=True),
            name=self._text(found, "name", where, required=True),
            key=self._text(found, "key", where) or "token",
            kubeconfig=self._text(found, "kubeconfig", where),
            context=self._text(found, "context", where),
        )

    def _address(self, found: Mapping[str, Any], key: str, where: str, *, required: bool = False) -> str:
        value = self._text(found, key, where, required=required)
        if value and not is_safe(value):
            raise self._fail(f"{where}.{key}", "it is an https URL without user, query or fragment (http on loopback)")
        return value

    def _choice(self, found: Mapping[str, Any], key: str, choices: Collection[str]) -> str:
        value = found.get(key)
        if value not in choices:
            raise self._fail(f"identity.{key}", f"it is one of {', '.join(choices)}{_nearest(value, choices)}")
        return str(value)

    def _mapping(self, value: Any, where: str) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise self._fail(where, "it is a mapping")
        return value

    def _text(self, found: Mapping[str, Any], key: str, where: str, *, required: bool = False) -> str:
        value = found.get(key, "")
        if not isinstance(value, str) or (required and not value):
            raise self._fail(f"{where}.{key}", "it is a text" if not required else "it is needed, and a text")
        return value

    def _texts(
        self, found: Mapping[str, Any], key: str, where: str = "identity", *, required: bool = True
    ) -> tuple[str, ...]:
        value = found.get(key) or []
        if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
            raise self._fail(f"{where}.{key}", "it is a list of texts")
        if required and not value:
            raise self._fail(f"{where}.{key}", "it is needed")
        return tuple(value)

    def _known(self, found: Mapping[str, Any], keys: Collection[str], where: str) -> None:
        for key in found:
            if key not in keys:
                there = _nearest(key, keys).removeprefix("; ") or f"there are: {', '.join(sorted(keys))}"
                raise self._fail(f"{where}.{key}", "there is no such key", there)


def _nearest(value: Any, among: Iterable[str]) -> str:
    near = difflib.get_close_matches(str(value), list(among), n=1)
    return f"; did you mean {near[0]}?" if near else ""
