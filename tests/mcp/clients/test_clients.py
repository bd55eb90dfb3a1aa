"""The clients' own command lines run what `connect` prints for them, and are asked what they think of the server."""

import json
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from testenv import building
from testenv.ports import Ports
from tests.e2e.world import await_line, free_port
from tests.mcp.clients.home import DEADLINE, FAIRLEAD, SERVER, Client

pytestmark = [pytest.mark.real, pytest.mark.requirement("mcp-connect:tried")]

LISTING = ("--method", "tools/list", "--format", "json")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    ports = Ports("nowhere")
    yield Client(tmp_path, ports["nowhere"])
    ports.close()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("served")
    (directory / "shop.yaml").write_text(SERVER, encoding="utf-8")
    command = [*FAIRLEAD, "mcp", "serve", "--servers", str(directory), "--port", str(free_port())]
    log = directory / "log"
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        yield await_line(process, "ready", log).split()[1]
    finally:
        process.terminate()
        process.wait(DEADLINE)
        if process.stdout is not None:
            process.stdout.close()


class TestClaudeCode:
    def test_it_connects_by_address(self, client: Client, url: str) -> None:
        client.connect("claude-code", "--url", url)
        assert f"shop: {url} (HTTP) - ✔ Connected" in client.run("claude", "mcp", "list")

    @pytest.mark.whole
    def test_it_connects_over_a_pipe(self, client: Client) -> None:
        client.connect("claude-code")
        listed = client.run("claude", "mcp", "list")
        assert "mcp serve --stdio" in listed
        assert "✔ Connected" in listed


@pytest.mark.whole
class TestGemini:
    def test_it_connects_by_address(self, client: Client, url: str) -> None:
        client.connect("gemini", "--url", url)
        assert f"✓ shop: {url} (http) - Connected" in self.listed(client)

    def test_it_connects_over_a_pipe(self, client: Client) -> None:
        client.connect("gemini")
        listed = self.listed(client)
        assert "mcp serve --stdio" in listed
        assert "(stdio) - Connected" in listed

    def listed(self, client: Client) -> str:
        """With more patience than its five seconds, in which a machine that does much else may not start a server."""
        settings = next(each for each in client.work.parent.rglob(".gemini/settings.json"))
        stored = json.loads(settings.read_text(encoding="utf-8"))
        stored["mcpServers"]["shop"]["timeout"] = DEADLINE * 1000
        settings.write_text(json.dumps(stored), encoding="utf-8")
        return client.run("gemini", "mcp", "list")


@pytest.mark.whole
class TestCodex:
    """It only says that a server is enabled, so what it stored is used by another client."""

    def stored(self, client: Client) -> dict[str, Any]:
        said = client.run("codex", "mcp", "list", "--json")
        (listed,) = json.loads(said[said.index("[\n") : said.rindex("]") + 1])
        assert (listed["name"], listed["enabled"]) == ("shop", True)
        text = (client.home / ".codex" / "config.toml").read_text(encoding="utf-8")
        found: dict[str, Any] = tomllib.loads(text)["mcp_servers"]["shop"]
        return found

    def test_its_address_answers(self, client: Client, url: str) -> None:
        client.connect("codex", "--url", url)
        stored = self.stored(client)
        assert stored == {"url": url}
        inspected = client.run(*inspector(), stored["url"], "--transport", "http", *LISTING)
        assert "resources_list" in inspected

    def test_its_command_answers(self, client: Client) -> None:
        client.connect("codex")
        stored = self.stored(client)
        # In a file, for the Inspector has a flag `--server` of its own.
        settings = client.work / "inspector.json"
        settings.write_text(json.dumps({"mcpServers": {"shop": stored}}), encoding="utf-8")
        inspected = client.run(*inspector(), "--config", str(settings), "--server", "shop", *LISTING)
        assert "resources_list" in inspected


def inspector() -> tuple[str, str]:
    path = building.binary("mcp-inspector")
    assert path is not None
    return str(path), "--cli"
