"""Quotas of a real app cluster: its own controller counts claims, and replicas do not let more through."""

import itertools
import json
from base64 import b64decode
from contextlib import AsyncExitStack
from copy import deepcopy
from typing import Any

import anyio
import pytest

from fairlead.client.connection import Connection
from fairlead.client.credentials import ClientCertificate
from fairlead.client.endpoints import Endpoint
from fairlead.connector.charging import QUOTAS
from fairlead.machinery import encoding, quotas
from fairlead.machinery.messages import Headers
from fairlead.machinery.paths import Resource
from tests.clusters import Pair
from tests.e2e import manifests, world
from tests.e2e.hands import Kubectl, Refused
from tests.e2e.manifests import DATABASES
from tests.e2e.world import World

pytestmark = [
    pytest.mark.real,
    # The playground has no quotas.
    pytest.mark.parametrize("pair", [pytest.param("real", marks=pytest.mark.real)], indirect=True, scope="session"),
]

BOXES = Resource("local.example.org", "v1alpha1", "boxes")
SERVICE = "fairlead-connector.kube-system.svc"


def local_crd() -> dict[str, Any]:
    """Such a kind in the app cluster's own storage."""
    schema = {"type": "object", "properties": {"spec": deepcopy(manifests.SPEC_SCHEMA)}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": BOXES.qualified},
        "spec": {
            "group": BOXES.group,
            "scope": "Namespaced",
            "names": {"kind": "Box", "plural": BOXES.plural},
            "versions": [
                {"name": "v1alpha1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}},
            ],
        },
    }


def limited(app: Kubectl, namespace: str, **limits: int) -> None:
    """A namespace with quotas, each of which the controller has counted."""
    resources = {"claims": DATABASES, "boxes": BOXES}
    app.create(manifests.namespace(namespace))
    for name, limit in limits.items():
        spec = {"hard": {quotas.counted(resources[name]): str(limit)}}
        metadata = {"name": name, "namespace": namespace}
        app.create({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": spec})
    touches = itertools.count(100)
    for name in limits:
        world.eventually(lambda name=name: counted_once(app, namespace, name, next(touches)))  # type: ignore[misc]


def counted_once(app: Kubectl, namespace: str, name: str, touch: int) -> None:
    """The controller looks for new APIs each half minute, and counts again only when a quota changes."""
    if used(app, namespace, name) is None:
        patch = json.dumps({"spec": {"hard": {"count/secrets": str(touch)}}})
        app.run("patch", "resourcequota", name, "-n", namespace, "--type=merge", "-p", patch)
        raise Refused(f"quota {name} is not counted yet")


def used(app: Kubectl, namespace: str, name: str) -> int | None:
    found = app.get(QUOTAS, name, namespace).get("status", {}).get("used", {})
    return next((int(found[key]) for key in found if key != "count/secrets"), None)


def uses(app: Kubectl, namespace: str, name: str, number: int) -> None:
    if used(app, namespace, name) != number:
        raise Refused(f"{name} counts {used(app, namespace, name)}")


def refused(app: Kubectl, manifest: dict[str, Any], *options: str) -> str:
    with pytest.raises(Refused) as caught:
        app.run("create", "-f", "-", *options, text=json.dumps(manifest))
    return str(caught.value)


@pytest.fixture
def app(claims: World) -> Kubectl:
    assert isinstance(claims.app, Kubectl)
    claims.app.apply(local_crd())
    return claims.app


def box(name: str, namespace: str, **spec: Any) -> dict[str, Any]:
    return {**manifests.claim(name, namespace, **spec), "apiVersion": f"{BOXES.group}/{BOXES.version}", "kind": "Box"}


def as_boxes(refusal: str) -> str:
    """What is said of claims, said of boxes."""
    return (
        refusal.replace(DATABASES.qualified, BOXES.qualified)
        .replace(DATABASES.group, BOXES.group)
        .replace("Database", "Box")
        .replace("quota: claims", "quota: boxes")
    )


@pytest.mark.requirement("connector:quota-order")
def test_a_quota_treats_claims_as_it_treats_local_objects(app: Kubectl) -> None:
    """Every answer is compared with that about a kind that the app cluster stores itself."""
    limited(app, "treated", claims=1, boxes=1)

    def both(name: str, *options: str, **spec: Any) -> str:
        there = refused(app, box(name, "treated", **spec), *options)
        here = refused(app, manifests.claim(name, "treated", **spec), *options)
        assert as_boxes(here) == there
        return here

    both("wrong", size="huge")
    for each in (box, manifests.claim):
        app.run("create", "--dry-run=server", "-f", "-", text=json.dumps(each("first", "treated")))
    assert (used(app, "treated", "claims"), used(app, "treated", "boxes")) == (0, 0)
    for each in (box, manifests.claim):
        app.create(each("first", "treated"))
    assert (used(app, "treated", "claims"), used(app, "treated", "boxes")) == (1, 1)
    assert "exceeded quota: claims, requested: count/databases.demo.example.org=1, used: " in both("second")
    both("second", "--dry-run=server")
    both("first")  # the quota comes before that it is there already
    both("wrong", size="huge")  # and after that it is wrong
    app.apply(manifests.claim("first", "treated", size="large"))

    app.delete(DATABASES, "first", "treated")
    world.eventually(lambda: uses(app, "treated", "claims", 0))
    app.create(manifests.claim("second", "treated"))
    assert used(app, "treated", "claims") == 1


@pytest.mark.whole
@pytest.mark.requirement("connector:quota-compare-and-swap")
def test_fifty_creates_over_two_replicas_leave_as_many_as_the_quota_allows(
    app: Kubectl, claims: World, pair: Pair
) -> None:
    limited(app, "crowded", claims=10)
    port = world.free_port()
    with world.connector(pair.app, pair.control_plane, port, "--service-port", str(claims.port)):
        codes = anyio.run(crowd, pair, secret(app), [claims.port, port])
    assert sorted(codes) == [201] * 10 + [403] * 40
    assert len(app.names(DATABASES, "crowded")) == 10
    assert used(app, "crowded", "claims") == 10
    for name in app.names(DATABASES, "crowded")[:3]:
        app.delete(DATABASES, name, "crowded")
    world.eventually(lambda: uses(app, "crowded", "claims", 7))


def secret(app: Kubectl) -> bytes:
    """The authority of the replicas' certificate."""
    found = app.get(Resource("", "v1", "secrets"), "fairlead-connector-tls", "kube-system")
    return b64decode(found["data"]["ca.crt"])


async def crowd(pair: Pair, authority: bytes, ports: list[int]) -> list[int]:
    """Half of the requests to each replica, at once, as an API server with endpoints of both would send them."""
    folder, codes = pair.app.kubeconfig.parent, list[int]()
    front_proxy = ClientCertificate(
        (folder / "front-proxy.crt").read_bytes(), (folder / "front-proxy.key").read_bytes()
    )

    async def one(connection: Connection, name: str) -> None:
        headers = Headers(
            [("content-type", "application/json"), ("x-remote-user", "ana"), ("x-remote-group", "system:masters")]
        )
        body = encoding.to_json(manifests.claim(name, "crowded"))
        answer = await connection.request("POST", DATABASES.path("crowded"), headers=headers, body=body)
        codes.append(answer.status)

    async with AsyncExitStack() as stack, anyio.create_task_group() as tasks:
        for port in ports:
            endpoint = Endpoint("127.0.0.1", port, SERVICE, authority, front_proxy)
            connection = await stack.enter_async_context(endpoint.open())
            for number in range(25):
                tasks.start_soon(one, connection, f"db-{port}-{number}")
    return codes
