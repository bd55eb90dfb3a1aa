"""What is printed for clients, without any of them; `tests/mcp/clients` asks the clients themselves."""

import json
import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.mcp.connecting.clientformats import CLIENTS
from fairlead.mcp.connecting.connecting import Address, Command, ConnectError, Pipe, Snippet, Way, address

PIPE = Pipe(("/opt/fairlead", "mcp", "serve", "--stdio", "--server", "shop"), {"KUBECONFIG": "/home/me/kube config"})
URL = "https://mcp.example.org/s/shop/mcp"
OPEN = Address("http://127.0.0.1:8080/s/shop/mcp")
LOGIN = Address(URL, logs_in=True)
REGISTERED = Address(URL, logs_in=True, client_id="agents")
TOKEN = Address(URL, logs_in=True, token_variable="SHOP_TOKEN")
each_client = pytest.mark.parametrize("client", CLIENTS)


def lines(client: str, way: Way) -> list[str]:
    return [str(each) for each in CLIENTS[client].steps("shop", way)]


def entry(client: str, way: Way, key: str = "mcpServers") -> Any:
    (found,) = (each for each in CLIENTS[client].steps("shop", way) if isinstance(each, Snippet))
    return json.loads(found.text)[key]["shop"]


@pytest.mark.requirement("mcp-connect:each-client")
class TestPipe:
    @pytest.mark.parametrize("client", ["claude-desktop", "cursor", "json"])
    def test_a_file_has_command_arguments_and_environment(self, client: str) -> None:
        found = entry(client, PIPE)
        assert (found["command"], *found["args"]) == PIPE.command
        assert found["env"] == PIPE.environment

    def test_vs_code_has_a_key_of_its_own_and_a_type(self) -> None:
        assert entry("vscode", PIPE, "servers")["type"] == "stdio"

    @pytest.mark.parametrize("client", ["claude-code", "codex", "gemini"])
    def test_a_command_ends_with_ours(self, client: str) -> None:
        words = shlex.split(lines(client, PIPE)[0])
        assert words[-len(PIPE.command) + 1 :] == list(PIPE.command[1:])
        assert "KUBECONFIG=/home/me/kube config" in " ".join(words)


@pytest.mark.requirement("mcp-connect:each-client")
class TestAddress:
    @each_client
    def test_everybody_is_told_the_address(self, client: str) -> None:
        assert any(OPEN.url in each for each in lines(client, OPEN))

    @each_client
    def test_nobody_is_told_to_log_in_where_no_login_is(self, client: str) -> None:
        assert "og in" not in "".join(lines(client, OPEN))

    def test_the_type_is_said_where_another_would_be_assumed(self) -> None:
        assert entry("vscode", OPEN, "servers")["type"] == entry("json", OPEN)["type"] == "http"
        assert "--transport http" in lines("gemini", OPEN)[0]
        assert "--transport http" in lines("claude-code", OPEN)[0]

    def test_claude_desktop_takes_a_bridge_for_what_its_vendor_cannot_reach(self) -> None:
        assert entry("claude-desktop", OPEN)["args"][:3] == ["-y", "mcp-remote", OPEN.url]
        assert not [each for each in CLIENTS["claude-desktop"].steps("shop", LOGIN) if isinstance(each, Snippet)]
        assert "Connectors" in lines("claude-desktop", LOGIN)[0]


@pytest.mark.requirement("mcp-connect:identity")
class TestIdentity:
    @pytest.mark.parametrize("client", ["claude-code", "cursor", "vscode", "codex", "gemini"])
    def test_the_login_is_told(self, client: str) -> None:
        said = "\n".join(lines(client, LOGIN))
        assert "og in" in said or "login" in said

    @pytest.mark.parametrize("client", sorted(set(CLIENTS) - {"json"}))
    def test_a_registered_client_is_named(self, client: str) -> None:
        assert "agents" in "\n".join(lines(client, REGISTERED))

    @each_client
    def test_a_token_is_named_and_no_login_is_told(self, client: str) -> None:
        said = "\n".join(lines(client, TOKEN))
        assert "SHOP_TOKEN" in said
        assert "Log in" not in said


@pytest.mark.requirement("mcp-connect:safe")
class TestSafety:
    @given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
    def test_a_path_stays_one_word(self, path: str) -> None:
        for client in CLIENTS.values():
            for each in client.steps("shop", Pipe(("fairlead", "--servers", path))):
                if isinstance(each, Command) and client.name != "vscode":
                    assert shlex.split(str(each))[-1] == path

    @pytest.mark.parametrize(
        "url",
        [
            *("ftp://h/mcp", "javascript:alert(1)", "https://", "https://me:word@h/mcp", "https://h/mcp?token=x"),
            *("https://h/mcp#x", "https://h:x/mcp", "https://h/a b/mcp", "https://[h/mcp", "https://h/\nmcp", "h", ""),
        ],
    )
    def test_odd_addresses_are_refused_without_repeating_them(self, url: str) -> None:
        with pytest.raises(ConnectError) as refused:
            address(url, "shop")
        assert "word" not in str(refused.value)

    @pytest.mark.parametrize(
        ("given_url", "made"),
        [
            ("https://mcp.example.org", URL),
            ("https://mcp.example.org/", URL),
            ("https://mcp.example.org/s/shop/mcp", URL),
            ("https://mcp.example.org/s/shop/mcp/", URL),
            ("http://[::1]:8080", "http://[::1]:8080/s/shop/mcp"),
            ("https://h.example.org/behind", "https://h.example.org/behind/s/shop/mcp"),
        ],
    )
    def test_where_all_are_served_becomes_where_this_one_is(self, given_url: str, made: str) -> None:
        assert address(given_url, "shop") == made
