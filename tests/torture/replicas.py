"""Two connectors, each on a machine of its own with a cable to the app cluster and one to the control plane.

The app cluster's API server routes by EndpointSlices, as where no kube-proxy is. What a cluster would do beside
it is done here: `Kubelet` asks each replica whether it is ready and writes that into the slice.
"""

import http.client
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairlead.machinery.paths import Resource
from testenv.networks import Machine, Network
from tests.e2e.hands import Plain
from tests.torture import stages
from tests.torture.stages import NAMESPACE, SERVICE, Replica, Stage, eventually

PORT = 8443
PERIOD = 0.2
SHUTDOWN_DELAY = "3"
"""Seconds, and many times what the kubelet and the API server need to notice."""
SLICES = Resource("discovery.k8s.io", "v1", "endpointslices")
Object = dict[str, Any]


@dataclass(frozen=True)
class Two:
    stage: Stage
    networks: tuple[Network, Network]
    """The app cluster's and the control plane's."""
    machines: tuple[Machine, Machine]
    addresses: tuple[str, str]
    replicas: tuple[Replica, Replica]
    kubelet: "Kubelet"

    def await_ready(self, *expected: bool) -> None:
        """Until the slice says so."""

        def written() -> None:
            assert self.kubelet.written == expected

        eventually(written)


class Kubelet:
    """Also the controller of EndpointSlices."""

    def __init__(self, hands: Plain, addresses: tuple[str, str]) -> None:
        self.hands = hands
        self.addresses = addresses
        self.written: tuple[bool, ...] = ()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Kubelet":
        self.hands.create(service())
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(PERIOD):
            found = tuple(ready(each) for each in self.addresses)
            if found != self.written:
                self._write(found)
                self.written = found

    def _write(self, found: tuple[bool, ...]) -> None:
        wanted = endpoint_slice(dict(zip(self.addresses, found, strict=True)))
        if self.written:
            self.hands.patch(SLICES, wanted["metadata"]["name"], NAMESPACE, "merge", {"endpoints": wanted["endpoints"]})
        else:
            self.hands.create(wanted)


def ready(address: str) -> bool:
    """As a kubelet asks: whatever the certificate is."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection(address, PORT, timeout=1, context=context)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def service() -> Object:
    metadata = {"name": SERVICE, "namespace": NAMESPACE}
    ports = [{"name": "https", "port": PORT, "targetPort": PORT}]
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": ports}}


def endpoint_slice(ready: dict[str, bool]) -> Object:
    labels = {"kubernetes.io/service-name": SERVICE}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": f"{SERVICE}-1", "namespace": NAMESPACE, "labels": labels},
        "addressType": "IPv4",
        "ports": [{"name": "https", "port": PORT, "protocol": "TCP"}],
        "endpoints": [{"addresses": [each], "conditions": {"ready": state}} for each, state in ready.items()],
    }


@contextmanager
def two(folder: Path, crds: Path) -> Iterator[Two]:
    with ExitStack() as stack:
        networks = stack.enter_context(Network()), stack.enter_context(Network())
        machines = stack.enter_context(Machine()), stack.enter_context(Machine())
        addresses = machines[0].connect(networks[0]), machines[1].connect(networks[0])
        for each in machines:
            each.connect(networks[1])
        routing = ["--enable-aggregator-routing=true"]
        app = stack.enter_context(stages.server("app", folder, flags=routing, host=networks[0].host))
        control_plane = stack.enter_context(stages.server("control-plane", folder, host=networks[1].host))
        stage = stack.enter_context(stages.furnished(folder, app, control_plane, crds, PORT))
        hands = stack.enter_context(Plain.of(app.cluster))
        kubelet = stack.enter_context(Kubelet(hands, addresses))
        flags = ("--shutdown-delay", SHUTDOWN_DELAY)
        first, second = (
            stack.enter_context(stage.replica(*flags, bind=address, prefix=machine.prefix, started=False))
            for machine, address in zip(machines, addresses, strict=True)
        )
        first.start()
        second.start()
        made = Two(stage, networks, machines, addresses, (first, second), kubelet)
        made.await_ready(True, True)
        stage.await_apis()
        yield made
