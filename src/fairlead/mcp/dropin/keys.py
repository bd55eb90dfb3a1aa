"""Every key that a `config.toml` of kubernetes-mcp-server may have, and what becomes of it here.

The other product passes over what it does not know, so that a misspelt `read_only` leaves a server open without a word.
Here each key is known, and one of four things is its fate: it is honoured; it is named in a warning, because nobody is
worse off without it; it stops the start, because it restricts and nothing here would; or it stops the start until what
it asks for exists. What restricts nothing at a certain value (`tls_cipher_suites = []`) is passed over at that value.

Source: kubernetes-mcp-server 0.0.67 and its source of August 2026; reference/kubernetes-mcp-server.md §2.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Literal


class Fate(Enum):
    HONOURED = "honoured"
    WARNED = "named in a warning"
    REFUSED = "stops the start"


Shape = Literal["text", "number", "switch", "names", "table", "tables"]


@dataclass(frozen=True)
class Key:
    path: str
    """With dots between tables; `*` stands for any name."""
    shape: Shape
    fate: Fate
    note: str
    """What it becomes, or what takes its place."""
    ours: bool = False
    """Not a key of the other product."""
    neutral: tuple[str, ...] = ()
    """Values that ask for nothing else than what is done anyway."""


_HONOURED, _WARNED, _REFUSED = Fate.HONOURED, Fate.WARNED, Fate.REFUSED
_EXCHANGED = "see `token_exchange`"
_SPANS = "the environment's `OTEL_*` say it"

KEYS = (
    # What is served, and where.
    Key("port", "text", _HONOURED, "the port; without one the server speaks on standard input and output"),
    Key("bind_address", "text", _HONOURED, "by default everywhere with `require_oauth`, else 127.0.0.1"),
    Key("server_url", "text", _HONOURED, "its host may be called, and it is the address in the metadata for clients"),
    Key("log_level", "number", _HONOURED, "from 4 on also what helps to find faults"),
    Key("log_file", "text", _WARNED, "the log is on standard error", neutral=("stderr",)),
    Key("list_output", "text", _HONOURED, "`table` or `yaml`: the form of lists that ask for none"),
    Key("server_instructions", "text", _HONOURED, "stand before ours"),
    Key("stateless", "switch", _HONOURED, "no sessions for clients of the older protocol either"),
    Key("trust_proxy_headers", "switch", _WARNED, "no such header is read; `server_url` says how the server is called"),
    Key("metrics_port", "text", _HONOURED, "a port of its own for /metrics"),
    Key("tls_cert", "text", _HONOURED, "the certificate to serve with, read again when it changes"),
    Key("tls_key", "text", _HONOURED, "its key"),
    Key("require_tls", "switch", _HONOURED, "no start without a certificate or with an address that is no https"),
    Key("tls_min_version", "text", _HONOURED, "up to 1.2; only 1.3 is spoken anyway where the server listens"),
    Key("tls_cipher_suites", "names", _REFUSED, "they are of TLS 1.2, which is not spoken where the server listens"),
    Key("http.read_header_timeout", "text", _REFUSED, "a proxy before the server has to bound it"),
    Key("http.max_body_bytes", "number", _HONOURED, "from 4 MiB; more than that is never taken"),
    Key("http.rate_limit_rps", "number", _REFUSED, "calls are counted by the hour and by who calls: `fairlead.limits`"),
    Key("http.rate_limit_burst", "number", _WARNED, "as `http.rate_limit_rps`, without which it says nothing"),
    # Clusters.
    Key("kubeconfig", "text", _HONOURED, "its contexts are the clusters, the current one first"),
    Key("cluster_provider_strategy", "text", _HONOURED, "`kubeconfig`, `in-cluster`, `disabled`; no `kcp` yet"),
    Key("cluster_provider_configs", "table", _REFUSED, "clusters have no settings of their own here"),
    # What may be done.
    Key("toolsets", "names", _HONOURED, "those that Fairlead has"),
    Key("enabled_tools", "names", _HONOURED, "only these; `pods_exec` has to be among them to be there"),
    Key("disabled_tools", "names", _HONOURED, "all but these"),
    Key("read_only", "switch", _HONOURED, "tools that read, and connections that cannot send anything else"),
    Key("disable_destructive", "switch", _HONOURED, "of the tools that write, only those that merely create"),
    Key("denied_resources", "tables", _HONOURED, "refused to every tool, in every version"),
    Key("validation_enabled", "switch", _WARNED, "each write is tried by a dry run before it is done"),
    Key(
        "experimental_enable_target_compatibility_tool_filters", "switch", _WARNED,
        "tools whose API a cluster lacks are there and say so",
    ),
    Key("tool_overrides.*.description", "text", _HONOURED, "the text of the tool"),
    Key("toolset_configs.*", "table", _WARNED, "no toolset of Fairlead has settings"),
    Key("prompts", "tables", _HONOURED, "prompts, with `{{argument}}` filled in"),
    Key("confirmation_fallback", "text", _HONOURED, "`allow`, with a warning: what deletes is confirmed in any case"),
    Key("confirmation_rules", "tables", _HONOURED, "those of what is confirmed anyway; another one stops the start"),
    # Callers.
    Key("require_oauth", "switch", _HONOURED, "each request brings a token, which is verified"),
    Key("authorization_url", "text", _HONOURED, "the issuer of the tokens"),
    Key("oauth_audience", "text", _HONOURED, "the audience that they are for"),
    Key("certificate_authority", "text", _HONOURED, "a file with the authorities that the issuer is verified by"),
    Key("oauth_scopes", "names", _HONOURED, "told to clients, and not required; `fairlead.scopes` requires"),
    Key("skip_jwt_verification", "switch", _REFUSED, "a token that nobody has verified is not passed on"),
    Key("disable_dynamic_client_registration", "switch", _WARNED, "the identity provider decides on it"),
    Key("cluster_auth_mode", "text", _HONOURED, "`passthrough`, or `kubeconfig` without `require_oauth`"),
    Key("token_exchange.strategy", "text", _HONOURED, "`rfc8693`; the others stop the start"),
    Key("token_exchange.audience", "text", _HONOURED, "what the exchanged token is for"),
    Key("token_exchange.scopes", "names", _HONOURED, "asked of it"),
    Key("token_exchange.subject_token_type", "text", _HONOURED, "that of an access token only"),
    Key("token_exchange.requested_token_type", "text", _HONOURED, "that of an access token only"),
    Key("token_exchange.subject_issuer", "text", _REFUSED, "it belongs to `keycloak-v1`"),
    Key("token_exchange.client_auth.method", "text", _HONOURED, "`client_secret_basic` or `client_secret_post`"),
    Key("token_exchange.client_auth.client_id", "text", _HONOURED, "this server's own id at the issuer"),
    Key("token_exchange.client_auth.client_secret", "text", _HONOURED, "its secret"),
    Key("token_exchange.client_auth.certificate_file", "text", _REFUSED, "clients prove themselves by a secret"),
    Key("token_exchange.client_auth.private_key_file", "text", _REFUSED, "clients prove themselves by a secret"),
    Key("token_exchange.client_auth.token_file", "text", _REFUSED, "clients prove themselves by a secret"),
    Key("token_exchange.client_auth.assertion_lifetime", "text", _REFUSED, "clients prove themselves by a secret"),
    Key("token_exchange_strategy", "text", _HONOURED, _EXCHANGED),
    Key("sts_client_id", "text", _HONOURED, _EXCHANGED),
    Key("sts_client_secret", "text", _HONOURED, _EXCHANGED),
    Key("sts_audience", "text", _HONOURED, _EXCHANGED),
    Key("sts_scopes", "names", _HONOURED, _EXCHANGED),
    Key("sts_auth_style", "text", _HONOURED, "`params` (the default) or `header`"),
    Key("sts_subject_token_type", "text", _HONOURED, _EXCHANGED),
    Key("sts_requested_token_type", "text", _HONOURED, _EXCHANGED),
    Key("sts_client_cert_file", "text", _REFUSED, "clients prove themselves by a secret"),
    Key("sts_client_key_file", "text", _REFUSED, "clients prove themselves by a secret"),
    Key("sts_federated_token_file", "text", _REFUSED, "clients prove themselves by a secret"),
    Key("telemetry.enabled", "switch", _WARNED, _SPANS),
    Key("telemetry.endpoint", "text", _WARNED, _SPANS),
    Key("telemetry.protocol", "text", _WARNED, _SPANS),
    Key("telemetry.traces_sampler", "text", _WARNED, _SPANS),
    Key("telemetry.traces_sampler_arg", "number", _WARNED, _SPANS),
    # What the other product has no word for.
    Key("fairlead.production", "switch", _HONOURED, "production mode", ours=True),
    Key("fairlead.access", "table", _HONOURED, "as in a server file; by default whoever has a token", ours=True),
    Key("fairlead.scopes", "table", _HONOURED, "`read`, `write` and `admin` of the issuer's scopes", ours=True),
    Key("fairlead.limits", "table", _HONOURED, "calls an hour, as in a server file", ours=True),
    Key("fairlead.timeoutSeconds", "number", _HONOURED, "of each call", ours=True),
)  # fmt: skip

_BY_PATH = {each.path: each for each in KEYS}


def find(path: str) -> Key | None:
    """Also one whose path has a `*` where this one has a name."""
    return next((_BY_PATH[each] for each in _readings(path) if each in _BY_PATH), None)


def tables() -> frozenset[str]:
    """The paths that hold keys: `http` of `http.max_body_bytes`."""
    parts = [each.path.split(".") for each in KEYS]
    return frozenset(".".join(each[:count]) for each in parts for count in range(1, len(each)))


_TABLES = tables()


def is_table(path: str) -> bool:
    return any(each in _TABLES for each in _readings(path))


def _readings(path: str) -> Iterator[str]:
    yield path
    parts = path.split(".")
    yield from (".".join((*parts[:index], "*", *parts[index + 1 :])) for index in range(1, len(parts)))
