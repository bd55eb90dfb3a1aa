"""kubectl against one cluster, for what a test bed has to make there before anybody asks it something."""

import os
import subprocess
from pathlib import Path

from fairlead.client.targets import Cluster
from testenv import building
from testenv.processes import ServerError

SECONDS = 120.0


def kubectl(cluster: Cluster, directory: Path, *arguments: str, text: str | None = None) -> str:
    """What it prints; `directory` is for what it has discovered. Raises `ServerError`."""
    program = building.binary("kubectl")
    if program is None:
        raise ServerError("kubectl is not built", remedy="run `make testenv`")
    command: list[str | Path] = [program, f"--kubeconfig={cluster.kubeconfig}", *arguments]
    cache = {"KUBECACHEDIR": str(directory / "kubectl-cache")}
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, env=os.environ | cache, timeout=SECONDS, check=False
    )
    if done.returncode:
        raise ServerError(f"kubectl {arguments[0]} failed", " ".join(done.stderr.split()))
    return done.stdout
