"""Whether one worker has enough of the seed's 100m CPU and 128 MiB, listing 5,000 objects included.

In a cgroup where one can be made (root, version 1 or 2), which is what a container would get: a tenth of a CPU, and an
end where it takes more memory. Where none can be made, CPU seconds × 10 are what it would have taken.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import mcp_client, mcp_servers
from bench.mcp_servers import Running

OBJECTS = 5000
PAGE = 500
_ROOT = Path("/sys/fs/cgroup")
_NAME = "fairlead-bench"
_MEMORY = 128 * 1024 * 1024
_PERIOD, _QUOTA = 100_000, 10_000
CURSOR = "cursor="


@dataclass(frozen=True)
class Limited:
    folders: tuple[Path, ...] = ()
    """Empty where no cgroup can be made."""
    peak_file: Path | None = None

    def peak(self) -> float | None:
        """MiB, what the kernel keeps of files for it included."""
        return int(self.peak_file.read_text(encoding="ascii")) / 2**20 if self.peak_file else None


@contextmanager
def limited() -> Iterator[Limited]:
    found = _made()
    try:
        yield found
    finally:
        for each in found.folders:
            each.rmdir()


def _made() -> Limited:
    try:
        return _version_1() if (_ROOT / "memory").is_dir() else _version_2()
    except OSError:
        return Limited()


def _version_1() -> Limited:
    memory, cpu = _ROOT / "memory" / _NAME, _ROOT / "cpu" / _NAME
    for each in (memory, cpu):
        each.mkdir(exist_ok=True)
    (memory / "memory.limit_in_bytes").write_text(str(_MEMORY), encoding="ascii")
    (cpu / "cpu.cfs_period_us").write_text(str(_PERIOD), encoding="ascii")
    (cpu / "cpu.cfs_quota_us").write_text(str(_QUOTA), encoding="ascii")
    return Limited((memory, cpu), memory / "memory.max_usage_in_bytes")


def _version_2() -> Limited:
    place = _ROOT / _NAME
    place.mkdir(exist_ok=True)
    (place / "memory.max").write_text(str(_MEMORY), encoding="ascii")
    (place / "cpu.max").write_text(f"{_QUOTA} {_PERIOD}", encoding="ascii")
    return Limited((place,), place / "memory.peak")


@dataclass(frozen=True)
class Found:
    in_cgroup: bool
    start: float
    """Seconds until the port was open."""
    pages: list[float]
    """Seconds of each."""
    single: float
    """Of one small read afterwards."""
    peak: float
    """MiB."""
    resident: float
    """MiB at most, without the kernel's share."""
    listed: int


def measure(folder: Path, kubeconfig: Path) -> Found:
    with limited() as limits:
        began = time.monotonic()
        with mcp_servers.ours(folder / "small", "core", kubeconfig, enter=_entering(limits)) as server:
            started = time.monotonic() - began
            cpu_at_start = server.cpu()
            pages, listed = _all(server)
            single = _timed(server, "namespaces_list", {"limit": 5})[0]
            resident = server.memory("VmHWM")
            peak = limits.peak() or resident
            spent = server.cpu()
    if not limits.folders:
        started, pages = cpu_at_start * 10, [(spent - cpu_at_start) * 10 / len(pages)] * len(pages)
    return Found(bool(limits.folders), started, pages, single, peak, resident, listed)


def _entering(limits: Limited) -> list[str]:
    """A shell that puts itself into the cgroups and then becomes the server."""
    lines = [f'echo $$ > "{each}/cgroup.procs"' for each in limits.folders]
    return ["/bin/sh", "-c", " && ".join([*lines, 'exec "$@"']), "sh"]


def _all(server: Running) -> tuple[list[float], int]:
    """Seconds of each page, and how many objects there were."""
    seconds, listed, cursor = [], 0, ""
    while True:
        more = {"cursor": cursor} if cursor else {}
        spent, text = _timed(
            server, "resources_list", {"kind": "ConfigMap", "namespace": "many", "limit": PAGE, **more}
        )
        seconds.append(spent)
        listed += text.count("\nsetting-")
        cursor = text.rpartition(CURSOR)[2].split()[0].rstrip(",;.") if CURSOR in text else ""
        if not cursor:
            return seconds, listed


def _timed(server: Running, tool: str, arguments: dict[str, Any]) -> tuple[float, str]:
    began = time.monotonic()
    said = asyncio.run(mcp_client.once(server.url, mcp_client.request(server.url, tool, arguments)))
    return time.monotonic() - began, str(mcp_client.answered(said)["content"][0]["text"])


def fill(kubectl: Callable[..., str], kubeconfig: Path) -> None:
    """With a little data in each, as most objects have."""
    kubectl(kubeconfig, "create", "namespace", "many")
    data = {f"key-{each}": "value " * 20 for each in range(5)}
    items = [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": f"setting-{each:04}", "namespace": "many"},
            "data": data,
        }
        for each in range(OBJECTS)
    ]
    given = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    kubectl(kubeconfig, "create", "--namespace", "many", "-f", "-", given=given)
