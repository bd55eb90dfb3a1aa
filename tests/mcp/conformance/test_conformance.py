"""The published suite and a second client against `fairlead mcp serve`, with policy and audit on.

There is no list of expected failures: what the suite requires of a revision has to pass.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from testenv import building
from tests.e2e.world import await_line, free_port
from tests.mcp.redisserver import redis_url

__all__ = ["redis_url"]

pytestmark = [pytest.mark.real, pytest.mark.requirement("mcp:conformance")]

DEADLINE = 300
ROOT = Path(__file__).parents[3]
SERVER = "name: conformance\ncatalog: [conformance]\nlimits: {read: 100000}\n"
METADATA = {
    "METADATA": "Metadata-Version: 2.1\nName: fixtures\nVersion: 0\n",
    "entry_points.txt": "[fairlead.toolsets]\nconformance = tests.mcp.conformance.fixtures:TOOLSET\n",
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("conformance")) as found:
        yield found


@contextmanager
def serving(directory: Path, *more: str) -> Iterator[str]:
    """The fixture toolset is found by its entry point, as anybody's would be."""
    installed = directory / "site" / "fixtures-0.dist-info"
    installed.mkdir(parents=True)
    for name, content in METADATA.items():
        (installed / name).write_text(content, encoding="utf-8")
    (directory / "servers").mkdir()
    (directory / "servers" / "conformance.yaml").write_text(SERVER, encoding="utf-8")
    log, port = directory / "log", free_port()
    command = [sys.executable, "-m", "fairlead", "mcp", "serve", "--port", str(port)]
    command += ["--servers", str(directory / "servers"), "--audit-log", str(directory / "audit"), *more]
    paths = os.pathsep.join((str(installed.parent), str(ROOT)))
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=os.environ | {"PYTHONPATH": paths}
        )
    try:
        yield await_line(process, "ready", log).split()[1]
    finally:
        process.terminate()
        process.wait(DEADLINE)
        if process.stdout is not None:
            process.stdout.close()
    tools = {json.loads(each)["tool"] for each in (directory / "audit").read_text(encoding="utf-8").splitlines()}
    assert {"test_simple_text", "test_simple_prompt", "test://static-text"} <= tools


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """With the Node that came with it first on the path: the machine's may be too old."""
    path = building.binary(program)
    assert path is not None
    environment = os.environ | {"PATH": f"{path.parent}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        [str(path), *arguments], capture_output=True, text=True, timeout=DEADLINE, check=False, env=environment
    )


@pytest.mark.parametrize("revision", [pytest.param("2025-11-25", marks=pytest.mark.whole), "2026-07-28"])
def test_what_a_revision_requires(url: str, revision: str, tmp_path: Path) -> None:
    done = run("conformance", "server", "--url", url, "--requirements", revision)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "=== SUMMARY ===" in done.stdout


@pytest.mark.whole
def test_what_the_newer_revision_requires_of_two_workers(redis_url: str, tmp_path: Path) -> None:
    """The older one lets servers ask in the middle of a call, which takes a session, and so one worker."""
    with serving(tmp_path, "--workers", "2", "--redis-url", redis_url) as url:
        done = run("conformance", "server", "--url", url, "--requirements", "2026-07-28")
    assert done.returncode == 0, done.stdout[-4000:]
    assert "=== SUMMARY ===" in done.stdout


@pytest.mark.whole
@pytest.mark.requirement("mcp:both-eras")
@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_another_client_lists_and_calls(url: str, era: str) -> None:
    client = ("--cli", url, "--transport", "http", "--protocol-era", era, "--format", "json")
    listed = run("mcp-inspector", *client, "--method", "tools/list")
    assert listed.returncode == 0, listed.stderr
    assert "test_simple_text" in listed.stdout
    called = run("mcp-inspector", *client, "--method", "tools/call", "--tool-name", "test_simple_text")
    assert called.returncode == 0, called.stderr
    assert "This is a simple text response for testing." in called.stdout
