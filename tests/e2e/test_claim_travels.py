"""A claim travels: the same file between embedded clusters and, driven by kubectl, between real ones.

The tests of a world share it and use names of their own; nothing they do depends on their order.
"""

import ssl
import urllib.error
import urllib.request
import zlib

import pytest

from fairlead.connector import naming
from fairlead.machinery.paths import Resource
from tests.e2e import manifests, world
from tests.e2e.hands import DEADLINE, Refused
from tests.e2e.manifests import DATABASES
from tests.e2e.world import CLAIMS, CLUSTER_ID, World

LABEL = naming.RESERVED


def backend(name: str, namespace: str) -> str:
    return naming.Identity(CLUSTER_ID, namespace, name).backend()


def namespaced(claims: World, name: str) -> str:
    claims.app.create(manifests.namespace(name))
    return name


@pytest.mark.requirement("e2e:stored-once")
def test_an_applied_claim_is_stored_in_the_control_plane_under_its_hashed_name(claims: World) -> None:
    namespace = namespaced(claims, "stored")
    claims.app.apply(manifests.claim("orders", namespace))

    there = claims.control_plane.get(DATABASES, backend("orders", namespace), CLAIMS)
    assert {key: value for key, value in there["metadata"]["labels"].items() if key.startswith(LABEL)} == {
        f"{LABEL}app-cluster": CLUSTER_ID,
        f"{LABEL}app-namespace": namespace,
        f"{LABEL}app-resource-name": "orders",
    }
    assert there["spec"].items() >= {"size": "small", "replicas": 1}.items()

    here = claims.app.get(DATABASES, "orders", namespace)
    assert (here["metadata"]["name"], here["metadata"]["namespace"]) == ("orders", namespace)
    assert here["metadata"]["labels"] == {"team": "shop"}
    assert here["metadata"]["uid"] == there["metadata"]["uid"]
    assert here["spec"] == there["spec"]
    assert LABEL not in str(here)
    assert backend("orders", namespace) not in str(here)


@pytest.mark.requirement("e2e:nothing-stored-in-the-app-cluster")
def test_nothing_is_stored_in_the_app_cluster(claims: World) -> None:
    namespace = namespaced(claims, "nothing")
    claims.app.apply(manifests.claim("orders", namespace))
    assert claims.app.names(DATABASES, namespace) == ["orders"]
    assert claims.stored_in_app_cluster(manifests.GROUP) == []


@pytest.mark.requirement("e2e:table")
def test_get_claim_lists_all_namespaces_with_the_columns_of_the_api(claims: World) -> None:
    for namespace in ("table-a", "table-b"):
        namespaced(claims, namespace)
        claims.app.apply(manifests.claim("orders", namespace))
    ready = {"conditions": [{"type": "Ready", "status": "True", "reason": "Available", **_time()}]}
    claims.control_plane.status(DATABASES, backend("orders", "table-b"), CLAIMS, ready)

    header, *rows = claims.app.table("claim", DATABASES)
    assert header == ["NAMESPACE", "NAME", "SYNCED", "READY", "CONNECTION-SECRET", "AGE"]
    mine = sorted(row for row in rows if row[0].startswith("table-"))
    assert [row[:2] for row in mine] == [["table-a", "orders"], ["table-b", "orders"]]
    assert "True" in mine[1]
    assert not any("claim-" in cell for row in rows for cell in row)


def _time() -> dict[str, str]:
    return {"lastTransitionTime": "2026-01-01T00:00:00Z"}


@pytest.mark.requirement("e2e:two-namespaces")
def test_the_same_name_in_two_namespaces_is_two_claims(claims: World) -> None:
    for namespace, size in (("twin-a", "small"), ("twin-b", "large")):
        namespaced(claims, namespace)
        claims.app.apply(manifests.claim("orders", namespace, size=size))
    claims.app.delete(DATABASES, "orders", "twin-a")
    assert claims.app.names(DATABASES, "twin-a") == []
    assert claims.app.get(DATABASES, "orders", "twin-b")["spec"]["size"] == "large"


