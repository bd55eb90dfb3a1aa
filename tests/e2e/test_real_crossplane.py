"""A claim of the app cluster, through the connector, by real Crossplane: made, changed, ready, gone."""

import json
from collections.abc import Callable

import pytest

from fairlead.connector import naming
from fairlead.machinery.paths import Resource
from tests.e2e import manifests, world
from tests.e2e.hands import Refused
from tests.e2e.manifests import DATABASES, Object
from tests.e2e.platforms import XDATABASES, Platform
from tests.e2e.world import CLAIMS, CLUSTER_ID

pytestmark = pytest.mark.real
CONFIG_MAPS = Resource("", "v1", "configmaps")
SECRETS = Resource("", "v1", "secrets")


@pytest.fixture
def namespace(platform: Platform, unique: Callable[[str], str]) -> str:
    name = unique("shop")
    platform.app.create(manifests.namespace(name))
    return name


def ready(platform: Platform, name: str, namespace: str) -> Object:
    """Waits as a person does, with kubectl."""
    platform.app.run("wait", "--for=condition=Ready", "--timeout=60s", "-n", namespace, f"databases/{name}")
    return platform.app.get(DATABASES, name, namespace)


def is_ready(found: Object) -> bool:
    return any(each["type"] == "Ready" and each["status"] == "True" for each in found["status"]["conditions"])


def gone(look: Callable[[], object]) -> bool:
    """Raises `Refused` while it is still there."""
    try:
        look()
    except Refused as refusal:
        return "NotFound" in str(refusal)
    raise Refused("it is still there")


@pytest.mark.requirement("e2e:crossplane-makes-a-claim-ready")
def test_a_claim_becomes_ready_in_the_app_cluster(platform: Platform, namespace: str) -> None:
    platform.app.apply(manifests.claim("orders", namespace, replicas=3))
    claim = ready(platform, "orders", namespace)
    assert is_ready(claim)
    composite = platform.control_plane.get(XDATABASES, claim["spec"]["resourceRef"]["name"])
    assert composite["spec"]["claimRef"]["name"] == naming.Identity(CLUSTER_ID, namespace, "orders").backend()
    composed = platform.control_plane.get(CONFIG_MAPS, composite["metadata"]["name"], CLAIMS)
    assert composed["data"].items() >= {"size": "small", "replicas": "3"}.items()
    rows = platform.app.run("get", "databases", "-n", namespace).splitlines()
    assert rows[1].split()[:3] == ["orders", "True", "True"]


@pytest.mark.requirement("e2e:crossplane-takes-up-a-change")
def test_a_change_in_the_app_cluster_reaches_what_is_composed(platform: Platform, namespace: str) -> None:
    platform.app.apply(manifests.claim("orders", namespace))
    composite = ready(platform, "orders", namespace)["spec"]["resourceRef"]["name"]
    platform.app.apply(manifests.claim("orders", namespace, size="large"))

    def composed() -> None:
        if (data := platform.control_plane.get(CONFIG_MAPS, composite, CLAIMS)["data"])["size"] != "large":
            raise Refused(f"it says {data}")

    world.eventually(composed)
    assert is_ready(ready(platform, "orders", namespace))


@pytest.mark.requirement("e2e:crossplane-and-appliers-agree")
def test_applying_again_what_crossplane_has_filled_in_changes_nothing(platform: Platform, namespace: str) -> None:
    claim = manifests.claim("orders", namespace)
    platform.app.apply(claim)
    before = ready(platform, "orders", namespace)
    assert "unchanged" in platform.app.apply(claim)
    assert platform.app.run("diff", "-f", "-", text=json.dumps(claim)) == ""
    platform.app.run("apply", "--server-side", "--field-manager=other", "-f", "-", text=json.dumps(claim))
    after = platform.app.get(DATABASES, "orders", namespace)
    assert after["spec"] == before["spec"]


@pytest.mark.requirement("e2e:crossplane-deletion-cleans-up")
def test_deletion_in_the_app_cluster_removes_claim_composite_and_composed(platform: Platform, namespace: str) -> None:
    platform.app.apply(manifests.claim("orders", namespace))
    composite = ready(platform, "orders", namespace)["spec"]["resourceRef"]["name"]
    stored = naming.Identity(CLUSTER_ID, namespace, "orders").backend()
    platform.app.delete(DATABASES, "orders", namespace)
    there = platform.control_plane
    assert gone(lambda: platform.app.get(DATABASES, "orders", namespace))
    assert gone(lambda: there.get(DATABASES, stored, CLAIMS))
    assert world.eventually(lambda: gone(lambda: there.get(XDATABASES, composite)))
    assert world.eventually(lambda: gone(lambda: there.get(CONFIG_MAPS, composite, CLAIMS)))


@pytest.mark.requirement("e2e:crossplane-writes-connection-secrets")
def test_connection_secrets_of_one_name_are_two_and_go_with_their_claims(
    platform: Platform, namespace: str, unique: Callable[[str], str]
) -> None:
    there, other = platform.control_plane, unique("shop")
    platform.app.create(manifests.namespace(other))
    asked = {"name": "conn"}
    for each in (namespace, other):
        platform.app.apply(manifests.claim("orders", each, writeConnectionSecretToRef=asked))
        assert ready(platform, "orders", each)["spec"]["writeConnectionSecretToRef"] == asked
    first, second = (secret_of(platform, each) for each in (namespace, other))
    endpoints = {there.get(SECRETS, name, CLAIMS)["data"]["endpoint"] for name in (first, second)}
    assert len(endpoints) == 2
    assert there.get(SECRETS, first, CLAIMS)["type"] == "connection.crossplane.io/v1alpha1"

    platform.app.delete(DATABASES, "orders", namespace)
    assert world.eventually(lambda: gone(lambda: there.get(SECRETS, first, CLAIMS)))
    assert there.get(SECRETS, second, CLAIMS)


def secret_of(platform: Platform, namespace: str) -> str:
    """What the connection secret of `orders` is called in the control plane."""
    stored = naming.Identity(CLUSTER_ID, namespace, "orders").backend()
    name: str = platform.control_plane.get(DATABASES, stored, CLAIMS)["spec"]["writeConnectionSecretToRef"]["name"]
    return name
