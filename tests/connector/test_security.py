"""Nothing gets in: the security list of reference/aggregation-layer.md §12.2(9), each against a running connector."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import quote

import pytest

from fairlead.client.credentials import ClientCertificate
from fairlead.connector import naming
from fairlead.machinery import encoding
from fairlead.machinery.paths import Resource
from fairlead.serving.certificates import Authority
from testenv.credentials import FRONT_PROXY
from tests.clusters import Pair
from tests.connector import intruding
from tests.connector.intruding import OTHER_CLUSTER, SECRET_NAME, Scene, certificate_of, directly, send
from tests.connector.test_running import CLUSTER, eventually

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("connector:nothing-gets-in")]
Object = dict[str, Any]

MERGE, JSON_PATCH = "application/merge-patch+json", "application/json-patch+json"
ROLES = Resource("rbac.authorization.k8s.io", "v1", "roles")
BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "rolebindings")


@pytest.fixture
async def scene(pair: Pair, unique: Callable[[str], str]) -> AsyncIterator[Scene]:
    async with intruding.scene(pair, unique) as found:
        yield found


async def test_nobody_is_who_he_says_he_is(scene: Scene, pair: Pair) -> None:
    """Past the aggregator: without a certificate, with one of a strange authority, and with a lucky name."""
    forged = {"x_remote_user": "admin", "x_remote_group": "system:masters", "x_remote_extra_a": "b"}
    strange = Authority.create("front-proxy-ca").issue_client(FRONT_PROXY)
    lucky = certificate_of(pair.app_server.access(FRONT_PROXY, []))
    path = scene.claims.path(scene.mine)
    for certificate in (None, ClientCertificate(strange.certificate, strange.key), lucky):
        async with directly(scene, certificate) as ask:
            for method, where in (("GET", path), ("GET", f"{path}/orders"), ("DELETE", f"{path}/orders")):
                for headers in (forged, {**forged, "impersonate_user": "admin"}, {"authorization": "Bearer forged"}):
                    assert await ask(method, where, **headers) in (0, 401, 403), (certificate, method, headers)
    assert await scene.stored(scene.mine, "orders")


async def test_the_aggregator_passes_on_nobody_elses_name(scene: Scene, pair: Pair) -> None:
    """Headers that a client sends to the app cluster are not the front proxy's."""
    forged = {"x_remote_user": "admin", "x_remote_group": "system:masters"}
    async with pair.app_server.access("nobody", []).open() as client:
        answer = await send(client.connection, "GET", scene.claims.path(scene.mine), "", b"", **forged)
        assert answer.status == 403


@pytest.mark.parametrize("group", ["a,b", "ünïcode", "per%2Ccent", "sp ace"])
async def test_a_group_is_compared_as_it_is(scene: Scene, pair: Pair, unique: Callable[[str], str], group: str) -> None:
    """Neither split nor decoded: its own rights it has, those of what it looks like it has not."""
    rule = {"apiGroups": [scene.group], "resources": ["databases"], "verbs": ["list"]}
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "rules": [rule]}
    for namespace, granted in ((scene.mine, [group]), (scene.theirs, lookalikes(group))):
        metadata = {"name": "lists", "namespace": namespace}
        subjects = [{"kind": "Group", "name": each, "apiGroup": "rbac.authorization.k8s.io"} for each in granted]
        reference = {"kind": "Role", "name": "lists", "apiGroup": "rbac.authorization.k8s.io"}
        binding = {**role, "kind": "RoleBinding", "metadata": metadata, "subjects": subjects, "roleRef": reference}
        await scene.world.app.create(ROLES, {**role, "metadata": metadata})
        await scene.world.app.create(BINDINGS, {key: value for key, value in binding.items() if key != "rules"})
    async with pair.app_server.access(unique("user"), [group]).open() as client:
        await eventually(lambda: client.list(scene.claims, scene.mine))
        answer = await send(client.connection, "GET", scene.claims.path(scene.theirs))
        assert answer.status == 403


def lookalikes(group: str) -> list[str]:
    return [
        each
        for each in {*group.split(","), quote(group), group.replace("%2C", ","), group.split(" ")[0]}
        if each != group
    ]


# -- selectors and queries ---------------------------------------------------------------------------------------------

OF_OTHERS = f"{naming.APP_CLUSTER}={OTHER_CLUSTER}"
SELECTORS = [
    OF_OTHERS,
    f"team=shop,{OF_OTHERS}",
    f"{naming.APP_CLUSTER} in ({OTHER_CLUSTER},{CLUSTER})",
    f"{naming.APP_CLUSTER}!={CLUSTER}",
    f"!{naming.APP_CLUSTER}",
    f"{naming.APP_NAMESPACE}!=x",
    f"team=shop,,{OF_OTHERS}",
    f"team in (shop),{naming.APP_RESOURCE_NAME}={SECRET_NAME}",
    "team=shop\n,a",
    "team=shop;a=b",
]


