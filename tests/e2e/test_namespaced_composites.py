"""Namespaced composite resources of Crossplane v2 in the app cluster, Crossplane's part being played by hand."""

from collections.abc import Iterator
from typing import Any

import pytest

from fairlead.connector.compositenames import LABEL
from fairlead.connector.naming import COMPOSITE_PREFIX, Identity
from fairlead.crossplane.defining import generating
from tests.clusters import Pair
from tests.e2e import manifests, world
from tests.e2e.hands import Plain
from tests.e2e.manifests import CACHES
from tests.e2e.test_claim_travels import namespaced
from tests.e2e.world import CLAIMS, CLUSTER_ID, World

Object = dict[str, Any]

pytestmark = pytest.mark.requirement("e2e:namespaced-composites")


@pytest.fixture(scope="module")
def caches(claims: World) -> World:
    """With an XRD of namespaced composites, which Crossplane has established."""
    there, xrd = claims.control_plane, manifests.namespaced_xrd(api="v1")
    there.apply(xrd)
    there.apply(generating.composite_crd(there.get(manifests.XRDS, xrd["metadata"]["name"])))
    there.status(manifests.XRDS, xrd["metadata"]["name"], "", {"conditions": manifests.offered()["conditions"][:1]})
    world.eventually(lambda: claims.app.names(CACHES, "default"))
    return claims


@pytest.fixture
def app(pair: Pair) -> Iterator[Plain]:
    with Plain.of(pair.app) as plain:
        yield plain


def reconciled(caches: World, namespace: str) -> str:
    """What Crossplane sets on the composite `orders`; returns its stored name."""
    stored = Identity(CLUSTER_ID, namespace, "orders").backend(COMPOSITE_PREFIX)
    machinery = {"compositionRef": {"name": "cache"}, "compositionUpdatePolicy": "Automatic"}
    patch = {"metadata": {"labels": {LABEL: stored}}, "spec": {"crossplane": machinery}}
    caches.control_plane.patch(CACHES, stored, CLAIMS, "merge", patch)
    return stored


def test_it_is_stored_under_its_prefix_and_shown_under_its_name(caches: World, app: Plain) -> None:
    namespace = namespaced(caches, "composites")
    caches.app.apply(manifests.claim("orders", namespace, "Cache"))
    stored = reconciled(caches, namespace)
    assert stored.startswith("nxr-")
    seen = caches.app.get(CACHES, "orders", namespace)
    assert seen["spec"]["crossplane"]["compositionRef"] == {"name": "cache"}
    assert seen["metadata"]["labels"][LABEL] == "orders"
    assert stored not in str(seen)
    assert caches.app.names(CACHES, namespace) == ["orders"]
    assert "composite" in caches.app.resources()["caches"]
    rows = caches.app.table("caches", CACHES)
    assert [namespace, "orders", "cache"] == [each for each in rows[-1] if each in (namespace, "orders", "cache")]


def test_reading_changing_and_writing_it_keeps_what_crossplane_has_set(caches: World, app: Plain) -> None:
    namespace = namespaced(caches, "composites-kept")
    caches.app.apply(manifests.claim("orders", namespace, "Cache"))
    stored = reconciled(caches, namespace)

    def kept() -> Object:
        found = caches.control_plane.get(CACHES, stored, CLAIMS)
        assert found["spec"]["crossplane"]["compositionUpdatePolicy"] == "Automatic"
        assert found["metadata"]["labels"][LABEL] == stored
        return found

    read = app.get(CACHES, "orders", namespace)
    read["spec"]["size"] = "large"
    app.send("PUT", CACHES.path(namespace, "orders"), read)
    assert kept()["spec"]["size"] == "large"
    caches.app.edit(CACHES, "orders", namespace, "large", "small")
    assert kept()["spec"]["size"] == "small"
    caches.app.apply(manifests.claim("orders", namespace, "Cache", replicas=2))
    assert kept()["spec"]["replicas"] == 2
    app.patch(CACHES, "orders", namespace, "apply", manifests.claim("orders", namespace, "Cache", replicas=2))
    kept()
    app.patch(CACHES, "orders", namespace, "json", [{"op": "add", "path": "/metadata/labels/tier", "value": "gold"}])
    assert kept()["metadata"]["labels"]["tier"] == "gold"


def test_it_and_a_claim_of_one_name_are_two(caches: World) -> None:
    namespace = namespaced(caches, "composites-beside")
    for kind in ("Cache", "Database"):
        caches.app.apply(manifests.claim("orders", namespace, kind))
    caches.app.delete(CACHES, "orders", namespace)
    assert caches.app.names(CACHES, namespace) == []
    assert caches.app.names(manifests.DATABASES, namespace) == ["orders"]
