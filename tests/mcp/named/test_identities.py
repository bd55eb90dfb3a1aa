"""The key `identity` of a server file."""

import contextlib
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.identity.errors import ProviderError
from fairlead.mcp.named import catalog, identitykeys, serverkeys
from fairlead.mcp.named.identities import OIDC, Exchange, Kubeconfig, Reference, Scopes, SecretKey, Token, is_safe
from fairlead.mcp.named.serverkeys import ServerFileError, from_document
from fairlead.mcp.named.servers import NamedServer
from fairlead.mcp.operating.preparing import prepare

pytestmark = pytest.mark.requirement("mcp-identity:keys")

EXCHANGE = {"clientID": "mcp", "clientSecret": {"env": "SECRET"}, "audience": "kubernetes"}
LEAST = {"way": "oidc", "issuer": "https://idp.example/realms/a", "audience": "mcp", "towards": "pass-on"}


def read(value: Any) -> Any:
    return from_document({"name": "a", "identity": value}, "a.yaml").identity


def test_nothing_said_is_the_kubeconfig() -> None:
    assert from_document({"name": "a"}, "a.yaml").identity == Kubeconfig() == read({"way": "kubeconfig"}) == read({})


def test_a_token_is_named() -> None:
    found = read({"way": "token", "server": "https://api.example/", "token": {"file": "/run/token"}})
    assert found == Token("https://api.example", Reference(file="/run/token"))
    secret = {"namespace": "a", "name": "b"}
    found = read({"way": "token", "server": "https://api.example", "token": {"secret": secret}})
    assert found.token.secret == SecretKey("a", "b", "token")
    assert str(found.token) == "key token of Secret a/b"


def test_oidc_whole() -> None:
    assert read(LEAST) == OIDC("https://idp.example/realms/a", ("mcp",), "pass-on")
    more = {"scopes": {"read": "r", "admin": "a"}, "towards": "exchange", "exchange": EXCHANGE, "audience": ["a", "b"]}
    found = read(LEAST | more | {"algorithms": ["ES256"], "leewaySeconds": 60, "clientID": "public"})
    assert found.exchange == Exchange("mcp", Reference(env="SECRET"), "kubernetes")
    assert found.scopes == Scopes("r", "", "a")
    assert (found.audiences, found.algorithms, found.leeway_seconds) == (("a", "b"), ("ES256",), 60)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("oidc", "identity cannot be used: it is a mapping"),
        ({"way": "odic"}, "did you mean oidc"),
        ({"way": "kubeconfig", "token": {}}, "identity.token cannot be used: there is no such key"),
        (LEAST | {"isuer": "x"}, "identity.isuer cannot be used: there is no such key; did you mean issuer"),
        (LEAST | {"issuer": "http://idp.example"}, "identity.issuer cannot be used: it is an https URL"),
        (LEAST | {"issuer": "https://idp.example?a=b"}, "identity.issuer"),
        (LEAST | {"issuer": ""}, "identity.issuer cannot be used: it is needed"),
        (LEAST | {"audience": []}, "identity.audience cannot be used: it is needed"),
        (LEAST | {"algorithms": ["RS256", "HS256"]}, "identity.algorithms"),
        (LEAST | {"algorithms": ["none"]}, "identity.algorithms"),
        (LEAST | {"leewaySeconds": 3600}, "identity.leewaySeconds"),
        (LEAST | {"towards": "passthrough"}, "identity.towards"),
        ({key: LEAST[key] for key in ("way", "issuer", "audience")}, "identity.towards"),
        (LEAST | {"towards": "exchange"}, "identity.exchange"),
        (LEAST | {"exchange": EXCHANGE}, "identity.exchange"),
        (LEAST | {"scopes": {"write": 'a"b'}}, "identity.scopes.write"),
        (LEAST | {"scopes": {"exec": "a"}}, "identity.scopes.exec"),
    ],
)
def test_what_cannot_be_used_names_the_key(value: Any, said: str) -> None:
    with pytest.raises(ServerFileError, match=r"a\.yaml: ") as caught:
        read(value)
    assert said in str(caught.value)


@pytest.mark.parametrize("value", ["sk-4tE9", {"value": "sk-4tE9"}, {"file": "a", "env": "b"}, {}])
def test_a_secret_that_is_written_down_is_refused_and_not_repeated(value: Any) -> None:
    for whole in (
        {"way": "token", "server": "https://api.example", "token": value},
        LEAST | {"towards": "exchange", "exchange": EXCHANGE | {"clientSecret": value}},
    ):
        with pytest.raises(ServerFileError) as caught:
            read(whole)
        assert "sk-4tE9" not in str(caught.value)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda each: st.lists(each, max_size=3)))
def test_any_value_of_any_key_is_read_or_refused(value: Any) -> None:
    def fail(key: str, why: str, remedy: str = "") -> Exception:
        return ServerFileError(key, why, remedy)

    for key in ("issuer", "audience", "scopes", "exchange", "algorithms", "towards", "trustedHosts", "clientID", "way"):
        with contextlib.suppress(ServerFileError):
            identitykeys.read(LEAST | {key: value}, fail)


@pytest.mark.parametrize(
    ("address", "safe"),
    [
        ("https://a.example", True),
        ("http://127.0.0.1:8080/realms/a", True),
        ("http://[::1]:1/", True),
        ("http://localhost", True),
        ("http://localhost.evil.example", False),
        ("http://10.0.0.1", False),
        ("https://user@a.example", False),
        ("https://a.example:port", False),
        ("https://", False),
        ("ftp://a.example", False),
    ],
)
def test_which_addresses_a_secret_may_go_to(address: str, safe: bool) -> None:
    assert is_safe(address) is safe


@pytest.mark.parametrize("page", ["mcp-identity.md", "mcp-keycloak.md"])
def test_the_files_that_the_documentation_shows_are_read(page: str) -> None:
    text = (Path(__file__).parents[3] / "docs" / page).read_text(encoding="utf-8")
    shown = [each for each in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if each.startswith("name:")]
    assert shown
    for each in shown:
        serverkeys.read(each.encode(), page)


def test_every_key_is_documented() -> None:
    text = (Path(__file__).parents[3] / "docs" / "mcp-identity.md").read_text(encoding="utf-8")
    assert [each for each in identitykeys._OIDC_KEYS if f"`{each}`" not in text and f"{each}: " not in text] == []


def test_an_authority_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    """Not the first caller, who could do nothing about it."""
    server = NamedServer("a", identity=OIDC("https://idp.example", ("mcp",), "pass-on", None, str(tmp_path / "ca.crt")))
    with pytest.raises(ProviderError, match=r"ca\.crt cannot be used: No such file"):
        prepare(server, catalog.toolsets())
