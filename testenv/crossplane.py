"""Real Crossplane core against a real cluster, with one composition function, and neither containers nor network.

A claim becomes Ready only if something reconciles it, and what a claim looks like while that happens (finalizers,
references, conditions written in several steps, deletion in two) is what the connector has to carry. So the end-to-end
tests get the program itself. Three things stand in for the cluster that it expects around it: files hold its TLS keys,
`PACKAGE_RUNTIME=External` keeps it from making Deployments, and a FunctionRevision that is paused, so that nobody
looks for its image, names the endpoint where our function listens.

Both generations are there, because people run both: 2.3, and 1.20, which is the last that has no XRD v2, no managed
resource definitions and no operations, and checks XRDs and Compositions by webhook.

Crossplane binds its metrics and health ports on every interface, and no setting changes that.
"""

import base64
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from fairlead.serving.certificates import Authority, KeyPair
from testenv import building, initializing
from testenv.closing import Closing
from testenv.kubectl import kubectl
from testenv.ports import Ports
from testenv.processes import Process, ServerError, last_lines
from testenv.servers import HOST, RealCluster

NAMESPACE = "crossplane-system"
FUNCTION = "function-settings"
"""What a Composition's pipeline calls it."""
WEBHOOKS = "crossplane-webhooks"
SERVER_KEYS = "crossplane-tls-server"
INIT_SECONDS = 60.0
PROGRAMS = {"2.3": "crossplane", "1.20": "crossplane-1"}
"""By version; its CRDs and webhooks are targets named after it."""
ACTIVATE_ALL = {
    "apiVersion": "apiextensions.crossplane.io/v1alpha1",
    "kind": "ManagedResourceActivationPolicy",
    "metadata": {"name": "default"},
    "spec": {"activate": ["*"]},
}
"""As the chart of Crossplane installs it."""
PROGRAM = Path(__file__).with_name("function.py")


