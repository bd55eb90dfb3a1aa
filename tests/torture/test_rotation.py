"""The authority and the serving certificate of two replicas are exchanged while clients work."""

import base64
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fairlead.aggregation.certifying import ROTATE, SECRETS
from fairlead.aggregation.rotating import Material, chains
from fairlead.machinery.paths import Resource
from fairlead.serving.certificates import Authority, read_bundle
from tests.e2e import manifests
from tests.e2e.hands import Plain
from tests.torture import replicas
from tests.torture.churning import RETRYABLE, churning, informed
from tests.torture.replicas import PORT, Two
from tests.torture.stages import NAMESPACE, SERVICE, eventually

NAMESPACES = ("rotated-one", "rotated-two")
DNS = f"{SERVICE}.{NAMESPACE}.svc"
SECRET = f"{SERVICE}-tls"
API_SERVICES = Resource("apiregistration.k8s.io", "v1", "apiservices", namespaced=False)


@pytest.fixture(scope="module")
def world(folder: Path, crossplane_crds: Path) -> Iterator[Two]:
    with replicas.two(folder, crossplane_crds) as started:
        started.stage.namespaced(*NAMESPACES)
        yield started


@dataclass(frozen=True)
class Moment:
    bundles: tuple[bytes, ...]
    """Of all APIServices."""
    leaves: tuple[bytes, ...]
    """Of all replicas."""

    @property
    def trusted(self) -> bool:
        return all(chains(leaf, bundle) for leaf in self.leaves for bundle in self.bundles)

    @property
    def overlaps(self) -> bool:
        return all(len(read_bundle(each)) > 1 for each in self.bundles)


@dataclass
class Onlooker:
    hands: Plain
    addresses: tuple[str, ...]
    moments: list[Moment] = field(default_factory=list)

    def look(self) -> Moment:
        items = self.hands.send("GET", API_SERVICES.path())["items"]
        ours = [each["spec"] for each in items if (each["spec"].get("service") or {}).get("name") == SERVICE]
        leaves = tuple(ssl.DER_cert_to_PEM_cert(served(each)).encode() for each in self.addresses)
        found = Moment(tuple(base64.b64decode(each["caBundle"]) for each in ours), leaves)
        if not self.moments or self.moments[-1] != found:
            self.moments.append(found)
        return found


def served(address: str) -> bytes:
    """The leaf of a new connection."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((address, PORT), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=DNS) as secure,
    ):
        return secure.getpeercert(binary_form=True) or b""


@contextmanager
def looked_at(world: Two) -> Iterator[Onlooker]:
    """All the time while the block runs."""
    over = threading.Event()
    with Plain.of(world.stage.app.cluster) as hands:
        onlooker = Onlooker(hands, world.addresses)
        onlooker.look()

        def look_on() -> None:
            while not over.wait(0.05):
                with suppress(OSError):
                    onlooker.look()

        thread = threading.Thread(target=look_on, daemon=True)
        thread.start()
        try:
            yield onlooker
        finally:
            over.set()
            thread.join()


def secret(world: Two) -> dict[str, Any]:
    return world.stage.app.get(SECRETS, SECRET, NAMESPACE)


@pytest.mark.requirement("torture:rotation")
def test_a_new_authority_is_published_beside_the_old_one_before_any_replica_uses_it(world: Two, tmp_path: Path) -> None:
    with informed(world.stage, tmp_path), churning(world.stage, NAMESPACES) as churn, looked_at(world) as onlooker:
        before = onlooker.moments[0]
        churn.go_on()
        asked = {"metadata": {"annotations": {ROTATE: "now"}}}
        world.stage.app.patch(SECRETS, SECRET, NAMESPACE, "merge", asked)

        def exchanged() -> None:
            assert set(onlooker.moments[-1].leaves).isdisjoint(before.leaves)

        eventually(exchanged)
        churn.go_on()
        assert churn.refused == [], "no client notices"
    first, *_, last = onlooker.moments
    assert all(each.trusted for each in onlooker.moments), "the API server trusts each replica at every moment"
    assert any(each.overlaps and each.leaves == first.leaves for each in onlooker.moments), "published first"
    assert last.overlaps, "and the old one stays for a while"
    assert len(set(last.leaves)) == 1, "all replicas serve one certificate"


@pytest.mark.requirement("torture:rotation")
def test_a_certificate_that_expires_soon_is_renewed_by_the_same_authority(world: Two, tmp_path: Path) -> None:
    with informed(world.stage, tmp_path), churning(world.stage, NAMESPACES) as churn, looked_at(world) as onlooker:
        material = Material.parse(secret(world)["data"])
        soon = Authority(material.authority).issue_server([DNS], validity=timedelta(days=30))
        data = {"tls.crt": soon.certificate, "tls.key": soon.key}
        encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
        world.stage.app.patch(SECRETS, SECRET, NAMESPACE, "merge", {"data": encoded})

        def renewed() -> None:
            stored = Material.parse(secret(world)["data"])
            assert stored.leaf.certificate not in (soon.certificate, material.leaf.certificate)
            assert set(onlooker.moments[-1].leaves) == {stored.leaf.certificate}

        eventually(renewed)
        churn.go_on()
        assert churn.refused == []
    assert all(each.trusted for each in onlooker.moments)
    assert len({each.bundles for each in onlooker.moments}) == 1, "nothing new had to be published"
    world.stage.app.apply(manifests.claim("after", NAMESPACES[0]))


@pytest.mark.requirement("torture:front-proxy-rotation")
def test_a_new_authority_of_the_front_proxy_is_believed_by_connectors_that_run(world: Two, tmp_path: Path) -> None:
    """The API server publishes it when it starts with it; until each replica has read that, requests are refused."""
    server, app = world.stage.app_server, world.stage.app
    with informed(world.stage, tmp_path):
        server.stop_api_server()
        server.credentials.renew_front_proxy()
        server.start_api_server()
        eventually(lambda: app.apply(manifests.claim("believed", NAMESPACES[0])))
        with churning(world.stage, NAMESPACES) as churn:
            churn.go_on()
        assert {code for code, _ in churn.refused} <= RETRYABLE | {401, 403}, churn.refused
        with churning(world.stage, NAMESPACES) as churn:
            churn.go_on()
        assert churn.refused == []