@pytest.mark.requirement("e2e:watch")
def test_a_watch_shows_what_the_control_plane_does_under_the_apps_name(claims: World) -> None:
    namespace = namespaced(claims, "watched")
    claims.app.apply(manifests.claim("orders", namespace))
    with claims.app.watch(DATABASES, namespace) as watched:
        watched.until("ADDED", "orders")
        ready = {"conditions": [{"type": "Ready", "status": "True", "reason": "Available", **_time()}]}
        claims.control_plane.status(DATABASES, backend("orders", namespace), CLAIMS, ready)
        watched.until("MODIFIED", "orders", "True")
        claims.app.apply(manifests.claim("second", namespace))
        watched.until("ADDED", "second")
        claims.control_plane.delete(DATABASES, backend("orders", namespace), CLAIMS)
        watched.until("DELETED", "orders")
    assert not any("claim-" in line for line in watched.seen)


@pytest.mark.requirement("e2e:describe-edit-delete")
def test_describe_edit_and_delete_work_under_the_apps_name(claims: World) -> None:
    namespace = namespaced(claims, "edited")
    claims.app.apply(manifests.claim("orders", namespace))
    described = claims.app.describe(DATABASES, "orders", namespace)
    assert "orders" in described
    assert "small" in described
    assert backend("orders", namespace) not in described

    claims.app.edit(DATABASES, "orders", namespace, "small", "large")
    assert claims.control_plane.get(DATABASES, backend("orders", namespace), CLAIMS)["spec"]["size"] == "large"

    claims.app.delete(DATABASES, "orders", namespace)
    with pytest.raises(Refused, match="orders"):
        claims.app.get(DATABASES, "orders", namespace)
    with pytest.raises(Refused, match="not found"):
        claims.control_plane.get(DATABASES, backend("orders", namespace), CLAIMS)


@pytest.mark.requirement("e2e:apply-again")
def test_applying_again_changes_the_claim_and_keeps_its_identity(claims: World) -> None:
    namespace = namespaced(claims, "again")
    claims.app.apply(manifests.claim("orders", namespace, tags=["a"]))
    claims.app.apply(manifests.claim("orders", namespace, size="large"))
    there = claims.control_plane.get(DATABASES, backend("orders", namespace), CLAIMS)
    assert there["spec"]["size"] == "large"
    assert there["metadata"]["labels"][f"{LABEL}app-resource-name"] == "orders"


@pytest.mark.requirement("e2e:patches")
@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        ("json", [{"op": "replace", "path": "/spec/size", "value": "large"}]),
        (
            "json",
            [
                {"op": "test", "path": "/metadata/name", "value": "orders"},
                {"op": "add", "path": "/spec/size", "value": "large"},
            ],
        ),
        ("merge", {"spec": {"size": "large"}}),
        ("merge", {"metadata": {"labels": None}, "spec": {"size": "large"}}),
    ],
)
def test_a_patch_keeps_the_identity(claims: World, kind: str, patch: object) -> None:
    namespace = namespaced(claims, f"patched-{zlib.crc32(str(patch).encode())}")
    claims.app.create(manifests.claim("orders", namespace))
    answer = claims.app.patch(DATABASES, "orders", namespace, kind, patch)
    assert answer["metadata"]["name"] == "orders"
    there = claims.control_plane.get(DATABASES, backend("orders", namespace), CLAIMS)
    assert there["metadata"]["labels"][f"{LABEL}app-cluster"] == CLUSTER_ID
    assert there["spec"] == answer["spec"]
    assert there["spec"]["size"] == "large"


@pytest.mark.requirement("e2e:patches")
def test_server_side_apply_creates_changes_and_conflicts(claims: World) -> None:
    namespace = namespaced(claims, "applied")
    made = claims.app.patch(DATABASES, "orders", namespace, "apply", manifests.claim("orders", namespace))
    assert (made["metadata"]["name"], made["metadata"]["namespace"]) == ("orders", namespace)
    claims.app.patch(DATABASES, "orders", namespace, "apply", manifests.claim("orders", namespace, tags=["a"]))
    there = claims.control_plane.get(DATABASES, backend("orders", namespace), CLAIMS)
    assert (there["spec"]["size"], there["spec"]["tags"]) == ("small", ["a"])
    assert there["metadata"]["labels"][f"{LABEL}app-resource-name"] == "orders"

    claims.app.create(manifests.claim("taken", namespace))
    with pytest.raises(Refused, match="conflict"):
        claims.app.patch(DATABASES, "taken", namespace, "apply", manifests.claim("taken", namespace, size="large"))


