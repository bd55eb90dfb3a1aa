"""The keys of a named server's file, read strictly.

A key that this version does not know stops the start: one that was meant to restrict must not be passed over. So does
a wrong value of one that it knows.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from fairlead.machinery import encoding
from fairlead.machinery.errors import FairleadError
from fairlead.mcp.named import identitykeys
from fairlead.mcp.named.identities import OIDC, Identity, Token
from fairlead.mcp.named.servers import LONGEST_TIMEOUT, Access, Limits, NamedServer, Target

KEYS = {
    "name": "DNS label of at most 40 characters; the address is /s/NAME/mcp.",
    "description": "What it is for; clients show it to their model.",
    "catalog": "Toolsets and presets, `core-readonly` by default.",
    "tools": "`allow` and `deny`: names or shell patterns; denied wins. Tools that run commands need their exact name.",
    "targets": "Clusters, each `name`, `context` and `kubeconfig`; the first is the default.",
    "identity": "How callers are told apart and reach the cluster; `way` is kubeconfig (default), token or oidc.",
    "access": "`subjects` and `groups` that may use it; nobody beyond loopback unless said.",
    "timeoutSeconds": f"Of each call: 1 to {LONGEST_TIMEOUT}, 30 by default, or what its presets say.",
    "production": "Whether production mode holds: callers told apart, TLS, confirmation, audit.",
    "limits": "Calls of one principal an hour: `read` (1000), `write` (100), `delete` (10).",
    "logging": "Whether its calls are in the audit log; true by default.",
}
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")
_MOST_CALLS = 1_000_000


class ServerFileError(FairleadError):
    """The file of a named server cannot be used."""


def read(text: bytes, origin: str) -> NamedServer:
    """One file's server. Raises `ServerFileError`, which names the file and the key."""
    return from_document(document(text, origin), origin)


def document(text: bytes, origin: str) -> dict[str, Any]:
    """Raises `ServerFileError` for what is no mapping; its keys are not looked at."""
    try:
        found = encoding.from_yaml(text)
    except FairleadError as error:
        raise ServerFileError(f"{origin} cannot be read", str(error)) from error
    if not isinstance(found, dict):
        raise ServerFileError(f"{origin} holds no server", "it is a YAML mapping with at least `name`")
    return found


def from_document(found: Mapping[str, Any], origin: str, identity: Identity | None = None) -> NamedServer:
    """`identity` takes the place of the key. Raises `ServerFileError`."""
    return _Reading(origin).server(found, identity)


class _Reading:
    def __init__(self, origin: str) -> None:
        self._origin = origin

    def _fail(self, key: str, why: str, remedy: str = "") -> ServerFileError:
        return ServerFileError(f"{self._origin}: {key} cannot be used", why, remedy)

    def _known(self, found: Mapping[str, Any], keys: Iterable[str], where: str = "") -> None:
        keys = set(keys)
        for key in found:
            if key not in keys:
                near = difflib.get_close_matches(str(key), keys, n=1)
                there = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(keys))}"
                raise self._fail(f"{where}{key}", "there is no such key", there)

    def server(self, found: Mapping[str, Any], identity: Identity | None = None) -> NamedServer:
        self._known(found, KEYS)
        name = found.get("name")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise self._fail("name", "it is a DNS label of at most 40 characters")
        tools = self._mapping(found, "tools", ("allow", "deny"))
        identity = identity or identitykeys.read(found.get("identity"), self._fail)
        defaults = NamedServer(name)
        return NamedServer(
            name=name,
            description=self._text(found, "description"),
            catalog=self._names(found, "catalog") or defaults.catalog,
            allow=self._names(tools, "allow", "tools."),
            deny=self._names(tools, "deny", "tools."),
            targets=self._reached(self._targets(found), identity) or defaults.targets,
            identity=identity,
            access=self._access(found, identity),
            timeout_seconds=self._number(found, "timeoutSeconds", defaults.timeout_seconds, LONGEST_TIMEOUT),
            timeout_said="timeoutSeconds" in found,
            production=self._switch(found, "production", defaults.production),
            limits=self._limits(found),
            logging=self._switch(found, "logging", defaults.logging),
        )

    def _reached(self, targets: tuple[Target, ...], identity: Identity) -> tuple[Target, ...]:
        """Named twice, one of the two would be passed over."""
        if isinstance(identity, Token) and (
            len(targets) > 1 or any(each.context or each.kubeconfig for each in targets)
        ):
            raise self._fail("targets", "identity.server is the one cluster", "leave `targets` out, or only name it")
        return targets

    def _access(self, found: Mapping[str, Any], identity: Identity) -> Access:
        given = self._mapping(found, "access", ("subjects", "groups"))
        access = Access(self._names(given, "subjects", "access."), self._names(given, "groups", "access."))
        if given and not access:
            raise self._fail("access", "it names nobody", "name somebody, or `*` for all who have a token")
        if access and not isinstance(identity, OIDC):
            raise self._fail("access", "callers are not told apart", "give it an `identity` with `way: oidc`")
        return access

    def _mapping(self, found: Mapping[str, Any], key: str, keys: Iterable[str]) -> Mapping[str, Any]:
        value = found.get(key)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise self._fail(key, f"it is a mapping of {', '.join(keys)}")
        self._known(value, keys, f"{key}.")
        return value

    def _text(self, found: Mapping[str, Any], key: str, where: str = "") -> str:
        value = found.get(key, "")
        if not isinstance(value, str):
            raise self._fail(f"{where}{key}", "it is a text")
        return value

    def _names(self, found: Mapping[str, Any], key: str, where: str = "") -> tuple[str, ...]:
        """An allow list that is there and empty is refused: it reads like "nothing" and would mean "all"."""
        value = found.get(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
            raise self._fail(f"{where}{key}", "it is a list of names")
        if not value and key in ("allow", "catalog"):
            raise self._fail(f"{where}{key}", "it is empty", "leave the key out for the default, or name something")
        return tuple(value)

    def _number(self, found: Mapping[str, Any], key: str, default: int, most: int, where: str = "") -> int:
        value = found.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            raise self._fail(f"{where}{key}", f"it is a whole number from 1 to {most}")
        return value

    def _switch(self, found: Mapping[str, Any], key: str, default: bool) -> bool:
        value = found.get(key, default)
        if not isinstance(value, bool):
            raise self._fail(key, "it is true or false")
        return value

    def _limits(self, found: Mapping[str, Any]) -> Limits:
        keys, fallback = ("read", "write", "delete"), Limits()
        given = self._mapping(found, "limits", keys)
        counts = {key: self._number(given, key, getattr(fallback, key), _MOST_CALLS, "limits.") for key in keys}
        return Limits(**counts)

    def _targets(self, found: Mapping[str, Any]) -> tuple[Target, ...]:
        value = found.get("targets") or []
        if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
            raise self._fail("targets", "it is a list of mappings with `name`, `context`, `kubeconfig`")
        targets = []
        for each in value:
            self._known(each, ("name", "context", "kubeconfig"), "targets.")
            name, context, path = (self._text(each, key, "targets.") for key in ("name", "context", "kubeconfig"))
            if not name and not context:
                raise self._fail("targets", "each needs a name or a context")
            targets.append(Target(name or context, context, path))
        if len({each.name for each in targets}) < len(targets):
            raise self._fail("targets", "two have one name")
        return tuple(targets)
