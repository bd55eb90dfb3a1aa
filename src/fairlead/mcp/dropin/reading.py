"""A `config.toml` as one named server, and what there is to listen on.

It is translated whole into what a server file says (`servers.NamedServer`), so that one gate, one policy and one reload
serve both. The tools of such a server have the other product's parameter names (`naming`); its address is `/mcp`.

How it is served: `load` at the start, with what flags say; on SIGHUP `load` again with the same flags
(`reloading.ConfigSource`). `hosts` go to whoever looks at the Host header, `resource` to the
metadata for clients.

Source: issue MCP serving, 3.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fairlead.client import kubeconfig
from fairlead.mcp import serverkeys
from fairlead.mcp.dropin import allowing, checking, clusters, files, identifying, naming
from fairlead.mcp.dropin.checking import Fail
from fairlead.mcp.dropin.files import ConfigError
from fairlead.mcp.identities import OIDC
from fairlead.mcp.servers import NamedServer
from fairlead.mcp.tools import Toolset

NAME = "kubernetes"
"""Of the server, in the audit log and wherever servers are told apart."""
PATH = "/mcp"
_EVERYWHERE = "0.0.0.0"  # noqa: S104 - the other product's default, and only where callers bring tokens
_LOOPBACK = "127.0.0.1"
_LARGEST_BODY = 4 * 1024 * 1024
_TLS = ("", "1.0", "1.1", "1.2", "VersionTLS10", "VersionTLS11", "VersionTLS12")


@dataclass(frozen=True)
class Flags:
    """What the command line says: it wins over every file, now and after each reload."""

    read_only: bool = False
    disable_destructive: bool = False
    port: int | None = None
    bind_address: str = ""
    behind_tls_proxy: bool = False


@dataclass(frozen=True)
class DropIn:
    server: NamedServer
    port: int
    """0: on standard input and output."""
    bind_address: str
    hosts: tuple[str, ...] = ()
    """Names that the server may be called by, beside those of loopback."""
    resource: str = ""
    """Its address as clients know it; empty where nothing says it."""
    certificate: str = ""
    """Path of the certificate to serve with; empty for none."""
    key: str = ""
    stateless: bool = False
    """Whether clients of the older protocol have no sessions either."""
    metrics_port: int = 0
    """0: metrics are on the server's own port."""
    log_level: int = 0
    warnings: tuple[str, ...] = ()
    """One line each, for people."""

    @property
    def base(self) -> str:
        """The address that clients know without the server's own path."""
        return self.resource.rstrip("/").removesuffix(PATH)


def load(config: Path | None, directory: Path | None, flags: Flags, available: Mapping[str, Toolset]) -> DropIn:
    """Raises `ConfigError`, and `KubeconfigError` for a kubeconfig that it names."""
    table = _with_flags(files.read(config, directory), flags)
    origin = str(config or directory)

    def fail(key: str, why: str, remedy: str = "") -> Exception:
        return ConfigError(f"{origin}: {key} cannot be used", why, remedy)

    warnings = checking.check_fates(table, fail)
    server, more = _server(table, available, fail)
    _check_tls(table, flags, fail)
    parts = urlsplit(table.get("server_url", ""))
    oidc = isinstance(server.identity, OIDC)
    said = str(table.get("bind_address", ""))
    if not said and not oidc and _port(table, fail):
        more.append("it listens on 127.0.0.1 alone: callers are not told apart without require_oauth")
    return DropIn(
        server,
        _port(table, fail),
        said or (_EVERYWHERE if oidc else _LOOPBACK),
        (parts.hostname,) if parts.hostname else (),
        str(table.get("server_url", "")),
        str(table.get("tls_cert", "")),
        str(table.get("tls_key", "")),
        bool(table.get("stateless")),
        _port(table, fail, "metrics_port"),
        int(table.get("log_level", 0)),
        (*warnings, *more),
    )


def _with_flags(table: files.Table, flags: Flags) -> files.Table:
    """A flag tightens and never loosens, whatever a file says after a reload."""
    found = dict(table)
    for key in ("read_only", "disable_destructive"):
        found[key] = bool(found.get(key)) or getattr(flags, key)
    if flags.port is not None:
        found["port"] = str(flags.port)
    if flags.bind_address:
        found["bind_address"] = flags.bind_address
    return found


def _server(table: Mapping[str, Any], available: Mapping[str, Toolset], fail: Fail) -> tuple[NamedServer, list[str]]:
    let = allowing.allowed(table, available, fail)
    identity, more = identifying.identity(table, fail), list(let.warnings)
    ours = {key: value for key, value in table.get("fairlead", {}).items() if key != "scopes"}
    if isinstance(identity, OIDC):
        ours.setdefault("access", {"subjects": ["*"]})
        if identity.towards == "pass-on":
            more.append(
                "the caller's token is passed on to the cluster: require_oauth without token_exchange asks for it"
            )
    found = {"name": NAME, "description": table.get("server_instructions", ""), **ours}
    server = replace(
        serverkeys.from_document(found, "[fairlead]"),
        catalog=let.catalog, allow=let.allow, deny=let.deny, identity=identity,
        targets=clusters.targets(table, fail), dress=_dressing(table), denied=allowing.denied(table, fail),
    )  # fmt: skip
    return server, more


def _dressing(table: Mapping[str, Any]) -> naming.Dressing:
    texts = {name: each["description"] for name, each in (table.get("tool_overrides") or {}).items() if each}
    return naming.Dressing(str(table.get("list_output", "")), tuple(sorted(texts.items())))


def _port(table: Mapping[str, Any], fail: Fail, key: str = "port") -> int:
    value = str(table.get(key) or 0)
    if not value.isdigit() or int(value) > 65535:
        raise fail(key, "it is a number up to 65535")
    return int(value)


def _check_tls(table: Mapping[str, Any], flags: Flags, fail: Fail) -> None:
    pair = [bool(table.get(each)) for each in ("tls_cert", "tls_key")]
    if any(pair) and not all(pair):
        raise fail("tls_cert", "certificate and key go together", "set tls_cert and tls_key")
    if table.get("tls_min_version", "") not in _TLS:
        raise fail("tls_min_version", "towards others 1.2 is spoken too", "leave it out: the server itself speaks 1.3")
    limit = (table.get("http") or {}).get("max_body_bytes") or _LARGEST_BODY
    if limit < _LARGEST_BODY:
        raise fail("http.max_body_bytes", "less than 4 MiB cannot be set", "leave it out")
    if table.get("require_tls"):
        _check_everything_is_https(table, flags, fail)


def _check_everything_is_https(table: Mapping[str, Any], flags: Flags, fail: Fail) -> None:
    if table.get("port") and not table.get("tls_cert") and not flags.behind_tls_proxy:
        raise fail("require_tls", "there is no certificate to serve with", "set tls_cert and tls_key")
    for key in ("authorization_url", "server_url"):
        if str(table.get(key, "")).startswith("http:"):
            raise fail(key, "require_tls asks for https")
    for each in clusters.targets(table, fail):
        if each.context and kubeconfig.load(each.kubeconfig or None, each.context).server.startswith("http:"):
            raise fail("kubeconfig", f"the context {each.context!r} is reached without TLS, and require_tls is set")
