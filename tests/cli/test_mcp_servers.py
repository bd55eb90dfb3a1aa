"""`fairlead mcp server`, as people and scripts use it."""

import json
import os
import pty
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from fairlead.cli.main import run
from fairlead.machinery import encoding
from fairlead.mcp.named import serverfiles

DEADLINE = 60


class Shell:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> str:
        assert run(["mcp", "server", *arguments]) == 0, self._capsys.readouterr().err
        return self._capsys.readouterr().out

    def fails(self, *arguments: str) -> str:
        assert run(["mcp", "server", *arguments]) == 1
        error = self._capsys.readouterr().err
        assert error.startswith("fairlead: ")
        assert len(error.splitlines()) == 1
        return error


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of servers in a configuration folder of our own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "fairlead" / "mcp" / "servers"


@pytest.fixture
def shell(home: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


@pytest.mark.requirement("mcp-servers:kept-as-files")
def test_a_server_from_its_making_to_its_end(shell: Shell, home: Path) -> None:
    assert "created" in shell("create", "reports", "--description", "For reports.", "--catalog", "core-readonly")
    path = home / "reports.yaml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    shell("edit", "reports", "--set", "timeoutSeconds=60", "--set", "tools.deny=pods_log, pods_top")
    shown = json.loads(shell("show", "reports", "-o", "json"))
    assert shown == {
        "name": "reports",
        "description": "For reports.",
        "catalog": ["core-readonly"],
        "tools": {"deny": ["pods_log", "pods_top"]},
        "timeoutSeconds": 60,
    }
    shell("edit", "reports", "--unset", "tools.deny", "--set", "name=weekly")
    assert list(serverfiles.load(home)) == ["weekly"]
    assert [each.name for each in home.iterdir()] == ["weekly.yaml"]
    (listed,) = encoding.from_yaml(shell("list", "-o", "yaml"))
    assert (listed["name"], listed["changes"], listed["identity"]) == ("weekly", False, "kubeconfig")
    assert "weekly" in shell("list")
    shell("delete", "weekly", "-y")
    assert not list(home.iterdir())


@pytest.mark.requirement("mcp-servers:kept-as-files")
def test_nothing_is_written_that_could_not_be_served(shell: Shell, home: Path) -> None:
    shell("create", "a")
    before = (home / "a.yaml").read_bytes()
    for arguments, says in (
        (("edit", "a", "--set", "timeoutSeconds=0"), "timeoutSeconds cannot be used"),
        (("edit", "a", "--set", "catalog=cor"), "there is no toolset 'cor'"),
        (("edit", "a", "--set", "prodution=true"), "did you mean production?"),
        (("edit", "a", "--set", "name.x=1"), "name is no mapping"),
        (("edit", "a", "--set", "oops"), "changes are written KEY=VALUE"),
        (("edit", "a", "--unset", "limits.read"), "it is not set"),
        (("edit", "a", "--set", "limits={"), "the value of limits cannot be read"),
        (("edit", "b"), "there is no server 'b'"),
        (("create", "a"), "there is a server 'a' already"),
        (("create", "A"), "name cannot be used"),
        (("create", "c", "--set", "identity={way: token, server: 'https://x', token: {text: kX9vQ2mLpR7}}"), "token"),
        (("create",), "nobody can be asked here"),
        (("delete", "a"), "nobody can be asked here"),
        (("show", "aa"), "did you mean a?"),
    ):
        error = shell.fails(*arguments)
        assert says in error
        assert "kX9vQ2mLpR7" not in error
        assert (home / "a.yaml").read_bytes() == before
        assert len(list(home.iterdir())) == 1


@pytest.mark.requirement("mcp-servers:kept-as-files")
def test_an_editor(shell: Shell, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell("create", "a")
    before = (home / "a.yaml").read_bytes()
    for script, says in (("exit 3", "the editor ended with 3"), ("echo 'nam: b' > $1", "did you mean name?")):
        monkeypatch.setenv("EDITOR", f"sh -c '{script.replace(chr(39), chr(34))}' editor")
        assert says in shell.fails("edit", "a")
        assert (home / "a.yaml").read_bytes() == before
    monkeypatch.setenv("EDITOR", 'sh -c "echo description: Said. >> $1" editor')
    shell("edit", "a")
    assert serverfiles.load(home)["a"].description == "Said."
    monkeypatch.setenv("EDITOR", "true")
    assert shell("edit", "a") == "nothing changed\n"
    monkeypatch.delenv("EDITOR")
    assert "$EDITOR is not set" in shell.fails("edit", "a")


@pytest.mark.requirement("mcp-servers:kept-as-files")
def test_a_broken_file_is_listed_with_what_is_wrong_and_can_be_mended(
    shell: Shell, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shell("create", "good")
    (home / "bad.yaml").write_text("name: bad\ntool: {}\n", encoding="utf-8")
    assert run(["mcp", "server", "list"]) == 1
    listed = capsys.readouterr().out
    assert "did you mean tools?" in listed
    assert "good" in listed
    shell("edit", "bad", "--unset", "tool")
    assert len(shell("list").splitlines()) == 3


@pytest.mark.requirement("mcp-servers:catalog-searched")
def test_the_catalog_is_searched_by_any_words(shell: Shell) -> None:
    whole = json.loads(shell("catalog", "-o", "json"))
    kinds = {(each["name"], each["kind"]) for each in whole}
    assert {("core", "toolset"), ("core-readonly", "preset")} <= kinds
    assert all(each["description"] and each["authentication"] and each["tools"] for each in whole)
    found = json.loads(shell("catalog", "-o", "json", "PODS_LOG", "preset"))
    assert "core-readonly" in {each["name"] for each in found}
    assert {each["kind"] for each in found} == {"preset"}
    assert "core-readonly" in shell("catalog", "changes", "nothing")
    assert "try fewer" in shell.fails("catalog", "zeppelin")


@pytest.mark.requirement("mcp-servers:guided")
def test_a_guided_dialogue_asks_again_for_what_cannot_be_and_shows_all_before_it_deploys(home: Path) -> None:
    catalog = ["zeppelin", "log", "core-readonly"]
    server = ["Not A Name", "reports", "For reports.", "0", "60", "n"]
    first, second = (["token", f"{scheme}://k8s.example.org", "", "/run/token"] for scheme in ("http", "https"))
    answers = [*catalog, *server, *first, *second[1:], "y", "500", "50", "5", "n", "y"]
    screen = dialogue(home, answers)
    assert "nothing has all of these words" in screen
    assert "name cannot be used" in screen
    assert "timeoutSeconds cannot be used" in screen
    assert "identity.server cannot be used" in screen
    assert "It only reads." in screen
    assert screen.index("Summary") < screen.index("Deploy")
    found = encoding.from_yaml((home / "reports.yaml").read_bytes())
    assert found == {
        "name": "reports",
        "description": "For reports.",
        "catalog": ["core-readonly"],
        "identity": {"way": "token", "server": "https://k8s.example.org", "token": {"file": "/run/token"}},
        "timeoutSeconds": 60,
        "production": False,
        "limits": {"read": 500, "write": 50, "delete": 5},
        "logging": False,
    }


@pytest.mark.requirement("mcp-servers:guided")
def test_what_is_not_deployed_is_not_written(home: Path) -> None:
    dialogue(home, ["", "core-readonly", "a", "", "", "", "kubeconfig", "prod", "", "", "n"], code=130)
    assert not home.exists()


def dialogue(home: Path, answers: list[str], code: int = 0) -> str:
    """What stands on the terminal of somebody who gives these answers."""
    ours, theirs = pty.openpty()
    os.write(ours, "".join(f"{each}\n" for each in answers).encode())
    with subprocess.Popen(
        [sys.executable, "-m", "fairlead", "mcp", "server", "create"],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | {"COLUMNS": "200"},
    ) as process:
        os.close(theirs)
        screen, _ = process.communicate(timeout=DEADLINE)
    os.close(ours)
    text = screen.decode()
    assert process.returncode == code, text
    return text
