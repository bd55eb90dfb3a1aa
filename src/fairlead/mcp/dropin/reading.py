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

from fairlead.mcp.dropin import allowing, checking, clusters, files, identifying, naming, prompting, transport
from fairlead.mcp.dropin.checking import Fail
from fairlead.mcp.dropin.files import ConfigError
from fairlead.mcp.named import serverkeys
from fairlead.mcp.named.identities import OIDC
from fairlead.mcp.named.servers import NamedServer
from fairlead.mcp.tools import Toolset

NAME = "kubernetes"
"""Of the server, in the audit log and wherever servers are told apart."""
PATH = "/mcp"
_EVERYWHERE = "0.0.0.0"  # noqa: S104 - the other product's default, and only where callers bring tokens
_LOOPBACK = "127.0.0.1"


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
    if table.get("list_output", "") not in ("", "table", "yaml"):
        raise fail("list_output", "it is table or yaml")
    transport.check_tls(table, fail, behind_tls_proxy=flags.behind_tls_proxy)
    parts = urlsplit(table.get("server_url", ""))
    oidc = isinstance(server.identity, OIDC)
    said = str(table.get("bind_address", ""))
    if not said and not oidc and transport.port(table, fail):
        more.append("it listens on 127.0.0.1 alone: callers are not told apart without require_oauth")
    return DropIn(
        server,
        transport.port(table, fail),
        said or (_EVERYWHERE if oidc else _LOOPBACK),
        (parts.hostname,) if parts.hostname else (),
        str(table.get("server_url", "")),
        str(table.get("tls_cert", "")),
        str(table.get("tls_key", "")),
        bool(table.get("stateless")),
        transport.port(table, fail, "metrics_port"),
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
    elif table.get("cluster_auth_mode") == "passthrough":
        more.append("cluster_auth_mode is passed over: without require_oauth no token is taken, nor passed on")
    found = {"name": NAME, "description": table.get("server_instructions", ""), **ours}
    server = replace(
        serverkeys.from_document(found, "[fairlead]", identity),
        catalog=let.catalog, allow=let.allow, deny=let.deny,
        targets=clusters.targets(table, fail), denied=allowing.denied(table, fail),
        dress=_dressing(table, let.catalog[0], fail),
    )  # fmt: skip
    return server, more


def _dressing(table: Mapping[str, Any], host: str, fail: Fail) -> naming.Dressing:
    texts = {name: each.get("description", "") for name, each in (table.get("tool_overrides") or {}).items()}
    listed, made = str(table.get("list_output", "")), prompting.prompts(table, fail)
    return naming.Dressing(listed, tuple(sorted(texts.items())), made, host, repr(table.get("prompts")))
