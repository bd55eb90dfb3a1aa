"""What a config.toml becomes."""

from pathlib import Path

import pytest

from fairlead.mcp.callers import LOOPBACK
from fairlead.mcp.deciding.policy import authorize, reads_only
from fairlead.mcp.dropin.files import ConfigError
from fairlead.mcp.dropin.reading import Flags
from fairlead.mcp.named import catalog
from fairlead.mcp.named.identities import OIDC, Kubeconfig
from fairlead.mcp.named.servers import Access, NamedServer
from fairlead.mcp.tools import Tool, ToolClass
from tests.mcp.dropin import samples
from tests.mcp.dropin.samples import load

OAUTH = 'require_oauth = true\nauthorization_url = "https://auth.example.com"\noauth_audience = "kcp"\n'


def tools(server: NamedServer) -> dict[str, Tool]:
    found = {tool.name: tool for each in catalog.chosen(server.catalog, catalog.toolsets()) for tool in each.tools}
    return {name: each for name, each in found.items() if authorize(server, each, LOOPBACK).allowed}


@pytest.mark.requirement("mcp-dropin:seed", "mcp-dropin:passing-on")
def test_the_seeds_settings_start_and_pass_the_callers_token_on(tmp_path: Path) -> None:
    found = load(tmp_path, samples.SEED)
    identity = found.server.identity
    assert isinstance(identity, OIDC)
    assert (identity.issuer, identity.audiences) == ("https://auth.example.com", ("platform-mesh",))
    assert identity.towards == "pass-on"
    assert not identity.scopes.mapped, "none is required"
    assert found.server.access == Access(subjects=("*",)), "whoever has a token"
    assert [each for each in found.warnings if "passed on" in each]
    assert not {"pods_list", "pods_get", "pods_log", "pods_exec", "nodes_top"} & tools(found.server).keys()
    assert "resources_list" in tools(found.server)
    (target,) = found.server.targets
    assert (target.context, target.kubeconfig) == ("kcp", str(tmp_path / "kubeconfig"))


@pytest.mark.requirement("mcp-dropin:seed")
def test_the_seeds_table_of_settings_is_honoured(tmp_path: Path) -> None:
    found = load(tmp_path, OAUTH + 'certificate_authority = "/etc/ca.crt"\nserver_url = "https://mcp.example.com:8443"')
    assert isinstance(found.server.identity, OIDC)
    assert found.server.identity.certificate_authority == "/etc/ca.crt"
    assert found.hosts == ("mcp.example.com",)
    assert found.resource == "https://mcp.example.com:8443"


@pytest.mark.requirement("mcp-dropin:seed")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('cluster_provider_strategy = "kcp"', "cluster_provider_strategy cannot be used: this version does not serve"),
        ('toolsets = ["kcp", "core"]', "there is no toolset 'kcp' yet; leave it out"),
        ('toolsets = ["helm", "core"]', "there is no toolset 'helm' yet; leave it out"),
        ('cluster_provider_strategy = "kubeconfg"', "did you mean kubeconfig?"),
        ('toolsets = ["cor"]', "did you mean core?"),
    ],
)
def test_what_does_not_exist_yet_stops_the_start_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, text)
    assert said in str(refused.value)
    assert str(tmp_path / "config.toml") in str(refused.value)


@pytest.mark.requirement("mcp-dropin:read-only")
def test_read_only_leaves_what_reads_on_connections_that_read(tmp_path: Path) -> None:
    server = load(tmp_path, "read_only = true").server
    assert {each.tool_class for each in tools(server).values()} == {ToolClass.READ}
    everything = [tool for each in catalog.chosen(server.catalog, catalog.toolsets()) for tool in each.tools]
    assert reads_only(server, everything)
    assert load(tmp_path, "", Flags(read_only=True)).server.deny == server.deny


@pytest.mark.requirement("mcp-dropin:disable-destructive")
def test_disable_destructive_leaves_only_what_creates(tmp_path: Path) -> None:
    server = load(tmp_path, "disable_destructive = true").server
    assert {name for name, each in tools(server).items() if each.tool_class is not ToolClass.READ} <= {"pods_run"}
    assert load(tmp_path, "", Flags(disable_destructive=True)).server.deny == server.deny


