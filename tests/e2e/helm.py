"""Helm as a program, and the life of a release whose chart holds a claim."""

import os
import subprocess
from pathlib import Path

from fairlead.machinery.paths import Resource
from testenv import building
from tests.clusters import built
from tests.e2e import world
from tests.e2e.hands import Refused
from tests.e2e.manifests import DATABASES
from tests.e2e.platforms import XDATABASES, Platform

SECRETS = Resource("", "v1", "secrets")
CHART = {
    "Chart.yaml": "apiVersion: v2\nname: orders\nversion: 1.0.0\n",
    "values.yaml": "size: small\nreplicas: 1\n",
    "templates/claim.yaml": """\
apiVersion: demo.example.org/v1alpha1
kind: Database
metadata:
  name: {{ .Release.Name }}
  labels: {team: {{ .Release.Name }}}
spec:
  size: {{ .Values.size }}
  replicas: {{ .Values.replicas }}
""",
}
WAIT = ("--wait", "--timeout=60s")


class Helm:
    def __init__(self, kubeconfig: Path, directory: Path, namespace: str, program: str = "helm") -> None:
        self.command = [str(built(building.binary(program))), f"--kubeconfig={kubeconfig}", f"--namespace={namespace}"]
        homes = {f"HELM_{each}_HOME": str(directory / each.lower()) for each in ("CACHE", "CONFIG", "DATA")}
        self.environment = os.environ | homes | {"HOME": str(directory)}
        self.chart = directory / "chart"
        for name, content in CHART.items():
            path = self.chart / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self.command, *arguments], capture_output=True, text=True, timeout=120, check=False, env=self.environment
        )
        if done.returncode:
            raise Refused(done.stderr.strip())
        return done.stdout


def lives(platform: Platform, helm: Helm, namespace: str, *how: str) -> None:
    """Installed, upgraded, rolled back and uninstalled; `how` are flags of all but the last."""
    helm.run("install", "orders", str(helm.chart), *how, *WAIT)
    # Helm takes an object without conditions for ready, and Crossplane may not have looked at it yet.
    platform.app.run("wait", "--for=condition=Ready", "--timeout=60s", "-n", namespace, "databases/orders")
    installed = platform.app.get(DATABASES, "orders", namespace)
    assert installed["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "Helm", "team": "orders"}
    assert installed["metadata"]["annotations"]["meta.helm.sh/release-namespace"] == namespace
    composite = installed["spec"]["resourceRef"]["name"]

    helm.run("upgrade", "orders", str(helm.chart), "--set=size=large,replicas=2", *how, *WAIT)
    upgraded = platform.app.get(DATABASES, "orders", namespace)
    assert upgraded["metadata"]["uid"] == installed["metadata"]["uid"]
    assert (upgraded["spec"]["size"], upgraded["spec"]["replicas"]) == ("large", 2)
    assert upgraded["spec"]["resourceRef"] == installed["spec"]["resourceRef"]

    helm.run("rollback", "orders", "1", *how, *WAIT)
    rolled_back = platform.app.get(DATABASES, "orders", namespace)
    assert (rolled_back["spec"]["size"], rolled_back["spec"]["replicas"]) == ("small", 1)
    assert "STATUS: deployed" in helm.run("status", "orders")

    helm.run("uninstall", "orders", *WAIT)
    assert platform.app.names(DATABASES, namespace) == []
    assert platform.app.names(SECRETS, namespace) == []
    world.eventually(lambda: world.absent(composite, dict.fromkeys(platform.control_plane.names(XDATABASES))))
