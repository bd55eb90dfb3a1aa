"""`make bench`: how long a newcomer waits, beside what there is to compare with, in one run.

Seconds differ from machine to machine; the ratios and the CPU seconds say more. The peer of the playground is what it
stands in for: two real API servers with etcd and controllers, where `make testenv` has built them.
"""

import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from testenv import building
from testenv.servers import RealCluster

RUNS = 5
FAIRLEAD = [sys.executable, "-m", "fairlead"]


def help_text(folder: Path) -> None:
    subprocess.run([*FAIRLEAD, "--help"], check=True, capture_output=True)


def demo(folder: Path) -> None:
    subprocess.run([*FAIRLEAD, "demo", "--once"], check=True, capture_output=True)


def playground(folder: Path) -> None:
    """Until its line says that it is ready; ended at once."""
    command = [*FAIRLEAD, "playground", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None or not process.stdout.readline():
            raise SystemExit("the playground did not become ready")
        process.send_signal(signal.SIGTERM)


def real_clusters(folder: Path) -> None:
    with ExitStack() as stack:
        for name in ("app", "control-plane"):
            stack.enter_context(RealCluster(name, folder / name))


def measured(work: Callable[[Path], None], runs: int) -> tuple[float, float]:
    """Median wall and CPU seconds of a run."""
    walls, cpus = [], []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            before, started = cpu(), time.monotonic()
            work(Path(folder))
            walls.append(time.monotonic() - started)
            cpus.append(cpu() - before)
    return statistics.median(walls), statistics.median(cpus)


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    help_text(Path())  # the files' cache is warm for all, or for none
    rows = [("fairlead --help", *measured(help_text, RUNS)), ("fairlead demo --once", *measured(demo, RUNS))]
    rows.append(("fairlead playground, to ready", *measured(playground, RUNS)))
    if not building.missing(("kube",)):
        rows.append(("two real clusters, to ready and ended", *measured(real_clusters, 2)))
    base = rows[2][1:]
    print(f"{os.cpu_count()} cores, median of {RUNS}")
    print(f"{'':40}{'wall s':>8}{'CPU s':>8}{'wall ÷ playground':>20}{'CPU ÷ playground':>20}")
    for name, wall, spent in rows:
        print(f"{name:40}{wall:8.2f}{spent:8.2f}{wall / base[0]:20.2f}{spent / base[1]:20.2f}")


if __name__ == "__main__":
    main()