@pytest.mark.requirement("mcp-dropin:tool-lists")
def test_enabled_and_disabled_tools_decide_by_name(tmp_path: Path) -> None:
    found = tools(load(tmp_path, 'enabled_tools = ["pods_list", "pods_log"]\ndisabled_tools = ["pods_log"]').server)
    assert list(found) == ["pods_list"]
    assert tools(load(tmp_path, 'disabled_tools = ["helm_install", "vm_create"]').server), "not here in any case"
    with pytest.raises(ConfigError, match="there is no tool 'pods_lst'; did you mean pods_list"):
        load(tmp_path, 'disabled_tools = ["pods_lst"]')


@pytest.mark.requirement("mcp-dropin:passing-on", "mcp-dropin:no-secret")
@pytest.mark.parametrize(
    "text",
    [
        '[token_exchange]\nstrategy = "rfc8693"\naudience = "cluster"\nscopes = ["a"]\n'
        '[token_exchange.client_auth]\nmethod = "client_secret_basic"\nclient_id = "me"\nclient_secret = "hunter2"',
        'token_exchange_strategy = "rfc8693"\nsts_audience = "cluster"\nsts_scopes = ["a"]\nsts_auth_style = "header"\n'
        'sts_client_id = "me"\nsts_client_secret = "hunter2"',
    ],
    ids=["table", "flat"],
)
def test_a_token_exchange_takes_the_place_of_passing_on(tmp_path: Path, text: str) -> None:
    found = load(tmp_path, OAUTH + text)
    identity = found.server.identity
    assert isinstance(identity, OIDC)
    assert identity.towards == "exchange"
    assert identity.exchange is not None
    assert (identity.exchange.client_id, identity.exchange.audience) == ("me", "cluster")
    assert identity.exchange.scopes == ("a",)
    assert identity.exchange.client_secret.text == "hunter2"
    assert "hunter2" not in repr(found) + str(identity.exchange.client_secret)
    assert not [each for each in found.warnings if "passed on" in each]


REFUSED = {
    "no issuer": ('require_oauth = true\noauth_audience = "kcp"', "set authorization_url"),
    "no audience": ('require_oauth = true\nauthorization_url = "https://a.example.com"', "set oauth_audience"),
    "an issuer in the clear": (OAUTH.replace("https", "http"), "authorization_url cannot be used: it is an https URL"),
    "unverified tokens": ("require_oauth = true\nskip_jwt_verification = true", "skip_jwt_verification cannot be used"),
    "the server's own identity": (OAUTH + 'cluster_auth_mode = "kubeconfig"', "cluster_auth_mode cannot be used"),
    "an exchange of no token": ('[token_exchange]\nstrategy = "rfc8693"\naudience = "a"\n'
                                '[token_exchange.client_auth]\nclient_id = "a"\nclient_secret = "hunter2"',
                                "no token comes in"),
    "another exchange": (OAUTH + '[token_exchange]\nstrategy = "entra-obo"', "token_exchange.strategy cannot be used"),
    "both exchanges": (OAUTH + 'sts_audience = "a"\n[token_exchange]\nstrategy = "rfc8693"', "leave out those with"),
    "a client's certificate": (OAUTH + 'sts_client_cert_file = "/a"', "sts_client_cert_file cannot be used"),
    "half a certificate": ('tls_cert = "/a"', "set tls_cert and tls_key"),
    "no certificate": ('require_tls = true\nport = "1"', "require_tls cannot be used"),
    "ciphers": ('tls_cipher_suites = ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]', "it would restrict"),
    "slow headers": ('[http]\nread_header_timeout = "10s"', "http.read_header_timeout cannot be used"),
    "a small body": ("[http]\nmax_body_bytes = 1000", "http.max_body_bytes cannot be used"),
    "a rate": ("[http]\nrate_limit_rps = 5", "http.rate_limit_rps cannot be used"),
    "a refusing fallback": ('confirmation_fallback = "deny"', "confirmation_fallback cannot be used"),
    "a rule for a read": ('[[confirmation_rules]]\ntool = "pods_list"\nmessage = "hunter2"', "confirmation_rules"),
    "settings of clusters": ("[cluster_provider_configs.kubeconfig]\na = 1", "cluster_provider_configs cannot be used"),
    "a kubeconfig inside": ('cluster_provider_strategy = "in-cluster"\nkubeconfig = "{kubeconfig}"', "leave one"),
    "another form of lists": ('list_output = "json"', "it is table or yaml"),
    "a port": ('port = "http"', "port cannot be used"),
    "limits": ("[fairlead.limits]\nread = 0", "[fairlead]: limits.read cannot be used"),
}  # fmt: skip


