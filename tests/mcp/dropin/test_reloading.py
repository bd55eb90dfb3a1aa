"""SIGHUP, to a process that was started as people start it."""

import json
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from fairlead.mcp.callers import TERMINAL
from fairlead.mcp.dropin.reloading import ConfigSource
from fairlead.mcp.operating import running
from testenv.ports import Ports
from testenv.processes import Process
from tests.mcp.dropin import samples
from tests.mcp.redisserver import redis_url

__all__ = ["redis_url"]

DEADLINE = 60


@contextmanager
def started(folder: Path, text: str, *flags: str) -> Iterator[tuple[Process, int]]:
    write(folder, text)
    with closing(Ports("mcp")) as ports:
        port = ports["mcp"]
        command = [sys.executable, "-m", "fairlead", "mcp", "serve", "--config", str(folder / "config.toml")]
        process = Process("mcp", [*command, f"--port={port}", *flags], folder / "log")
        try:
            process.await_ready(lambda: "ready: " in (folder / "log").read_text())
            yield process, port
        finally:
            process.stop()


def write(folder: Path, text: str) -> None:
    (folder / "config.toml").write_text(f'kubeconfig = "{samples.base(folder)}"\n{text}', encoding="utf-8")


def tools(port: int) -> set[str]:
    prefix = "io.modelcontextprotocol"
    meta: dict[str, Any] = {f"{prefix}/protocolVersion": "2026-07-28", f"{prefix}/clientCapabilities": {}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}}
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/list",
    }
    asked = Request(f"http://127.0.0.1:{port}/mcp", json.dumps(body).encode(), headers)
    with urlopen(asked, timeout=DEADLINE) as answer:
        text = answer.read().decode()
    found: dict[str, Any] = json.loads(next(each for each in text.replace("data: ", "").splitlines() if "{" in each))
    return {each["name"] for each in found["result"]["tools"]}


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


WRITES = "resources_create_or_update"


@pytest.mark.requirement("mcp-dropin:reload", "mcp-dropin:served-at-mcp")
def test_a_reload_takes_up_the_files_and_never_loosens_a_flag(tmp_path: Path) -> None:
    with started(tmp_path, "", "--read-only") as (process, port):
        assert "pods_list" in tools(port)
        assert WRITES not in tools(port)
        write(tmp_path, 'read_only = false\ndisabled_tools = ["pods_list"]')
        process.signal(signal.SIGHUP)
        eventually(lambda: "pods_list" not in tools(port))
        assert WRITES not in tools(port), "the other product's verified bug"

        write(tmp_path, "read_onli = true")
        process.signal(signal.SIGHUP)
        eventually(lambda: "did you mean read_only" in (tmp_path / "log").read_text())
        assert "pods_list" not in tools(port)

        (tmp_path / "conf.d").mkdir()
        (tmp_path / "conf.d" / "10.toml").write_text('disabled_tools = ["pods_log"]\nport = "1"')
        write(tmp_path, "")
        process.signal(signal.SIGHUP)
        eventually(lambda: "pods_log" not in tools(port))
        assert "pods_list" in tools(port)


@pytest.mark.requirement("mcp-dropin:reload")
async def test_without_a_flag_the_files_decide(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, "read_only = true")
    source = ConfigSource(tmp_path / "config.toml")
    known = source.read()
    async with running.opened(source.servers(known), TERMINAL) as servers:
        (held,) = servers.values()
        assert WRITES not in {each.name for each in held.gate.tools(TERMINAL)}
        write(tmp_path, 'bind_address = "::1"\nlog_level = 9')
        with caplog.at_level(logging.INFO):
            source.reload(servers, known)
        assert WRITES in {each.name for each in held.gate.tools(TERMINAL)}
        assert "bind_address has changed: it holds when the server is started again" in caplog.messages
        assert logging.getLogger("fairlead").level == logging.DEBUG


@pytest.mark.real
@pytest.mark.whole
@pytest.mark.requirement("mcp-dropin:reload")
def test_every_worker_takes_up_the_files(tmp_path: Path, redis_url: str) -> None:
    with started(tmp_path, "", "--read-only", "--workers=2", f"--redis-url={redis_url}") as (process, port):
        assert "pods_list" in tools(port)
        write(tmp_path, 'disabled_tools = ["pods_list"]')
        process.signal(signal.SIGHUP)
        eventually(lambda: not any("pods_list" in tools(port) for _ in range(20)))
        assert not any(WRITES in tools(port) for _ in range(20))


@pytest.mark.requirement("mcp-dropin:unknown-key", "mcp-dropin:seed")
def test_what_cannot_be_served_stops_the_start_in_one_line(tmp_path: Path) -> None:
    write(tmp_path, 'toolsets = ["kcp", "core"]')
    command = [sys.executable, "-m", "fairlead", "mcp", "serve", "--config", str(tmp_path / "config.toml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "there is no toolset 'kcp' yet" in line
