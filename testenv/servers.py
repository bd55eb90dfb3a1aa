"""A real Kubernetes API on loopback: etcd, kube-apiserver and the few controllers that tests can tell the lack of.

It is what the embedded server is measured against, so nothing is weakened that a test could notice: RBAC authorizes
always (the default allows everything, and every authorization test would pass vacuously), and the aggregation layer
has its own authority and client certificate. Only durability is given up. Controllers run where an API server alone
would leave something undone: deleted namespaces, orphans, and the aggregated roles admin, edit and view.
"""

import http.client
import json
import ssl
import urllib.request
from base64 import b64decode, b64encode
from collections.abc import Sequence
from pathlib import Path

from fairlead.client.targets import Cluster
from testenv import building
from testenv.closing import Closing
from testenv.credentials import FRONT_PROXY, Credentials
from testenv.ports import Ports
from testenv.processes import Process, ServerError

CONTROLLERS = ("namespace-controller", "garbage-collector-controller", "clusterrole-aggregation-controller")
HOST = "127.0.0.1"


class RealCluster(Closing):
    """`with RealCluster(…) as cluster`; the instance itself can do what a test does to a server.

    Raises `ServerError` when the programs are not built or one of them does not become ready.
    """

    def __init__(
        self,
        name: str,
        directory: Path,
        controllers: Sequence[str] = CONTROLLERS,
        flags: Sequence[str] = (),
        host: str = HOST,
    ) -> None:
        """`directory` is for data, keys and logs, and is made if need be; `flags` are more of kube-apiserver's.

        `host` is the address of the API server alone; everything else of the cluster is on loopback.
        """
        self.name = name
        self.directory = directory
        self.controllers = tuple(controllers)
        self.flags = tuple(flags)
        self.host = host
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.data = directory / "etcd"
        self.credentials = Credentials(directory, [HOST, host])
        self.ports = Ports("etcd", "etcd-peer", "kube-apiserver", "kube-controller-manager")
        self.cluster = Cluster(name, self.kubeconfig_for("admin", ["system:masters"]))
        self._running: dict[str, Process] = {}

    @property
    def url(self) -> str:
        return f"https://{self.host}:{self.ports['kube-apiserver']}"

    def __enter__(self) -> Cluster:
        with self._or_close():
            self._start_etcd()
            self.start_api_server()
            self._start_controllers()
        return self.cluster

    def close(self) -> None:
        """An API server that has lost its etcd never ends by itself, so it goes first."""
        for program in ("kube-controller-manager", "kube-apiserver", "etcd"):
            if process := self._running.pop(program, None):
                process.stop()
        self.ports.close()

    def kubeconfig_for(self, user: str, groups: Sequence[str] = ()) -> Path:
        """A new one for a user who has no rights but those that a test binds."""
        return self.credentials.kubeconfig(self.name, self.url, user, groups)

    def process(self, program: str) -> Process:
        """Of a running etcd, kube-apiserver or kube-controller-manager."""
        return self._running[program]

    def start_api_server(self) -> None:
        """On the port and the data that it had."""
        started = self._start("kube-apiserver", self._api_server_flags())
        started.await_ready(lambda: self._healthy(self.ports["kube-apiserver"], "/readyz", host=self.host))

    def stop_api_server(self) -> None:
        self._running.pop("kube-apiserver").stop()

    def kill_api_server(self) -> None:
        self._running.pop("kube-apiserver").kill()

    def stored(self, group: str) -> list[str]:
        """The keys of all that this cluster's own storage holds of an API group, as etcd lists them."""
        first, last = f"/registry/{group}/".encode(), f"/registry/{group}0".encode()
        query = {"key": b64encode(first).decode(), "range_end": b64encode(last).decode(), "keys_only": True}
        request = urllib.request.Request(
            f"http://{HOST}:{self.ports['etcd']}/v3/kv/range", data=json.dumps(query).encode(), method="POST"
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - as above
            found = json.load(answer)
        return [b64decode(each["key"]).decode() for each in found.get("kvs", [])]

    def _start(self, program: str, flags: Sequence[str]) -> Process:
        path = building.binary(program)
        if path is None:
            raise ServerError(f"{program} is not built", remedy="run `make testenv`")
        process = Process(f"{self.name}'s {program}", [path, *flags], self.directory / f"{program}.log")
        self._running[program] = process
        return process

    def _start_etcd(self) -> None:
        started = self._start("etcd", self._etcd_flags())
        started.await_ready(lambda: self._healthy(self.ports["etcd"], "/health", tls=False))

    def _start_controllers(self) -> None:
        if self.controllers:
            started = self._start("kube-controller-manager", self._controllers_flags())
            started.await_ready(lambda: self._healthy(self.ports["kube-controller-manager"], "/healthz"))

    def _etcd_flags(self) -> list[str]:
        client, peer = f"http://{HOST}:{self.ports['etcd']}", f"http://{HOST}:{self.ports['etcd-peer']}"
        return [
            f"--data-dir={self.data}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
        ]

    def _api_server_flags(self) -> list[str]:
        keys = self.credentials
        return [
            f"--etcd-servers=http://{HOST}:{self.ports['etcd']}",
            f"--bind-address={self.host}",
            f"--advertise-address={self.host}",
            f"--secure-port={self.ports['kube-apiserver']}",
            "--endpoint-reconciler-type=none",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--authorization-mode=RBAC",
            # Pods do not run here, and no controller makes the service account that this would wait for.
            "--disable-admission-plugins=ServiceAccount",
            f"--tls-cert-file={keys.serving[0]}",
            f"--tls-private-key-file={keys.serving[1]}",
            f"--client-ca-file={keys.client_ca}",
            f"--requestheader-client-ca-file={keys.front_proxy_ca}",
            f"--requestheader-allowed-names={FRONT_PROXY}",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-uid-headers=X-Remote-Uid",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={keys.front_proxy[0]}",
            f"--proxy-client-key-file={keys.front_proxy[1]}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={keys.service_accounts[0]}",
            f"--service-account-signing-key-file={keys.service_accounts[1]}",
            *self.flags,
        ]

    def _controllers_flags(self) -> list[str]:
        keys = self.credentials
        return [
            f"--kubeconfig={self.cluster.kubeconfig}",
            f"--controllers={','.join(self.controllers)}",
            "--leader-elect=false",
            f"--bind-address={HOST}",
            f"--secure-port={self.ports['kube-controller-manager']}",
            f"--tls-cert-file={keys.serving[0]}",
            f"--tls-private-key-file={keys.serving[1]}",
        ]

    def _healthy(self, port: int, path: str, *, tls: bool = True, host: str = HOST) -> bool:
        context = ssl.create_default_context(cafile=str(self.credentials.client_ca))
        context.load_cert_chain(*self.credentials.admin)
        connection: http.client.HTTPConnection = (
            http.client.HTTPSConnection(host, port, timeout=5, context=context)
            if tls
            else http.client.HTTPConnection(host, port, timeout=5)
        )
        try:
            connection.request("GET", path)
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
