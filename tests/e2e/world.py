"""An app cluster, a control plane that offers databases, and the connector process between them."""

import atexit
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairlead.client.targets import Cluster
from fairlead.crossplane.defining import generating
from testenv.ports import Ports
from testenv.processes import START_SECONDS
from tests.e2e import manifests
from tests.e2e.hands import DEADLINE, Hands, Kubectl, Refused

CLAIMS = "app-one"
CLUSTER_ID = "my-appcluster"
PAUSE = 0.05


@dataclass(frozen=True)
class World:
    app: Hands
    control_plane: Hands
    port: int
    """Where the connector listens, for those who come directly."""
    stored_in_app_cluster: Callable[[str], list[str]]
    """The keys of everything that the app cluster's own storage holds of a group."""


def free_port() -> int:
    """Held for the life of this process: one that is let go may be a client's before its server has it."""
    held = Ports("connector")
    atexit.register(held.close)
    return held["connector"]


@contextmanager
def connector(app: Cluster, control_plane: Cluster, port: int, *more: str) -> Iterator[subprocess.Popen[str]]:
    """`fairlead connector serve` as chart, demo and people start it; yields once it says that it is ready."""
    command = [
        *(sys.executable, "-m", "fairlead", "connector", "serve"),
        *("--kubeconfig", str(app.kubeconfig), "--control-plane-kubeconfig", str(control_plane.kubeconfig)),
        *("--claim-namespace", CLAIMS, "--cluster-id", CLUSTER_ID),
        *("--service", "kube-system/fairlead-connector", "--service-port", str(port)),
        *("--bind", "127.0.0.1", "--port", str(port), *more),
    ]
    log = app.kubeconfig.parent / f"connector-{port}.log"
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=dict(os.environ))
    try:
        await_line(process, "ready", log)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(DEADLINE)
        if process.stdout is not None:
            process.stdout.close()
    assert code == 0, f"the connector ended with {code}: {log.read_text(encoding='utf-8')[-2000:]}"


def await_line(process: "subprocess.Popen[str]", word: str, log: Path) -> str:
    lines: queue.Queue[str] = queue.Queue()
    stdout = process.stdout
    assert stdout is not None

    def read() -> None:
        for line in stdout:
            lines.put(line)
        lines.put("")

    threading.Thread(target=read, daemon=True).start()
    while line := lines.get(timeout=START_SECONDS):
        if word in line:
            return line
    raise AssertionError(f"the process ended without saying {word!r}: {log.read_text(encoding='utf-8')[-2000:]}")


def offer(control_plane: Hands, xrd: dict[str, Any]) -> None:
    """What Crossplane does, while it does not run: the XRD's CRDs, and the word that they are offered."""
    eventually(lambda: control_plane.apply(xrd))
    stored = control_plane.get(manifests.XRDS, xrd["metadata"]["name"])
    for crd in (generating.composite_crd(stored), generating.claim_crd(stored)):
        control_plane.apply(crd)
    control_plane.status(manifests.XRDS, xrd["metadata"]["name"], "", manifests.offered())


def absent(plural: str, resources: Mapping[str, object]) -> None:
    if plural in resources:
        raise Refused(f"{plural} is still there")


def await_gone(hands: Kubectl, *what: str) -> None:
    """`what` as kubectl names one object: in a list, one name may begin as another does."""

    def look() -> None:
        if said := hands.run("get", *what, "--ignore-not-found", "-o", "name"):
            raise Refused(f"still there: {said}")

    eventually(look)


def eventually(step: Callable[[], object], *, seconds: float = DEADLINE) -> object:
    """Asks again, up to a deadline, while the API server is still taking up what it was told."""
    last: Refused | None = None
    for _ in range(int(seconds / PAUSE)):
        try:
            return step()
        except Refused as refusal:
            last = refusal
            threading.Event().wait(PAUSE)
    raise AssertionError(f"never: {last}")