@pytest.mark.requirement("mcp-dropin:restricting-key", "mcp-dropin:no-secret")
@pytest.mark.parametrize("what", sorted(REFUSED))
def test_what_restricts_and_is_not_honoured_stops_the_start(tmp_path: Path, what: str) -> None:
    text, said = REFUSED[what]
    from fairlead.machinery.errors import FairleadError

    with pytest.raises(FairleadError) as refused:
        load(tmp_path, text)
    assert said in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.requirement("mcp-dropin:restricting-key")
@pytest.mark.parametrize(
    "text",
    [
        'validation_enabled = true',
        'log_file = "/var/log/a.log"',
        'confirmation_fallback = "allow"',
        '[telemetry]\nendpoint = "http://otel:4317"',
        'cluster_auth_mode = "passthrough"',
        '[toolset_configs.helm]\nallowed_registries = ["oci://a"]',
    ],
)  # fmt: skip
def test_what_takes_nothing_from_anybody_is_named_in_a_warning(tmp_path: Path, text: str) -> None:
    key = text.splitlines()[0].partition(" ")[0].strip("[]")
    (warning,) = [each for each in load(tmp_path, text).warnings if "passed over" in each]
    assert warning.startswith(key)


@pytest.mark.requirement("mcp-dropin:restricting-key")
@pytest.mark.parametrize(
    "text",
    ["tls_cipher_suites = []", "[http]\nrate_limit_rps = 0\nmax_body_bytes = 16777216", "skip_jwt_verification = false",
     '[[confirmation_rules]]\ntool = "resources_delete"\nmessage = "sure?"', 'log_file = "stderr"',
     '[[confirmation_rules]]\ndestructive = true\nmessage = "sure?"', 'tls_min_version = "1.2"'],
)  # fmt: skip
def test_what_restricts_nothing_or_holds_anyway_is_not_spoken_of(tmp_path: Path, text: str) -> None:
    assert not [each for each in load(tmp_path, text).warnings if "passed over" in each]


@pytest.mark.requirement("mcp-dropin:seed")
def test_every_context_of_the_kubeconfig_is_a_cluster_and_the_current_one_is_the_first(tmp_path: Path) -> None:
    samples.base(tmp_path, "a", "b")
    assert [each.name for each in load(tmp_path).server.targets] == ["kcp", "a", "b"]
    assert [each.name for each in load(tmp_path, 'cluster_provider_strategy = "disabled"').server.targets] == ["kcp"]


@pytest.mark.requirement("mcp-dropin:allowed-hosts")
def test_without_oauth_it_listens_on_loopback_and_says_so(tmp_path: Path) -> None:
    found = load(tmp_path, 'port = "8080"')
    assert (found.port, found.bind_address, found.server.identity) == (8080, "127.0.0.1", Kubeconfig())
    assert [each for each in found.warnings if "127.0.0.1 alone" in each]
    assert load(tmp_path, OAUTH + "port = 8080").bind_address == "0.0.0.0"
    assert load(tmp_path, OAUTH + "port = 8080", Flags(port=9000, bind_address="::1")).port == 9000
    assert load(tmp_path).port == 0


@pytest.mark.requirement("mcp-dropin:parameter-names")
def test_list_output_descriptions_and_instructions_are_honoured(tmp_path: Path) -> None:
    text = 'list_output = "yaml"\nserver_instructions = "Ask it."\n[tool_overrides.pods_list]\ndescription = "Mine."'
    server = load(tmp_path, text).server
    assert server.description == "Ask it."
    assert server.dress is not None
    found = {tool.name: tool for each in catalog.chosen(server.catalog, catalog.toolsets())
             for tool in server.dress(each).tools}  # fmt: skip
    assert found["pods_list"].description == "Mine."
    (output,) = [each for each in found["resources_list"].parameters if each.name == "output"]
    assert output.default == "yaml"


@pytest.mark.requirement("mcp-dropin:seed")
def test_our_own_table_says_what_the_other_product_has_no_word_for(tmp_path: Path) -> None:
    text = OAUTH + (
        '[fairlead]\ntimeoutSeconds = 60\n[fairlead.access]\ngroups = ["ops"]\n'
        '[fairlead.limits]\nread = 5\n[fairlead.scopes]\nread = "mcp:read"'
    )
    server = load(tmp_path, text).server
    assert (server.timeout_seconds, server.limits.read, server.access) == (60, 5, Access(groups=("ops",)))
    assert isinstance(server.identity, OIDC)
    assert server.identity.scopes.read == "mcp:read"
