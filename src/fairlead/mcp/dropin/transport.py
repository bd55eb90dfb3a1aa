"""What a `config.toml` says of ports and TLS, and what of it holds anyway.

The server itself speaks TLS 1.3 and takes bodies of 4 MiB; less of the one and more of the other is what the file may
ask for. `require_tls` means every address in the file, as there.
"""

from collections.abc import Mapping
from typing import Any

from fairlead.client import kubeconfig
from fairlead.mcp.dropin import clusters
from fairlead.mcp.dropin.checking import Fail

_LARGEST_BODY = 4 * 1024 * 1024
_TLS = ("", "1.0", "1.1", "1.2", "VersionTLS10", "VersionTLS11", "VersionTLS12")


def port(table: Mapping[str, Any], fail: Fail, key: str = "port") -> int:
    value = str(table.get(key) or 0)
    if not value.isdigit() or int(value) > 65535:
        raise fail(key, "it is a number up to 65535")
    return int(value)


def check_tls(table: Mapping[str, Any], fail: Fail, *, behind_tls_proxy: bool) -> None:
    pair = [bool(table.get(each)) for each in ("tls_cert", "tls_key")]
    if any(pair) and not all(pair):
        raise fail("tls_cert", "certificate and key go together", "set tls_cert and tls_key")
    if table.get("tls_min_version", "") not in _TLS:
        raise fail("tls_min_version", "towards others 1.2 is spoken too", "leave it out: the server itself speaks 1.3")
    limit = (table.get("http") or {}).get("max_body_bytes") or _LARGEST_BODY
    if limit < _LARGEST_BODY:
        raise fail("http.max_body_bytes", "less than 4 MiB cannot be set", "leave it out")
    if table.get("require_tls"):
        _check_everything_is_https(table, fail, behind_tls_proxy=behind_tls_proxy)


def _check_everything_is_https(table: Mapping[str, Any], fail: Fail, *, behind_tls_proxy: bool) -> None:
    if table.get("port") and not table.get("tls_cert") and not behind_tls_proxy:
        raise fail("require_tls", "there is no certificate to serve with", "set tls_cert and tls_key")
    for key in ("authorization_url", "server_url"):
        if str(table.get(key, "")).startswith("http:"):
            raise fail(key, "require_tls asks for https")
    for each in clusters.targets(table, fail):
        if each.context and kubeconfig.load(each.kubeconfig or None, each.context).server.startswith("http:"):
            raise fail("kubeconfig", f"the context {each.context!r} is reached without TLS, and require_tls is set")
