"""A real provider beside real Crossplane: its package from a registry of ours, its program as a plain process.

Managed resources are reconciled by somebody, or they are only objects. So the package of provider-kubernetes is
installed, and Crossplane makes the Deployment that would run it; a node that is a double says that its Pod is ready,
and the program of that Pod runs on this machine. Crossplane has to be started with `RUNTIME`, and the cluster has to
have a node and controllers of Deployments.

What it manages are objects of a cluster, here of the same one. Outside of a Pod the credentials of its configs come
from a Secret that holds a kubeconfig, as most people have it: `InjectedIdentity` reads a token from a path that only
Pods have.

The program listens on two fixed ports of every interface, and runs in a network of its own therefore (`secluding`). So
nobody reaches the webhook that turns one version of its cluster-scoped objects into the other: ask for `v1alpha2`.
"""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fairlead.machinery import encoding
from fairlead.serving.certificates import Authority
from testenv import building
from testenv.closing import Closing
from testenv.crossplane import NAMESPACE
from testenv.kubectl import kubectl
from testenv.processes import Process, ServerError
from testenv.registry import Registry
from testenv.servers import HOST, RealCluster

NAME = "provider-kubernetes"
VERSION = "v1.2.0"
GROUP = "kubernetes.m.crossplane.io"
LEGACY_GROUP = "kubernetes.crossplane.io"
"""Of the cluster-scoped objects, which it manages as well."""
RUNTIME = "Provider=Deployment;Function=External"
"""What Crossplane's `runtime` has to be."""
CREDENTIALS = "provider-kubeconfig"
DEADLINE = 90.0
SECLUDING = Path(__file__).with_name("secluding.py")
_PAUSE = 0.2
Object = dict[str, Any]


class RealProvider(Closing):
    """`with RealProvider(cluster, directory)`: yields when the package is healthy and its program reconciles.

    Raises `ServerError` when something is not built, or does not become ready. Crossplane must outlive it.
    """

    def __init__(self, cluster: RealCluster, directory: Path) -> None:
        """`directory` is for keys and logs, and is made if need be."""
        self.cluster = cluster
        self.directory = directory
        self.registry = Registry()
        self.program: Process | None = None
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    def __enter__(self) -> "RealProvider":
        self.registry.__enter__()
        with self._or_close():
            self.install()
            self.start()
            self.configure()
        return self

    def close(self) -> None:
        self.stop()
        self.registry.__exit__(None, None, None)

    def package(self, version: str = VERSION) -> str:
        """What to install it by; under another version it is the same package."""
        folder = building.folder(NAME)
        if folder is None:
            raise ServerError(f"{NAME} is not built", remedy="run `make testenv`")
        meta, *crds = _documents(folder)
        meta["metadata"]["annotations"]["testenv.fairlead.dev/version"] = version
        return self.registry.put(f"crossplane-contrib/{NAME}", version, [meta, *crds])

    def install(self) -> None:
        """Returns when Crossplane says that it is healthy."""
        provider = {"apiVersion": "pkg.crossplane.io/v1", "kind": "Provider", "metadata": {"name": NAME}}
        self._apply(provider | {"spec": {"package": self.package()}})
        self._kubectl(
            "wait", "--for=condition=Healthy", f"--timeout={DEADLINE:g}s", f"provider.pkg.crossplane.io/{NAME}"
        )

    def start(self) -> None:
        """The program; returns when it looks after its kinds."""
        path = building.binary(NAME)
        if path is None:
            raise ServerError(f"{NAME} is not built", remedy="run `make testenv`")
        log = self.directory / f"{NAME}.log"
        port = self.cluster.ports["kube-apiserver"]
        flags = ["--debug", "--poll=5s", "--max-reconcile-rate=10"]
        command: list[str | Path] = [sys.executable, "-I", "-S", SECLUDING, str(port), path, *flags]
        self.program = Process(NAME, command, log, self._settings())
        self.program.await_ready(lambda: _reconciles(log))

    def stop(self) -> None:
        """The program alone; what it looks after stays as it is."""
        if self.program is not None:
            self.program.stop()
            self.program = None

    def _settings(self) -> dict[str, str]:
        keys = Authority.create(NAME).issue_server(["localhost"], [HOST])
        for name, content in (("tls.crt", keys.certificate), ("tls.key", keys.key)):
            (self.directory / name).touch(mode=0o600)
            (self.directory / name).write_bytes(content)
        return {"KUBECONFIG": str(self.cluster.cluster.kubeconfig), "TLS_SERVER_CERTS_DIR": str(self.directory)}

    def configure(self) -> None:
        """One config named `default` of either scope, which is where objects look that name none."""
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": CREDENTIALS, "namespace": NAMESPACE}}
        kubeconfig = self.cluster.cluster.kubeconfig.read_text(encoding="utf-8")
        self._apply(secret | {"stringData": {"kubeconfig": kubeconfig}})
        self._apply(config("default"))
        self._apply(config("default", f"{LEGACY_GROUP}/v1alpha1", "ProviderConfig"))

    def _apply(self, manifest: Object) -> None:
        """Again for a while: kinds that have only just been made are refused at first."""
        deadline = time.monotonic() + DEADLINE
        while True:
            try:
                self._kubectl("apply", "--server-side", "-f", "-", text=json.dumps(manifest))
                return
            except ServerError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE)

    def _kubectl(self, *arguments: str, text: str | None = None) -> str:
        return kubectl(self.cluster.cluster, self.directory, *arguments, text=text)


def config(name: str, api_version: str = f"{GROUP}/v1alpha1", kind: str = "ClusterProviderConfig") -> Object:
    """Whose credentials are those that every config of the tests has."""
    reference = {"name": CREDENTIALS, "namespace": NAMESPACE, "key": "kubeconfig"}
    spec = {"credentials": {"source": "Secret", "secretRef": reference}}
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def managed(name: str, namespace: str, manifest: Object, **spec: Any) -> Object:
    """A managed resource whose external one is `manifest`; `spec` is what else it says."""
    return {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": "Object",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"forProvider": {"manifest": manifest}, **spec},
    }


def _documents(folder: Path) -> Iterator[Object]:
    """The package's metadata comes first."""
    paths = [folder / "crossplane.yaml", *sorted((folder / "crds").glob("*.yaml"))]
    return (each for path in paths for each in encoding.documents(path.read_bytes()) if each)


def _reconciles(log: Path) -> bool:
    """It waits for each kind to be served, and says of each that it is."""
    said = log.read_text(encoding="utf-8", errors="replace")
    return all(f"{each}, Kind=Object" in said for each in (f"{GROUP}/v1alpha1", f"{LEGACY_GROUP}/v1alpha2"))
