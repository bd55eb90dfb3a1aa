"""A real cluster with a node: Pods are bound and ready, and print logs, run commands and are measured.

The node is a program of ours (`modules/kubelet-double`), because kube-apiserver turns the WebSocket of an exec into
SPDY towards the node, which no Python library speaks, and because what a kubelet needs (containers, root) is not there.
kube-apiserver proxies to no loopback address, so it reaches the node through an egress tunnel, as in clusters whose
nodes are in a network of their own. The road not taken is an address on a virtual interface, which needs root.

How a Pod fares is said by its annotations, which a Deployment's template can carry too: `LOG`, `PREVIOUS_LOG`,
`UNREADY`, `EXIT`, `WAITING`. What is executed in a Pod is a process of this machine, in an empty environment.
"""

import json
import shutil
import tempfile
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fairlead.client.api import Client
from fairlead.client.targets import Cluster
from fairlead.machinery.paths import Resource
from testenv import building
from testenv.ports import Ports
from testenv.processes import Process, ServerError
from testenv.servers import CONTROLLERS, HOST, RealCluster

NODE = "double"
NODE_ADDRESS = "198.18.0.1"
LOG = "double.fairlead.dev/log"
PREVIOUS_LOG = "double.fairlead.dev/previous-log"
UNREADY = "double.fairlead.dev/unready"
EXIT = "double.fairlead.dev/exit"
WAITING = "double.fairlead.dev/waiting"
"""`Reason: message`, such as `ImagePullBackOff: no such image`: its containers never start."""

_SERVICE = "metrics-double"
_API_SERVICES = Resource("apiregistration.k8s.io", "v1", "apiservices", namespaced=False)
_SERVICES = Resource("", "v1", "services")


class ClusterWithNode(RealCluster):
    """As `RealCluster`; call `serve_metrics` for `kubectl top`. Raises `ServerError` where the double is not built."""

    def __init__(
        self,
        name: str,
        directory: Path,
        controllers: Sequence[str] = CONTROLLERS,
        flags: Sequence[str] = (),
        *,
        schedule: bool = True,
    ) -> None:
        """`schedule`: Pods without a node get this one, as no scheduler runs."""
        super().__init__(name, directory, controllers, flags)
        self._schedule = schedule
        self.node_ports = Ports("kubelet", "metrics")
        # The path of a Unix socket has a hundred characters at most, and a test's folder may have as many.
        self._short = Path(tempfile.mkdtemp(prefix="fl-"))
        self.tunnel = self._short / "tunnel"
        self.node_logs = directory / "node-logs"
        """What `/logs/` of the node serves."""
        self.node_logs.mkdir()
        (self.node_logs / "kubelet.log").write_text("I1121 kubelet is a double\n", encoding="utf-8")
        self.flags = (*self.flags, *self._node_flags())

    def __enter__(self) -> Cluster:
        found = super().__enter__()
        with self._or_close():
            self._start_double()
        return found

    def close(self) -> None:
        if double := self._running.pop("kubelet-double", None):
            double.stop()
        super().close()
        self.node_ports.close()
        shutil.rmtree(self._short, ignore_errors=True)

    async def serve_metrics(self, client: Client) -> None:
        """Registers `metrics.k8s.io`; returns at once, the aggregator takes a moment to serve it."""
        port = self.node_ports["metrics"]
        service = {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]}
        await client.apply(_SERVICES, _typed("v1", "Service", _SERVICE, service), "default")
        spec = {
            "group": "metrics.k8s.io",
            "version": "v1beta1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "service": {"namespace": "default", "name": _SERVICE, "port": port},
            "caBundle": b64encode(self.credentials.authority.certificate).decode(),
        }
        wanted = _typed("apiregistration.k8s.io/v1", "APIService", "v1beta1.metrics.k8s.io", spec)
        await client.apply(_API_SERVICES, wanted)

    def _node_flags(self) -> list[str]:
        selection = {
            "apiVersion": "apiserver.k8s.io/v1beta1",
            "kind": "EgressSelectorConfiguration",
            "egressSelections": [
                {
                    "name": "cluster",
                    "connection": {
                        "proxyProtocol": "HTTPConnect",
                        "transport": {"uds": {"udsName": str(self.tunnel)}},
                    },
                }
            ],
        }
        path = self.directory / "egress.json"
        path.write_text(json.dumps(selection), encoding="utf-8")
        certificate, key = self.credentials.admin
        return [
            f"--egress-selector-config-file={path}",
            f"--kubelet-certificate-authority={self.credentials.client_ca}",
            f"--kubelet-client-certificate={certificate}",
            f"--kubelet-client-key={key}",
        ]

    def _start_double(self) -> None:
        path = building.binary("kubelet-double")
        if path is None:
            raise ServerError("kubelet-double is not built", remedy="run `make testenv`")
        names = ["localhost", f"{_SERVICE}.default.svc"]
        keys = self.credentials
        pair = keys.authority.issue_server(names, [HOST, NODE_ADDRESS])
        files = {}
        for name, content in (("node.crt", pair.certificate), ("node.key", pair.key)):
            files[name] = self.directory / name
            files[name].touch(mode=0o600)
            files[name].write_bytes(content)
        flags = {
            "node": NODE,
            "server": self.url,
            "ca": keys.client_ca,
            "cert": keys.admin[0],
            "key": keys.admin[1],
            "front-proxy-ca": keys.front_proxy_ca,
            "serving-cert": files["node.crt"],
            "serving-key": files["node.key"],
            "tunnel": self.tunnel,
            "logs": self.node_logs,
            "kubelet-port": self.node_ports["kubelet"],
            "metrics-port": self.node_ports["metrics"],
            "schedule": str(self._schedule).lower(),
        }
        command: list[str | Path] = [path, *(f"-{key}={value}" for key, value in flags.items())]
        log = self.directory / "kubelet-double.log"
        started = Process(f"{self.name}'s node", command, log)
        self._running["kubelet-double"] = started
        started.await_ready(lambda: "follows its Pods" in log.read_text(encoding="utf-8"))


def _typed(api_version: str, kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec}
