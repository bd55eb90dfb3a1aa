"""What belongs to a claim in the app cluster: dependents, connection secret, events."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from fairlead.machinery.paths import Resource
from tests.clusters import Pair
from tests.e2e import manifests, world
from tests.e2e.hands import Plain, Refused
from tests.e2e.manifests import DATABASES
from tests.e2e.test_claim_travels import backend, namespaced
from tests.e2e.world import CLAIMS, World

Object = dict[str, Any]

CONFIG_MAPS = Resource("", "v1", "configmaps")
EVENTS = Resource("", "v1", "events")
SECRETS = Resource("", "v1", "secrets")
PAGES = Resource("local.example.org", "v1", "pages")


@pytest.fixture(scope="module")
def app(pair: Pair, claims: World) -> Iterator[Plain]:
    """The app cluster as a program sees it; it serves a CRD of its own beside the claims."""
    with Plain.of(pair.app) as plain:
        plain.apply(_crd())
        world.eventually(lambda: plain.names(PAGES, "default"))
        yield plain


def _crd() -> Object:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "pages", "singular": "page", "kind": "Page", "listKind": "PageList"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "pages.local.example.org"},
        "spec": {"group": "local.example.org", "scope": "Namespaced", "names": names, "versions": [version]},
    }


def owner(app: Plain, resource: Resource, namespace: str) -> Object:
    """A claim or a page, with a dependent and a finalizer of its own that nobody works off."""
    manifest = manifests.claim("orders", namespace)
    if resource == PAGES:
        manifest = {**manifest, "apiVersion": "local.example.org/v1", "kind": "Page"}
    manifest["metadata"]["finalizers"] = ["example.org/held"]
    app.create(manifest)
    made = app.get(resource, "orders", namespace)
    reference = {key: manifest[key] for key in ("apiVersion", "kind")} | {
        "name": "orders", "uid": made["metadata"]["uid"], "blockOwnerDeletion": True,
    }  # fmt: skip
    metadata = {"name": "dependent", "namespace": namespace, "ownerReferences": [reference]}
    app.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    return made


def settled(app: Plain, resource: Resource, namespace: str) -> list[str]:
    """The finalizers once the garbage collector has taken off its own."""
    left: list[str] = app.get(resource, "orders", namespace)["metadata"]["finalizers"]
    if left != ["example.org/held"]:
        raise Refused(f"still {left}")
    return left


@pytest.mark.requirement("e2e:cascades")
@pytest.mark.parametrize("pair", [pytest.param("real", marks=pytest.mark.real)], indirect=True)
@pytest.mark.parametrize("policy", ["Orphan", "Foreground", "Background"])
def test_a_deletion_cascades_as_that_of_a_local_object(claims: World, app: Plain, policy: str) -> None:
    seen = [cascade(claims, app, resource, policy) for resource in (PAGES, DATABASES)]
    assert seen[0] == seen[1]


def cascade(claims: World, app: Plain, resource: Resource, policy: str) -> list[str]:
    """The finalizers in the answer to the deletion, whose effect is checked."""
    namespace = namespaced(claims, f"{policy.lower()}-{resource.plural}")
    made = owner(app, resource, namespace)
    path = resource.path(namespace, "orders")
    preconditions = {"uid": made["metadata"]["uid"]}
    answer = app.send("DELETE", path, {"propagationPolicy": policy, "preconditions": preconditions})
    assert answer["metadata"]["deletionTimestamp"]
    world.eventually(lambda: settled(app, resource, namespace))
    app.patch(resource, "orders", namespace, "merge", {"metadata": {"finalizers": None}})
    world.eventually(lambda: gone(app, path))
    dependent = CONFIG_MAPS.path(namespace, "dependent")
    world.eventually(lambda: ownerless(app, namespace) if policy == "Orphan" else gone(app, dependent))
    found: list[str] = answer["metadata"]["finalizers"]
    return found


def gone(app: Plain, path: str) -> None:
    try:
        app.send("GET", path)
    except Refused as refusal:
        if "NotFound" in str(refusal):
            return
        raise
    raise Refused(f"{path} is still there")


def ownerless(app: Plain, namespace: str) -> None:
    if "ownerReferences" in app.get(CONFIG_MAPS, "dependent", namespace)["metadata"]:
        raise Refused("it still has an owner")


@pytest.mark.requirement("e2e:cascades")
@pytest.mark.parametrize("policy", ["Orphan", "Foreground"])
def test_a_refused_or_rehearsed_deletion_answers_as_for_a_local_object(claims: World, app: Plain, policy: str) -> None:
    answers = []
    for resource in (PAGES, DATABASES):
        namespace = namespaced(claims, f"dry-{policy.lower()}-{resource.plural}")
        owner(app, resource, namespace)
        path = resource.path(namespace, "orders")
        dry = app.send("DELETE", path, {"propagationPolicy": policy, "dryRun": ["All"]})
        with pytest.raises(Refused) as refused:
            app.send("DELETE", path, {"propagationPolicy": policy, "preconditions": {"uid": "another"}})
        uid = dry["metadata"]["uid"]
        said = str(refused.value).replace(uid, "UID").replace("Page.local", "Database.demo")
        answers.append((dry["metadata"]["finalizers"], dry["metadata"]["generation"], said))
        app.patch(resource, "orders", namespace, "merge", {"metadata": {"finalizers": None}})
        assert app.get(resource, "orders", namespace)["metadata"].get("deletionTimestamp") is None
    assert answers[0] == answers[1]


@pytest.mark.requirement("e2e:secret-names")
def test_two_namespaces_ask_for_a_secret_of_one_name(claims: World, app: Plain) -> None:
    stored = set()
    for each in ("secret-a", "secret-b"):
        namespace = namespaced(claims, each)
        claims.app.apply(manifests.claim("orders", namespace, writeConnectionSecretToRef={"name": "db"}))
        assert claims.app.get(DATABASES, "orders", namespace)["spec"]["writeConnectionSecretToRef"] == {"name": "db"}
        row = next(row for row in claims.app.table("databases", DATABASES) if row[0] == namespace)
        assert "db" in row
        there = claims.control_plane.get(DATABASES, backend("orders", namespace), CLAIMS)
        stored.add(there["spec"]["writeConnectionSecretToRef"]["name"])
    assert len(stored) == 2
    assert "db" not in stored


@pytest.mark.requirement("e2e:secret-names")
def test_the_secrets_name_can_be_applied_changed_and_fought_over(claims: World, app: Plain) -> None:
    namespace = namespaced(claims, "secret-changes")
    asked = manifests.claim("orders", namespace, writeConnectionSecretToRef={"name": "db"})
    app.patch(DATABASES, "orders", namespace, "apply", asked)
    other = manifests.claim("orders", namespace, writeConnectionSecretToRef={"name": "other"})
    path = DATABASES.path(namespace, "orders")
    content_type = "application/apply-patch+yaml"
    with pytest.raises(Refused, match=r"1 conflict: .*: \.spec\.writeConnectionSecretToRef\.name$"):
        app.send("PATCH", path, other, query="fieldManager=another", content_type=content_type)
    forced = app.send("PATCH", path, other, query="fieldManager=another&force=true", content_type=content_type)
    assert forced["spec"]["writeConnectionSecretToRef"] == {"name": "other"}
    patch = [{"op": "test", "path": "/spec/writeConnectionSecretToRef/name", "value": "other"},
             {"op": "replace", "path": "/spec/writeConnectionSecretToRef/name", "value": "third"}]  # fmt: skip
    patched = app.patch(DATABASES, "orders", namespace, "json", patch)
    assert patched["spec"]["writeConnectionSecretToRef"] == {"name": "third"}
    assert "app-secret-name" not in str(patched)


def connection_secret(claims: World, namespace: str, password: str) -> Object:
    """What Crossplane writes for the claim `orders`, which asks for one."""
    there = claims.control_plane.get(DATABASES, backend("orders", namespace), CLAIMS)
    controller = {"apiVersion": there["apiVersion"], "kind": "Database", "controller": True} | {
        key: there["metadata"][key] for key in ("name", "uid")
    }
    name = there["spec"]["writeConnectionSecretToRef"]["name"]
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": CLAIMS, "ownerReferences": [controller]},
        "type": "connection.crossplane.io/v1alpha1",
        "data": {"password": base64.b64encode(password.encode()).decode()},
    }


def holds(app: Plain, namespace: str, password: str) -> Object:
    found = app.get(SECRETS, "db", namespace)
    if base64.b64decode(found["data"]["password"]).decode() != password:
        raise Refused("it holds another password")
    return found


@pytest.mark.requirement("e2e:secret-copies")
def test_a_connection_secret_arrives_is_rotated_and_removed(claims: World, app: Plain) -> None:
    namespace = namespaced(claims, "copies")
    claims.app.apply(manifests.claim("orders", namespace, writeConnectionSecretToRef={"name": "db"}))
    written = connection_secret(claims, namespace, "first")
    claims.control_plane.create(written)
    world.eventually(lambda: holds(app, namespace, "first"))
    copy = app.get(SECRETS, "db", namespace)
    assert copy["type"] == "connection.crossplane.io/v1alpha1"
    assert copy["metadata"]["ownerReferences"][0]["uid"] == app.get(DATABASES, "orders", namespace)["metadata"]["uid"]
    assert written["metadata"]["name"] not in str(copy)

    rotated = connection_secret(claims, namespace, "second")["data"]
    claims.control_plane.patch(SECRETS, written["metadata"]["name"], CLAIMS, "merge", {"data": rotated})
    world.eventually(lambda: holds(app, namespace, "second"))

    claims.app.delete(DATABASES, "orders", namespace)
    world.eventually(lambda: gone(app, SECRETS.path(namespace, "db")))


@pytest.mark.requirement("e2e:secret-copies")
def test_a_secret_that_somebody_else_wrote_is_left_alone(claims: World, app: Plain) -> None:
    theirs = namespaced(claims, "copies-taken")
    metadata = {"name": "db", "namespace": theirs}
    app.create({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"password": "bWluZQ=="}})
    ours = namespaced(claims, "copies-beside")
    for namespace in (theirs, ours):
        claims.app.apply(manifests.claim("orders", namespace, writeConnectionSecretToRef={"name": "db"}))
        claims.control_plane.create(connection_secret(claims, namespace, "written"))
    world.eventually(lambda: holds(app, ours, "written"))
    found = holds(app, theirs, "mine")
    assert "ownerReferences" not in found["metadata"]
    claims.app.delete(DATABASES, "orders", ours)
    world.eventually(lambda: gone(app, SECRETS.path(ours, "db")))
    assert holds(app, theirs, "mine")


@pytest.mark.requirement("e2e:events")
def test_describe_shows_the_events_of_the_control_plane(claims: World, app: Plain) -> None:
    namespace = namespaced(claims, "events")
    claims.app.apply(manifests.claim("orders", namespace))
    there = claims.control_plane.get(DATABASES, backend("orders", namespace), CLAIMS)
    about = {"apiVersion": there["apiVersion"], "kind": "Database", "namespace": CLAIMS} | {
        key: there["metadata"][key] for key in ("name", "uid")
    }
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{about['name']}.17ab", "namespace": CLAIMS},
        "involvedObject": about,
        "type": "Normal",
        "reason": "BindCompositeResource",
        "message": f"bound {about['name']} for good",
        "count": 1,
    }
    claims.control_plane.create(event)
    world.eventually(lambda: described(claims, namespace, "bound orders for good"))
    claims.control_plane.patch(EVENTS, f"{about['name']}.17ab", CLAIMS, "merge", {"message": "told again", "count": 2})
    assert about["name"] not in described(claims, namespace, "BindCompositeResource")
    world.eventually(lambda: described(claims, namespace, "told again"))


@pytest.mark.requirement("e2e:events")
def test_describe_shows_the_events_of_the_composite_and_of_no_other(claims: World, app: Plain) -> None:
    namespace = namespaced(claims, "composite-events")
    claims.app.apply(manifests.claim("orders", namespace))
    stored = backend("orders", namespace)
    composite = {"apiVersion": f"{manifests.GROUP}/v1alpha1", "kind": "XDatabase", "name": f"{stored}-x7k2p"}
    claims.control_plane.patch(DATABASES, stored, CLAIMS, "merge", {"spec": {"resourceRef": composite}})
    for name, message in ((f"{stored}-x7k2p", f"composed {stored}-x7k2p"), (f"{stored}-zzzzz", "of another")):
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{name}.17ab", "namespace": "default", "annotations": {"controller": "hidden"}},
            "involvedObject": {**composite, "name": name, "uid": "5f3b2c6e-0000-4000-8000-000000000000"},
            "type": "Warning",
            "reason": "ComposeResources",
            "message": message,
            "source": {"component": "composite", "host": "hidden"},
        }
        claims.control_plane.create(event)
    found = world.eventually(lambda: described(claims, namespace, "composed orders-x7k2p"))
    assert "of another" not in str(found)
    told = app.send("GET", EVENTS.path(namespace))["items"]
    assert len(told) == 1
    assert "hidden" not in str(told)
    assert stored not in str(told)


def described(claims: World, namespace: str, *words: str) -> str:
    found = claims.app.describe(DATABASES, "orders", namespace)
    if not all(word in found for word in words):
        raise Refused(f"{words} are not in {found}")
    return found
