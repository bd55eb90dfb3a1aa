"""Tools for people at a terminal, against a real API server as against the embedded one."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import pytest
from mcp import Client, MCPError
from mcp.client.stdio import StdioServerParameters, stdio_client

from fairlead.cli.main import run
from fairlead.mcp.operating.sources import DEFAULT
from tests.clusters import Pair

DEADLINE = 120
ALL_OF_CORE = "name: all\ncatalog: [core]\n"


@pytest.fixture
def servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A directory with one server that may write, and nobody at the terminal."""
    (tmp_path / "servers").mkdir()
    (tmp_path / "servers" / "all.yaml").write_text(ALL_OF_CORE, encoding="utf-8")
    with open(os.devnull, encoding="utf-8") as nobody:  # noqa: PTH123 - a device
        monkeypatch.setattr(sys, "stdin", nobody)
        yield str(tmp_path / "servers")


@pytest.mark.requirement("mcp-servers:terminal")
def test_values_files_and_confirmation(
    pair: Pair,
    servers: str,
    unique: Callable[[str], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(pair.app.kubeconfig))

    def call(*arguments: str, code: int = 0) -> str:
        assert run(["mcp", "call", *arguments, "--servers", servers]) == code
        out, err = capsys.readouterr()
        return out if code == 0 else err

    name = unique("call")
    manifest = tmp_path / "map.json"
    metadata = {"name": name, "namespace": "default", "labels": {"made-by": name}}
    manifest.write_text(json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}), encoding="utf-8")
    assert "dry run" in call("resources_create_or_update", f"resource=@{manifest}", "dry_run=true")
    call("resources_create_or_update", f"resource=@{manifest}")
    listed = call("resources_list", "kind=cm", f"label_selector=made-by={name}", "limit=1", "fields=metadata.name")
    assert name in listed
    which = ("resources_delete", "kind=ConfigMap", f"name={name}", "namespace=default")
    refused = call(*which, code=1)
    assert "nobody can be asked here" in refused
    assert "--yes" in refused
    assert name in call("resources_get", *which[1:])
    call(*which, "--yes")
    assert "not found" in call("resources_get", *which[1:], code=1)


@pytest.mark.requirement("mcp-servers:terminal")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["resource=@/absent/file"], "resource: /absent/file cannot be read: No such file or directory"),
        (["oops"], "arguments are written KEY=VALUE"),
        (["resource={}", "dry_run=maybe"], "dry_run of resources_create_or_update is a boolean"),
        (["resource=@@not-a-file"], "the manifest cannot be read"),
    ],
)
def test_what_cannot_be_read_is_one_line(
    embedded_pair: Pair,
    servers: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    says: str,
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(embedded_pair.app.kubeconfig))
    assert run(["mcp", "call", "resources_create_or_update", *arguments, "--servers", servers]) == 1
    error = capsys.readouterr().err
    assert says in error
    assert len(error.splitlines()) == 1


@pytest.mark.requirement("mcp-servers:terminal")
@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1)])
def test_a_person_is_shown_the_plan_and_asked(
    embedded_pair: Pair,
    servers: str,
    unique: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    code: int,
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(embedded_pair.app.kubeconfig))
    name = unique("asked")
    manifest = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}})
    which = ["kind=ConfigMap", f"name={name}", "namespace=default", "--servers", servers]
    assert run(["mcp", "call", "resources_create_or_update", f"resource={manifest}", "--servers", servers]) == 0
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    command = [sys.executable, "-m", "fairlead", "mcp", "call", "resources_delete", *which]
    done = subprocess.run(command, stdin=theirs, capture_output=True, text=True, timeout=DEADLINE, check=False)
    for each in (ours, theirs):
        os.close(each)
    assert done.returncode == code, done.stderr
    assert name in done.stderr.partition("[y/N]")[0]
    assert run(["mcp", "call", "resources_get", *which]) == 1 - code


@pytest.mark.requirement("mcp-servers:default-directory")
def test_the_built_in_server_is_used_where_nothing_else_is(
    embedded_pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(embedded_pair.app.kubeconfig))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert run(["mcp", "tools"]) == 0
    listed = capsys.readouterr().out
    assert "pods_list" in listed
    assert "resources_delete" not in listed
    assert run(["mcp", "tools", "--server", DEFAULT.name]) == 0
    assert run(["mcp", "server", "create", "mine", "--allow", "*_list"]) == 0
    capsys.readouterr()
    assert run(["mcp", "tools"]) == 0
    assert "pods_log" not in capsys.readouterr().out
    assert run(["mcp", "tools", "--server", DEFAULT.name]) == 1


@pytest.mark.anyio
@pytest.mark.requirement("mcp-servers:listed-is-callable")
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_pipe_follows_its_servers_file_and_ends_with_it(embedded_pair: Pair, tmp_path: Path, mode: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("name: a\n", encoding="utf-8")
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "fairlead", "mcp", "serve", "--stdio", "--servers", str(tmp_path)],
        env=os.environ | {"KUBECONFIG": str(embedded_pair.app.kubeconfig)},
    )
    with anyio.fail_after(DEADLINE):
        async with Client(stdio_client(command), mode=mode) as client:
            assert "pods_log" in await listed(client)
            path.write_text("name: a\ntools: {deny: [pods_log]}\n", encoding="utf-8")
            while "pods_log" in await listed(client):  # noqa: ASYNC110 - the server is asked, nobody tells
                await anyio.sleep(0.1)
            with pytest.raises(MCPError, match="unknown tool: pods_log"):
                await client.call_tool("pods_log", {"name": "a", "namespace": "b"})
            path.unlink()
            with pytest.raises(MCPError):
                await _ask_for_ever(client)


async def _ask_for_ever(client: Client) -> None:
    while True:
        await listed(client)
        await anyio.sleep(0.1)


async def listed(client: Client) -> set[str]:
    return {each.name for each in (await client.list_tools(cache_mode="bypass")).tools}