class RealCrossplane(Closing):
    """`with RealCrossplane(cluster, directory)`: yields when Crossplane and the function listen.

    Raises `ServerError` when a program is not built or does not become ready. The cluster must outlive it.
    """

    def __init__(
        self,
        cluster: RealCluster,
        directory: Path,
        *,
        version: str = "2.3",
        usages: bool = False,
        operations: bool = False,
        runtime: str = "External",
    ) -> None:
        """`directory` is for keys, cache and logs, and is made if need be.

        `usages` starts the webhook too, without which a Usage has no controller and protects nothing; in 1.20 it checks
        XRDs and Compositions as well. `operations` are not in 1.20. `runtime` is Crossplane's `PACKAGE_RUNTIME`.
        """
        self.cluster = cluster
        self.directory = directory
        self._program_name = PROGRAMS[version]
        self._is_first = version.startswith("1.")
        self._runtime = runtime
        self._usages = usages
        self._operations = operations
        for each in ("client", "function", "server", "cache"):
            (directory / each).mkdir(parents=True, exist_ok=True, mode=0o700)
        self.ports = Ports("metrics", "health", "function", "webhook")
        self._running: dict[str, Process] = {}

    def __enter__(self) -> "RealCrossplane":
        with self._or_close():
            self._program()  # before anything is made for it
            self._write_keys()
            self._start_function()
            self._prepare()
            self._running["function"].await_ready(lambda: _listens(self.ports["function"]))
            self._start_core()
        return self

    def close(self) -> None:
        for name in ("crossplane", "function"):
            if process := self._running.pop(name, None):
                process.stop()
        self.ports.close()

    def process(self, name: str) -> Process:
        """Of the running `crossplane` or `function`."""
        return self._running[name]

    def _write_keys(self) -> None:
        """Crossplane's own authority would do as well, but is known only after it has been initialized."""
        authority = Authority.create("crossplane")
        _write(self.directory / "client", authority.issue_client("crossplane", san=True), authority)
        _write(self.directory / "function", authority.issue_server(["localhost"], [HOST]), authority)

    def _start_function(self) -> None:
        address = f"{HOST}:{self.ports['function']}"
        command: list[str | Path] = [sys.executable, "-P", PROGRAM, address, self.directory / "function"]
        self._running["function"] = Process("the function", command, self.directory / "function.log")

    def _prepare(self) -> None:
        """What the package manager would have made, had it installed Crossplane and the function."""
        self._apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        account = {"name": "crossplane", "namespace": NAMESPACE}
        self._apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
        if self._usages:
            self._apply(self._webhook_service())
        if self._is_first:
            self._prepare_first()
        else:
            self._initialize()
            self._apply(ACTIVATE_ALL)
            if self._usages:
                self._write_server_keys()
        revision = function_revision()
        self._apply(revision)
        capabilities = ["composition", "operation"]
        status = {"endpoint": f"dns:///localhost:{self.ports['function']}", "capabilities": capabilities}
        self._kubectl(
            *("patch", "functionrevision.pkg.crossplane.io", revision["metadata"]["name"]),
            *("--subresource=status", "--type=merge", "-p", json.dumps({"status": status})),
        )

    def _prepare_first(self) -> None:
        initializing.crds(self._apply, self._folder("crds"))
        if self._usages:
            keys = Authority.create("crossplane webhooks")
            _write(self.directory / "server", keys.issue_server([f"{WEBHOOKS}.{NAMESPACE}.svc"], []), keys)
            service = {"name": WEBHOOKS, "namespace": NAMESPACE, "port": self.ports["webhook"]}
            initializing.webhooks(self._apply, self._folder("webhooks"), service, keys.certificate)
        initializing.objects(self._apply, NAMESPACE)

    def _initialize(self) -> None:
        """Again while it fails: it writes objects of CRDs that it has only just made, before discovery has them."""
        log = self.directory / "init.log"
        deadline = time.monotonic() + INIT_SECONDS
        command: list[str | Path] = [self._program(), "core", "init"]
        while True:
            with log.open("ab") as output:
                done = subprocess.run(
                    command, stdout=output, stderr=output, env=os.environ | self._settings(), check=False
                )
            if done.returncode == 0:
                return
            if time.monotonic() > deadline:
                raise ServerError("Crossplane could not be initialized", last_lines(log), f"its log is {log}")

    def _start_core(self) -> None:
        log = self.directory / "crossplane.log"
        command: list[str | Path] = [self._program(), "core", "start", "--debug"]
        command += ["--enable-operations"] if self._operations else []
        started = Process("crossplane", command, log, self._settings())
        self._running["crossplane"] = started
        started.await_ready(lambda: _ready(self.ports["health"]))

    def _program(self) -> Path:
        path = building.binary(self._program_name)
        if path is None:
            raise ServerError(f"{self._program_name} is not built", remedy="run `make testenv`")
        return path

    def _folder(self, what: str) -> Path:
        path = building.folder(f"{self._program_name}-{what}")
        if path is None:
            raise ServerError(f"{self._program_name}-{what} is not built", remedy="run `make testenv`")
        return path

    def _settings(self) -> dict[str, str]:
        return {
            "KUBECONFIG": str(self.cluster.cluster.kubeconfig),
            "POD_NAMESPACE": NAMESPACE,
            "CRDS_PATH": str(self._folder("crds")),
            "TLS_CA_SECRET_NAME": "crossplane-root-ca",
            "TLS_CLIENT_SECRET_NAME": "crossplane-tls-client",
            "TLS_CLIENT_CERTS_DIR": str(self.directory / "client"),
            **(self._webhook_settings() if self._usages else {"ENABLE_WEBHOOKS": "false"}),
            "PACKAGE_RUNTIME": self._runtime,
            "XPKG_CACHE_DIR": str(self.directory / "cache"),
            "METRICS_PORT": str(self.ports["metrics"]),
            "HEALTH_PROBE_PORT": str(self.ports["health"]),
        }

    def _webhook_settings(self) -> dict[str, str]:
        port = str(self.ports["webhook"])
        return {
            "ENABLE_WEBHOOKS": "true",
            "WEBHOOK_CONFIGS_PATH": str(self._folder("webhooks")),
            "WEBHOOK_SERVICE_NAME": WEBHOOKS,
            "WEBHOOK_SERVICE_NAMESPACE": NAMESPACE,
            "WEBHOOK_SERVICE_PORT": port,
            "WEBHOOK_PORT": port,
            "TLS_SERVER_SECRET_NAME": SERVER_KEYS,
            "TLS_SERVER_CERTS_DIR": str(self.directory / "server"),
        }

    def _webhook_service(self) -> dict[str, Any]:
        """How the API server reaches a webhook on loopback; EndpointSlices refuse such addresses."""
        port = self.ports["webhook"]
        spec = {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]}
        metadata = {"name": WEBHOOKS, "namespace": NAMESPACE}
        return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}

    def _write_server_keys(self) -> None:
        """Crossplane's own, which its webhook configuration names the authority of."""
        found = json.loads(self._kubectl("get", "secret", SERVER_KEYS, "-n", NAMESPACE, "-o", "json"))
        for name, content in found["data"].items():
            path = self.directory / "server" / name
            path.touch(mode=0o600)
            path.write_bytes(base64.b64decode(content))

    def _apply(self, manifest: dict[str, Any]) -> None:
        self._kubectl("apply", "--server-side", "-f", "-", text=json.dumps(manifest))

    def _kubectl(self, *arguments: str, text: str | None = None) -> str:
        return kubectl(self.cluster.cluster, self.directory, *arguments, text=text)


def function_revision() -> dict[str, Any]:
    """As a Function would have made it; the label is how Crossplane finds it, the image is never asked for."""
    return {
        "apiVersion": "pkg.crossplane.io/v1",
        "kind": "FunctionRevision",
        "metadata": {
            "name": f"{FUNCTION}-1",
            "labels": {"pkg.crossplane.io/package": FUNCTION},
            "annotations": {"crossplane.io/paused": "true"},
        },
        "spec": {"desiredState": "Active", "image": "registry.example.org/function:v1", "revision": 1},
    }


def composition(composite: str, api_version: str) -> dict[str, Any]:
    """Composes resources of a kind by the function alone; a claim that asks for a connection secret gets one."""
    return {
        "apiVersion": "apiextensions.crossplane.io/v1",
        "kind": "Composition",
        "metadata": {"name": composite.lower()},
        "spec": {
            "compositeTypeRef": {"apiVersion": api_version, "kind": composite},
            "mode": "Pipeline",
            "writeConnectionSecretsToNamespace": NAMESPACE,
            "pipeline": [{"step": "settings", "functionRef": {"name": FUNCTION}}],
        },
    }


def _write(directory: Path, pair: KeyPair, authority: Authority) -> None:
    for name, content in (("tls.crt", pair.certificate), ("tls.key", pair.key), ("ca.crt", authority.certificate)):
        path = directory / name
        path.touch(mode=0o600)
        path.write_bytes(content)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _ready(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