async def test_no_selector_and_no_query_widens_what_is_seen_or_deleted(scene: Scene) -> None:
    path = scene.claims.path(scene.mine)
    selectors = [f"labelSelector={quote(each)}" for each in SELECTORS]
    fields = [
        f"fieldSelector={quote(each)}"
        for each in (
            f"metadata.namespace={scene.world.settings.claim_namespace}",
            f"metadata.name={scene.stored_name(scene.theirs, 'private')}",
            f"metadata.name={SECRET_NAME}",
            f"metadata.namespace!=x,metadata.name!={SECRET_NAME}x",
        )
    ]
    twice = [f"{selectors[0]}&labelSelector=team%3Dshop", f"labelSelector=team%3Dshop&{selectors[0]}"]
    odd = [
        f"labelSelector=team%3Dshop;{selectors[0]}",
        f"a=b;{selectors[0]}",
        f"labelSelector=team%3Dshop%26{selectors[0]}",
    ]
    for query in (*selectors, *fields, *twice, *odd, "labelSelector[]=x", "limit=1&continue=x", "namespace=claims"):
        answer = await scene.ask("GET", path, query)
        assert answer.status in (200, 400), query
        assert names(answer.body) <= {"orders"}, query
        await scene.ask("DELETE", path, f"{query}&dryRun=All")
    answer = await scene.ask("DELETE", path)
    assert answer.status == 200
    left = await scene.world.control_plane.list(scene.claims, scene.world.settings.claim_namespace)
    assert {each["metadata"]["name"] for each in left.items} == {
        scene.stored_name(scene.mine, SECRET_NAME, OTHER_CLUSTER), scene.stored_name(scene.theirs, "private"),
    }  # fmt: skip


def names(body: Any) -> set[str]:
    return {each["metadata"]["name"] for each in encoding.from_json(body).get("items") or ()}


# -- paths -------------------------------------------------------------------------------------------------------------


async def test_no_path_leads_elsewhere(scene: Scene, pair: Pair) -> None:
    """Also not to a claim of the same cluster by the name under which it is stored, which anybody can compute."""
    base, there = f"/apis/{scene.group}/{intruding.VERSION}", scene.world.settings.claim_namespace
    hashed = scene.stored_name(scene.theirs, "private")
    foreign = scene.stored_name(scene.mine, SECRET_NAME, OTHER_CLUSTER)
    tails = [
        hashed, foreign, f"..%2F..%2F{there}%2Fdatabases%2F{hashed}", f"%2e%2e/{hashed}", f"orders%2F..%2F{hashed}",
        f"orders/../{hashed}", f"{hashed}%00", f"{hashed}/status", f"/{hashed}", f"{hashed}%3Fa", "orders%20",
    ]  # fmt: skip
    paths = [f"{base}/namespaces/{scene.mine}/databases/{each}" for each in tails]
    paths += [f"/{each}" for each in paths[:2]]
    paths += [
        f"{base}/namespaces/{there}/databases/{hashed}", f"{base}/namespaces/{there}/databases",
        f"{base}/namespaces/{scene.mine}%2F..%2F{there}/databases/{hashed}",
        f"{base}/namespaces/..%2F{there}/databases/{hashed}", f"{base}/namespaces//databases/{hashed}",
        f"{base}/databases/{hashed}",
    ]  # fmt: skip
    async with pair.app.open() as client:
        for path in paths:
            for method in ("GET", "DELETE"):
                answer = await send(client.connection, method, path)
                if answer.status == 200:  # a list of a namespace that has nothing, or the answer to its deletion
                    assert not names(answer.body), (method, path)
                else:
                    assert answer.status in (301, 307, 308, 400, 404, 405, 503), (method, path, answer.body)
    for namespace, name in ((scene.mine, "orders"), (scene.theirs, "private")):
        assert await scene.stored(namespace, name)


# -- reserved names ----------------------------------------------------------------------------------------------------


async def test_no_write_moves_a_claim_to_another_cluster_namespace_or_name(scene: Scene) -> None:
    forged = {
        naming.APP_CLUSTER: OTHER_CLUSTER,
        naming.APP_NAMESPACE: scene.theirs,
        naming.APP_RESOURCE_NAME: "private",
    }
    annotations = {naming.OWNER_REFERENCES: "[]", naming.APP_SECRET_NAME: "theirs"}
    path, one = scene.claims.path(scene.mine), scene.claims.path(scene.mine, "orders")
    made = scene.claim(
        "forged", scene.mine, labels=forged, annotations=annotations, finalizers=["mcp-connector.upbound.io/orphan"]
    )
    operations = [{"op": "add", "path": f"/metadata/labels/{key.replace('/', '~1')}", "value": value}
                  for key, value in forged.items()]  # fmt: skip
    replaced = scene.claim("orders", scene.mine, labels=forged, annotations=annotations)
    writes = [
        ("POST", path, made, "application/json", ""),
        ("PATCH", one, {"metadata": {"labels": forged, "annotations": annotations}}, MERGE, ""),
        ("PATCH", one, operations, JSON_PATCH, ""),
        ("PATCH", one, [{"op": "replace", "path": "/metadata/labels", "value": forged}], JSON_PATCH, ""),
        ("PATCH", one, replaced, "application/apply-patch+yaml", "fieldManager=x&force=true"),
        ("PATCH", one, {"metadata": {"labels": None, "name": "private", "namespace": scene.theirs}}, MERGE, ""),
        ("PATCH", one, {"metadata": {"labels": None}}, MERGE, ""),
    ]
    for method, where, body, content_type, query in writes:
        answer = await scene.ask(method, where, query, json.dumps(body).encode(), content_type=content_type)
        assert answer.status in (200, 201, 400, 409, 422), (body, answer.body)
        for name in ("orders", "forged"):
            metadata = (await scene.stored(scene.mine, name))["metadata"]
            mine = {key: metadata["labels"][key] for key in forged}
            assert mine == {
                naming.APP_CLUSTER: CLUSTER, naming.APP_NAMESPACE: scene.mine, naming.APP_RESOURCE_NAME: name,
            }  # fmt: skip
            assert not set(metadata.get("annotations") or {}) & {naming.APP_SECRET_NAME, naming.OWNER_REFERENCES}
            assert not metadata.get("ownerReferences")
