"""Nothing gets out: whatever an app team can read is searched for what it is not to know."""

import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import pytest

from fairlead.connector import naming
from fairlead.machinery import encoding
from tests.clusters import Pair
from tests.connector import intruding
from tests.connector.intruding import Scene
from tests.connector.test_customary_metrics import text as metrics
from tests.connector.test_observing import direct

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("connector:nothing-gets-out")]
Object = dict[str, Any]

JSON, YAML, MERGE = "application/json", "application/yaml", "application/merge-patch+json"
JSON_PATCH, APPLY = "application/json-patch+json", "application/apply-patch+yaml"
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"
PARTIAL = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_HASHED = re.compile(r"\b(claim|nxr)-[0-9a-f]{16}\b")


@pytest.fixture
async def scene(pair: Pair, unique: Callable[[str], str]) -> AsyncIterator[Scene]:
    async with intruding.scene(pair, unique) as found:
        yield found


def leaks(scene: Scene, text: str) -> list[str]:
    return [*(each for each in scene.hidden if each in text), *_HASHED.findall(text)]


async def said(scene: Scene, method: str, path: str, query: str = "", body: Any = None, **headers: str) -> str:
    """Body and headers of an answer."""
    content = b"" if body is None else body if isinstance(body, bytes) else encoding.to_json(body)
    if content:
        headers.setdefault("content_type", JSON)
    answer = await scene.ask(method, path, query, content, **headers)
    assert isinstance(answer.body, bytes)
    lines = [f"{key}: {value}" for key, value in answer.headers.lines]
    return "\n".join([str(answer.status), *lines, answer.body.decode("utf-8", "replace")])


def requests(scene: Scene) -> list[tuple[Any, ...]]:
    """Reads in every form, writes that succeed, and writes that are refused for each reason there is."""
    many, one = scene.claims.path(scene.mine), scene.claims.path(scene.mine, "orders")
    absent, missing = scene.claims.path(scene.mine, "absent"), scene.claims.path("no-such-namespace")
    reads: list[tuple[Any, ...]] = [
        ("GET", path, query, None, {"accept": form})
        for path in (many, one, scene.claims.path(), absent)
        for form in (JSON, YAML, TABLE, PARTIAL)
        for query in ("", "limit=1", "includeObject=Object")
    ]
    claim = scene.claim("orders", scene.mine)
    bad = {**claim, "spec": {"size": 7, "unknown": True}}
    writes = [
        ("POST", many, "", claim), ("POST", many, "dryRun=All", {**claim, "metadata": {"generateName": "x-"}}),
        ("POST", many, "", bad), ("POST", many, "fieldValidation=Strict", bad), ("POST", missing, "", claim),
        ("POST", many, "", scene.claim("-bad-", scene.mine)), ("POST", many, "", b"{"), ("POST", many, "", b"[]"),
        ("PUT", one, "", claim), ("PUT", one, "", {**claim, "metadata": {**claim["metadata"], "resourceVersion": "1"}}),
        ("PUT", one, "", {**bad, "metadata": {**claim["metadata"], "uid": "x"}}), ("PUT", absent, "", claim),
        ("PATCH", one, "", {"spec": {"size": 7}}, {"content_type": MERGE}),
        ("PATCH", one, "", {"metadata": {"resourceVersion": "1"}}, {"content_type": MERGE}),
        ("PATCH", one, "", {"metadata": {"uid": "x"}}, {"content_type": MERGE}),
        ("PATCH", one, "", {"metadata": {"name": "other"}}, {"content_type": MERGE}),
        ("PATCH", one, "", [{"op": "test", "path": "/spec/size", "value": "x"}], {"content_type": JSON_PATCH}),
        ("PATCH", one, "", [{"op": "remove", "path": "/metadata/name"}], {"content_type": JSON_PATCH}),
        ("PATCH", one, "fieldManager=me", {**claim, "spec": {"size": "large"}}, {"content_type": APPLY}),
        ("PATCH", one, "fieldManager=me", bad, {"content_type": APPLY}),
        ("PATCH", one, "", claim, {"content_type": "application/strategic-merge-patch+json"}),
        ("PATCH", scene.claims.path(scene.mine, "orders", "status"), "", {"status": {"x": 1}}, {"content_type": MERGE}),
        ("DELETE", one, "", {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": "x"}}),
        ("DELETE", one, "dryRun=All"), ("DELETE", absent, ""), ("DELETE", many, "dryRun=All"),
        ("GET", many, "limit=x"), ("GET", many, "labelSelector=("), ("GET", many, "fieldSelector=spec.x=y"),
        ("GET", many, "resourceVersion=999999999&resourceVersionMatch=Exact"), ("GET", many, "continue=nonsense"),
        ("GET", one, "", None, {"accept": "text/html"}), ("POST", one, "", claim),
    ]  # fmt: skip
    base = f"/apis/{scene.group}"
    documents = [("GET", each) for each in (
        base, f"{base}/v1alpha1", "/apis", f"/openapi/v3{base}/v1alpha1", "/openapi/v2",
    )]  # fmt: skip
    return [*reads, *writes, *documents]


async def test_no_answer_says_where_claims_are_kept_or_whose_others_are(scene: Scene) -> None:
    """Of discovery the whole is read, other groups included: they are the app cluster's own."""
    found = {}
    for method, path, *more in requests(scene):
        query, body, headers = ([*more, "", None, {}] if not more else [*more, *("", None, {})[len(more) :]])[:3]
        text = await said(scene, method, path, query, body, **headers)
        if leaked := leaks(scene, text):
            found[method, path, query] = (leaked, text[:500])
    assert not found


async def test_no_event_of_a_watch_does(scene: Scene) -> None:
    query = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    lines: list[str] = []

    async def watching(path: str) -> None:
        connection = scene.world.app.connection
        async with connection.stream("GET", path, query=f"{query}&timeoutSeconds=2") as answer:
            lines.append("".join([chunk.decode() async for chunk in answer.chunks]))

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            for path in (scene.claims.path(scene.mine), scene.claims.path()):
                group.start_soon(watching, path)
            patch = {"metadata": {"annotations": {"seen": "yes"}}}
            await scene.world.app.patch(scene.claims, "orders", patch, scene.mine)
    assert all("orders" in each for each in lines)
    assert not [leaked for each in lines if (leaked := leaks(scene, each))]


async def test_what_the_control_plane_adds_to_an_object_is_not_shown(scene: Scene) -> None:
    """Owners, reserved labels and annotations, and who manages them; `spec.resourceRef` is the exception."""
    place, name = scene.world.settings.claim_namespace, scene.stored_name(scene.mine, "orders")
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": "u-1"}
    mark = {f"{naming.RESERVED}internal": name}
    patch = {"metadata": {"ownerReferences": [owner], "annotations": mark, "labels": {f"{naming.RESERVED}x": "y"}}}
    await scene.world.control_plane.patch(scene.claims, name, patch, place)
    for path in (scene.claims.path(scene.mine), scene.claims.path(scene.mine, "orders")):
        for form in (JSON, YAML, TABLE):
            assert not leaks(scene, await said(scene, "GET", path, accept=form)), (path, form)


async def test_no_metric_does(scene: Scene, pair: Pair) -> None:
    """Operators read them, and dashboards show them to more people."""
    await said(scene, "GET", scene.claims.path(scene.mine, "orders"))
    async with direct(pair, scene.replica, "operator", "system:masters") as operator:
        found = await metrics(operator)
    assert scene.group in found
    assert not leaks(scene, found)
