"""Named servers: what an operator writes down about each, as YAML files in a directory.

A key that this version does not know stops the start: one that was meant to restrict must not be passed over. So does
one that it knows and cannot honour yet.

Source: issue MCP serving, 2; seeds/crossplane-mcp-server.md ("Create an MCP server").
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairlead.machinery import encoding
from fairlead.machinery.errors import FairleadError

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")
LONGEST_TIMEOUT = 600


class ServerFileError(FairleadError):
    """The file of a named server cannot be used."""


@dataclass(frozen=True)
class Limits:
    """Calls of one principal to one server in an hour."""

    read: int = 1000
    write: int = 100
    delete: int = 10


@dataclass(frozen=True)
class Target:
    name: str
    context: str = ""
    """Of the kubeconfig; empty for its current one."""
    kubeconfig: str = ""
    """Empty: as for every Kubernetes client."""


@dataclass(frozen=True)
class NamedServer:
    name: str
    description: str = ""
    catalog: tuple[str, ...] = ("core-readonly",)
    """Toolsets or presets."""
    allow: tuple[str, ...] = ()
    """Tool names, shell patterns; empty for all."""
    deny: tuple[str, ...] = ()
    targets: tuple[Target, ...] = (Target("default"),)
    timeout_seconds: int = 30
    limits: Limits = field(default_factory=Limits)
    logging: bool = True


_KEYS = {"name", "description", "catalog", "tools", "targets", "timeoutSeconds", "limits", "logging"}
_LATER = {"identity": "callers are not told apart yet", "access": "callers are not told apart yet", "production": ""}


def read(text: bytes, origin: str) -> NamedServer:
    """One file's server. Raises `ServerFileError`, which names the file and the key."""
    try:
        found = encoding.from_yaml(text)
    except FairleadError as error:
        raise ServerFileError(f"{origin} cannot be read", str(error)) from error
    if not isinstance(found, Mapping):
        raise ServerFileError(f"{origin} holds no server", "it is a YAML mapping with at least `name`")
    return _Reading(origin).server(found)


class _Reading:
    def __init__(self, origin: str) -> None:
        self._origin = origin

    def _fail(self, key: str, why: str, remedy: str = "") -> ServerFileError:
        return ServerFileError(f"{self._origin}: {key} cannot be used", why, remedy)

    def _known(self, found: Mapping[str, Any], keys: Iterable[str], where: str = "") -> None:
        keys = set(keys)
        for key in found:
            if key not in keys:
                if not where and key in _LATER:
                    raise self._fail(key, "this version cannot do it yet, and passing it over would loosen the server")
                near = difflib.get_close_matches(str(key), keys, n=1)
                there = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(keys))}"
                raise self._fail(f"{where}{key}", "there is no such key", there)

    def server(self, found: Mapping[str, Any]) -> NamedServer:
        self._known(found, _KEYS)
        name = found.get("name")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise self._fail("name", "it is a DNS label of at most 40 characters")
        tools = self._mapping(found, "tools", ("allow", "deny"))
        defaults = NamedServer(name)
        return NamedServer(
            name=name,
            description=self._text(found, "description"),
            catalog=self._names(found, "catalog") or defaults.catalog,
            allow=self._names(tools, "allow", "tools."),
            deny=self._names(tools, "deny", "tools."),
            targets=self._targets(found) or defaults.targets,
            timeout_seconds=self._number(found, "timeoutSeconds", defaults.timeout_seconds, LONGEST_TIMEOUT),
            limits=self._limits(found),
            logging=self._switch(found, "logging", defaults.logging),
        )

    def _mapping(self, found: Mapping[str, Any], key: str, keys: Iterable[str]) -> Mapping[str, Any]:
        value = found.get(key) or {}
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
        value = found.get(key) or []
        if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
            raise self._fail(f"{where}{key}", "it is a list of names")
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
        given = self._mapping(found, "limits", ("read", "write", "delete"))
        fallback = Limits()
        counts = {
            key: self._number(given, key, getattr(fallback, key), 1_000_000, "limits.")
            for key in ("read", "write", "delete")
        }
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


def load(directory: Path) -> dict[str, NamedServer]:
    """All of a directory's `*.yaml` by name, or none: one bad file refuses them all. Raises `ServerFileError`."""
    found: dict[str, NamedServer] = {}
    try:
        files = sorted(each for each in directory.iterdir() if each.suffix in (".yaml", ".yml") and each.is_file())
        texts = [(each, each.read_bytes()) for each in files]
    except OSError as error:
        raise ServerFileError(f"{directory} cannot be read", error.strerror or str(error)) from error
    for path, text in texts:
        server = read(text, str(path))
        if server.name in found:
            raise ServerFileError(f"{path}: name cannot be used", f"another file has the server {server.name!r} too")
        found[server.name] = server
    return found
