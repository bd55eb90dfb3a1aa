"""A claim of the app cluster, through the connector, by real Crossplane: made, changed, ready, gone."""

import base64
import json
from collections.abc import Callable

import pytest

from fairlead.connector import naming
from fairlead.machinery.paths import Resource
from tests.e2e import manifests, world
from tests.e2e.hands import Refused
from tests.e2e.manifests import CACHES, DATABASES, Object
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


def ready(platform: Platform, name: str, namespace: str, resource: Resource = DATABASES) -> Object:
    """Waits as a person does, with kubectl."""
    platform.app.run("wait", "--for=condition=Ready", "--timeout=60s", "-n", namespace, f"{resource.plural}/{name}")
    return platform.app.get(resource, name, namespace)


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


@pytest.mark.requirement("e2e:crossplane-secret-arrives")
def test_a_connection_secret_arrives_follows_rotation_and_goes_with_its_claim(
    platform: Platform, namespace: str
) -> None:
    asked = {"name": "conn"}
    platform.app.apply(manifests.claim("orders", namespace, writeConnectionSecretToRef=asked))
    composite = ready(platform, "orders", namespace)["spec"]["resourceRef"]["name"]
    world.eventually(lambda: holds(platform, namespace, "correct horse small"))
    copied = platform.app.get(SECRETS, "conn", namespace)
    assert copied["type"] == "connection.crossplane.io/v1alpha1"
    platform.app.apply(manifests.claim("orders", namespace, size="large", writeConnectionSecretToRef=asked))
    world.eventually(lambda: holds(platform, namespace, "correct horse large"))

    of_claim, there = secret_of(platform, namespace), platform.control_plane
    of_composite = there.get(XDATABASES, composite)["spec"]["writeConnectionSecretToRef"]
    assert there.get(SECRETS, of_composite["name"], of_composite["namespace"])
    platform.app.delete(DATABASES, "orders", namespace)
    world.eventually(lambda: gone(lambda: platform.app.get(SECRETS, "conn", namespace)))
    world.eventually(lambda: gone(lambda: there.get(SECRETS, of_claim, CLAIMS)))
    world.eventually(lambda: gone(lambda: there.get(SECRETS, of_composite["name"], of_composite["namespace"])))
    world.eventually(lambda: gone(lambda: there.get(XDATABASES, composite)))


def holds(platform: Platform, namespace: str, password: str) -> None:
    data = platform.app.get(SECRETS, "conn", namespace)["data"]
    if base64.b64decode(data["password"]).decode() != password:
        raise Refused("it holds another password")


@pytest.mark.requirement("e2e:crossplane-events")
@pytest.mark.parametrize("kind", ["Database", "Cache"])
def test_describe_shows_what_crossplane_says_of_a_claim_and_of_its_composite(
    platform: Platform, namespace: str, kind: str
) -> None:
    resource = {"Database": DATABASES, "Cache": CACHES}[kind]
    platform.app.apply(manifests.claim("orders", namespace, kind))
    ready(platform, "orders", namespace, resource)
    words = ["SelectComposition", "ComposeResources"] + ["BindCompositeResource"] * (kind == "Database")

    def described() -> str:
        events = platform.app.describe(resource, "orders", namespace).partition("Events:")[2]
        if not all(word in events for word in words):
            raise Refused(f"{words} are not in {events}")
        return events

    world.eventually(described)
    events = platform.app.run("get", "events", "-n", namespace, "-o", "json")
    stored = naming.Identity(CLUSTER_ID, namespace, "orders").digest
    assert stored not in events
    assert CLAIMS not in events


@pytest.mark.requirement("e2e:crossplane-namespaced-composites")
def test_a_namespaced_composite_becomes_ready_changes_and_goes(platform: Platform, namespace: str) -> None:
    platform.app.apply(manifests.claim("orders", namespace, "Cache", replicas=3))
    made = ready(platform, "orders", namespace, CACHES)
    stored, there = naming.Identity(CLUSTER_ID, namespace, "orders").backend("nxr-"), platform.control_plane
    assert made["spec"]["crossplane"]["resourceRefs"] == [{"apiVersion": "v1", "kind": "ConfigMap", "name": stored}]
    assert made["metadata"]["labels"]["crossplane.io/composite"] == "orders"
    assert there.get(CONFIG_MAPS, stored, CLAIMS)["data"].items() >= {"size": "small", "replicas": "3"}.items()
    rows = [line.split() for line in platform.app.run("get", "composite", "-n", namespace).splitlines()]
    assert rows[1][:4] == ["orders", "True", "True", "cache"]

    platform.app.edit(CACHES, "orders", namespace, "size: small", "size: large")
    world.eventually(lambda: equal(there.get(CONFIG_MAPS, stored, CLAIMS)["data"]["size"], "large"))
    claim = manifests.claim("orders", namespace, "Cache", size="large", replicas=3)
    platform.app.apply(claim)
    assert platform.app.run("diff", "-f", "-", text=json.dumps(claim)) == ""
    after = ready(platform, "orders", namespace, CACHES)
    assert after["spec"]["crossplane"] == made["spec"]["crossplane"]

    platform.app.delete(CACHES, "orders", namespace)
    world.eventually(lambda: gone(lambda: there.get(CACHES, stored, CLAIMS)))
    world.eventually(lambda: gone(lambda: there.get(CONFIG_MAPS, stored, CLAIMS)))


def equal(found: str, wanted: str) -> None:
    if found != wanted:
        raise Refused(f"it is {found}")
