"""`fairlead mcp server connect`: from a server's file to what a person enters into a client."""

import json
import shlex
from pathlib import Path

import pytest

from fairlead.cli import main

pytestmark = pytest.mark.requirement("mcp-connect:each-client")
OPEN = "name: open\n"
GUARDED = """
name: guarded
identity:
  way: oidc
  issuer: https://id.example.org/realms/agents
  audience: fairlead
  towards: exchange
  clientID: agents
  exchange: {clientID: fairlead, clientSecret: {file: /etc/secret}, audience: kubernetes}
"""


@pytest.fixture
def servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in (("open", OPEN), ("guarded", GUARDED)):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Connecting:
    def __init__(self, servers: Path, printed: pytest.CaptureFixture[str]) -> None:
        self._servers = servers
        self._printed = printed

    def __call__(self, *arguments: str) -> str:
        code = main.run(["mcp", "server", "connect", *arguments, "--servers", str(self._servers)])
        said = self._printed.readouterr()
        assert code == 0, said.err
        return said.out

    def refused(self, *arguments: str) -> str:
        assert main.run(["mcp", "server", "connect", *arguments, "--servers", str(self._servers)]) == 1
        said = self._printed.readouterr()
        assert not said.out
        assert said.err.count("\n") == 1
        return said.err


@pytest.fixture
def connect(servers: Path, capsys: pytest.CaptureFixture[str]) -> Connecting:
    return Connecting(servers, capsys)


def test_over_a_pipe_every_path_is_whole(connect: Connecting, servers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "one:/two")
    found = json.loads(connect("open", "--client", "json"))["mcpServers"]["open"]
    assert found["args"][-6:] == ["serve", "--stdio", "--servers", str(servers), "--server", "open"]
    assert Path(found["command"]).is_absolute()
    assert found["env"] == {"KUBECONFIG": f"{servers / 'one'}:/two"}


def test_one_clients_set_up_can_be_handed_to_a_shell(connect: Connecting) -> None:
    for line in connect("guarded", "--client", "claude-code", "--url", "https://mcp.example.org").splitlines():
        words = shlex.split(line, comments=True)
        assert not words or words[0] == "claude"


def test_all_clients_have_their_names_above(connect: Connecting) -> None:
    said = connect("open", "--url", "http://127.0.0.1:8080")
    assert [each for each in said.splitlines() if each and each[0] != " "] == [
        *("Claude Code", "Claude Desktop", "Cursor", "VS Code", "Codex", "Gemini CLI", "Any other client")
    ]


@pytest.mark.requirement("mcp-connect:identity")
class TestIdentity:
    def test_the_registered_client_is_told_and_the_secret_is_not(self, connect: Connecting) -> None:
        said = connect("guarded", "--url", "https://mcp.example.org")
        assert "--oauth-client-id agents" in said
        assert "Log in: Settings, MCP, guarded, Connect." in said
        assert "/etc/secret" not in said

    def test_a_server_that_tells_callers_apart_is_not_started_by_them(self, connect: Connecting) -> None:
        assert "--url says where it is served" in connect.refused("guarded")

    def test_nobody_brings_a_token_over_a_pipe(self, connect: Connecting) -> None:
        assert "--url" in connect.refused("open", "--token-env", "TOKEN")

    def test_a_token_is_named(self, connect: Connecting) -> None:
        said = connect("guarded", "--url", "https://mcp.example.org", "--token-env", "TOKEN", "--client", "codex")
        assert said.split()[-2:] == ["--bearer-token-env-var", "TOKEN"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("open", "--client", "emacs"), "--client takes claude-code"),
        (("nothing",), "--server takes one of"),
        ((), "which server is not said"),
        (("open", "--url", "ftp://x"), "an http or https URL"),
    ],
)
def test_a_mistake_is_answered_in_one_line(connect: Connecting, arguments: tuple[str, ...], words: str) -> None:
    assert words in connect.refused(*arguments)
