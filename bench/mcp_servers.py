"""The servers that are measured, as processes: ours, the bare SDK's, and the peer."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench import mcp_echo
from bench.mcp_client import MODERN, message
from testenv import building
from testenv.targets import PEER

ROOT = Path(__file__).parent.parent
DEADLINE = 120.0
_HZ = os.sysconf("SC_CLK_TCK")
FAIRLEAD = [sys.executable, "-m", "fairlead"]
BARE = [sys.executable, str(ROOT / "bench" / "mcp_bare.py")]
# The peer's client is throttled to 5 requests a second unless it is told otherwise.
UNTHROTTLED = {"KUBE_CLIENT_QPS": "10000", "KUBE_CLIENT_BURST": "10000"}
LIMITS = {"read": 1_000_000, "write": 1_000_000, "delete": 1_000_000}


@dataclass(frozen=True)
class Running:
    url: str
    pid: int

    def cpu(self) -> float:
        """Seconds of all its threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / _HZ

    def memory(self, what: str = "VmRSS") -> float:
        """MiB; `VmHWM` is the most that it ever had."""
        lines = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines()
        return int(next(each for each in lines if each.startswith(what)).split()[1]) / 1024


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def serving(command: list[str], url: str, more: Mapping[str, str], log: Path) -> Iterator[Running]:
    """From when its port is open to its end."""
    with log.open("wb") as said:
        process = subprocess.Popen(
            command, stdout=said, stderr=said, stdin=subprocess.DEVNULL, env=os.environ | dict(more)
        )
    try:
        port, deadline = int(url.split(":")[2].partition("/")[0]), time.monotonic() + DEADLINE
        while not _is_open(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{command[:4]} does not serve: {log.read_text(encoding='utf-8')[-2000:]}")
            time.sleep(0.05)
        yield Running(url, process.pid)
    finally:
        process.terminate()
        process.wait(DEADLINE)


def _is_open(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def ours(
    folder: Path, catalog: str, kubeconfig: Path | None = None, *, enter: list[str] | None = None
) -> Iterator[Running]:
    """With every layer on: limits counted, but never reached. `enter` is a program that becomes what follows it."""
    place, port = folder / f"ours-{catalog}", free_port()
    (place / "servers").mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump({"name": "bench", "catalog": [catalog], "limits": LIMITS})
    (place / "servers" / "bench.yaml").write_text(text, encoding="utf-8")
    command = [*(enter or []), *FAIRLEAD, "mcp", "serve", "--port", str(port), "--servers", str(place / "servers")]
    command += ["--audit-log", str(place / "audit")]
    with serving(command, f"http://127.0.0.1:{port}/s/bench/mcp", environment(folder, kubeconfig), place / "log") as it:
        yield it


def environment(folder: Path, kubeconfig: Path | None) -> dict[str, str]:
    site = folder / "site"
    if not site.exists():
        mcp_echo.install(folder)
    found = {"PYTHONPATH": os.pathsep.join((str(site), str(ROOT)))}
    return found | ({"KUBECONFIG": str(kubeconfig)} if kubeconfig else {})


@contextmanager
def bare(folder: Path) -> Iterator[Running]:
    port = free_port()
    with serving([*BARE, str(port)], f"http://127.0.0.1:{port}/mcp", {}, folder / "bare.log") as it:
        yield it


def peer_command(kubeconfig: Path, *more: str) -> list[str] | None:
    """None where it is not installed."""
    program = building.binary(PEER)
    if program is None or not program.exists():
        return None
    return [str(program), "--kubeconfig", str(kubeconfig), *more]


@contextmanager
def peer(folder: Path, kubeconfig: Path) -> Iterator[Running]:
    port = free_port()
    command = peer_command(kubeconfig, "--port", str(port), "--bind-address", "127.0.0.1", "--stateless")
    if command is None:
        raise SystemExit("kubernetes-mcp-server is not there: run `make testenv`")
    with serving(command, f"http://127.0.0.1:{port}/mcp", UNTHROTTLED, folder / "peer.log") as it:
        yield it


@dataclass(frozen=True)
class Start:
    wall: float
    cpu: float
    """Seconds from the start of the program to the first list."""
    memory: float
    """MiB, resident then."""
    tools: list[dict[str, Any]]
    size: int
    """Bytes of that list."""


def start(command: list[str], more: Mapping[str, str]) -> Start:
    """On standard input and output, with nothing asked before `tools/list`."""
    began = time.monotonic()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=os.environ | dict(more)
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise SystemExit("no pipes")
        process.stdin.write(message("tools/list", {}) + b"\n")
        process.stdin.flush()
        line = process.stdout.readline()
        wall, it = time.monotonic() - began, Running("", process.pid)
        found = Start(wall, it.cpu(), it.memory(), json.loads(line)["result"]["tools"], len(line.strip()))
        process.kill()
    return found


__all__ = ["MODERN", "Running", "Start", "bare", "environment", "ours", "peer", "peer_command", "start"]