@pytest.mark.requirement("e2e:patches")
def test_a_strategic_merge_patch_is_refused_as_for_any_custom_resource(claims: World) -> None:
    namespace = namespaced(claims, "strategic")
    claims.app.create(manifests.claim("orders", namespace))
    with pytest.raises(Refused, match=r"(?i)unsupported ?media ?type|unknown format"):
        claims.app.patch(DATABASES, "orders", namespace, "strategic", {"spec": {"size": "large"}})


@pytest.mark.requirement("e2e:refusals")
def test_refusals_speak_of_the_apps_names(claims: World) -> None:
    namespace = namespaced(claims, "refused")
    claims.app.create(manifests.claim("orders", namespace))
    with pytest.raises(Refused, match=r'databases\.demo\.example\.org "orders" already exists') as twice:
        claims.app.create(manifests.claim("orders", namespace))
    with pytest.raises(Refused, match=r'"wrong" is invalid: spec\.size: Unsupported value: "huge"') as invalid:
        claims.app.create(manifests.claim("wrong", namespace, size="huge"))
    with pytest.raises(Refused, match='"lost" not found') as lost:
        claims.app.get(DATABASES, "lost", namespace)
    for caught in (twice, invalid, lost):
        assert "claim-" not in str(caught.value)
        assert CLAIMS not in str(caught.value)


@pytest.mark.requirement("e2e:long-names")
def test_a_name_over_63_characters_is_invalid_under_that_name(claims: World) -> None:
    namespace = namespaced(claims, "long")
    name = "a" * 64
    with pytest.raises(Refused, match=f'"{name}" is invalid: metadata.name'):
        claims.app.create(manifests.claim(name, namespace))
    claims.app.create(manifests.claim("b" * 63, namespace))


@pytest.mark.requirement("e2e:namespaces")
def test_a_claim_needs_its_namespace(claims: World) -> None:
    with pytest.raises(Refused, match='namespaces "nowhere" not found'):
        claims.app.create(manifests.claim("orders", "nowhere"))


@pytest.mark.requirement("e2e:discovery")
def test_discovery_shows_the_claim_and_hides_the_composite(claims: World) -> None:
    found = claims.app.resources()
    assert found["databases"] == ["claim"]
    assert "xdatabases" not in found


@pytest.mark.requirement("e2e:foreign-objects")
def test_what_others_stored_beside_our_claims_is_never_seen(claims: World) -> None:
    namespace = namespaced(claims, "foreign")
    stranger = manifests.claim(backend("victim", namespace), CLAIMS)
    claims.control_plane.create(stranger)
    assert claims.app.names(DATABASES, namespace) == []
    with pytest.raises(Refused):
        claims.app.get(DATABASES, "victim", namespace)
    with pytest.raises(Refused):
        claims.app.patch(DATABASES, "victim", namespace, "merge", {"spec": {"size": "large"}})
    with pytest.raises(Refused):
        claims.app.delete(DATABASES, "victim", namespace)
    assert claims.control_plane.get(DATABASES, backend("victim", namespace), CLAIMS)["spec"]["size"] == "small"


@pytest.mark.requirement("e2e:direct-callers")
def test_identity_headers_of_a_direct_caller_are_not_believed(claims: World) -> None:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    url = f"https://127.0.0.1:{claims.port}{DATABASES.path('default')}"
    forged = {"X-Remote-User": "admin", "X-Remote-Group": "system:masters"}
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(url, headers=forged), context=context, timeout=DEADLINE)
    with caught.value as refusal:
        assert refusal.code in (401, 403)


@pytest.mark.requirement("e2e:offered-later")
def test_an_xrd_that_is_offered_later_appears_and_one_that_goes_disappears(claims: World) -> None:
    later = manifests.xrd("Queue", "later.example.org")
    queues = Resource("later.example.org", "v1alpha1", "queues")
    world.offer(claims.control_plane, later)
    world.eventually(lambda: claims.app.names(queues))

    claims.control_plane.delete(manifests.XRDS, later["metadata"]["name"])
    world.eventually(lambda: world.absent("queues", claims.app.resources()))
    assert "databases" in claims.app.resources()
