from typing import Any

import pytest

from fairlead.client import discovery, reviews
from fairlead.client.api import Client, Patch
from fairlead.client.endpoints import Endpoint
from fairlead.client.targets import Cluster
from fairlead.machinery import encoding, statuses
from fairlead.machinery.messages import Headers, Request, Response
from fairlead.machinery.paths import Resource
from tests.client.servers import AUTHORITY, serve

pytestmark = pytest.mark.anyio
CONFIGMAPS = Resource("", "v1", "configmaps")


def answer(body: Any, status: int = 200, *headers: tuple[str, str]) -> Response:
    return Response(status, Headers(headers), encoding.to_json(body))


@pytest.mark.requirement("client:typed-errors")
@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (404, statuses.not_found(CONFIGMAPS, "x").to_object(), statuses.NotFound, 'configmaps "x" not found'),
        (409, statuses.already_exists(CONFIGMAPS, "x").to_object(), statuses.AlreadyExists, "already exists"),
        (503, "service unavailable\n", statuses.ServiceUnavailable, "service unavailable"),
        (418, {"kind": "Teapot"}, statuses.StatusError, "Teapot"),
        (302, "", statuses.StatusError, "HTTP 302|^$"),
    ],
)
async def test_refusals_are_typed(status: int, body: Any, kind: type[statuses.StatusError], message: str) -> None:
    async def refuse(request: Request) -> Response:
        content = body.encode() if isinstance(body, str) else encoding.to_json(body)
        return Response(status, Headers([("retry-after", "3")]), content)

    async with serve(refuse) as connection:
        with pytest.raises(kind, match=message) as caught:
            await Client(connection).get(CONFIGMAPS, "x", "n")
    assert caught.value.status_code == status
    assert caught.value.retry_after == 3


def page(names: list[str], token: str = "") -> dict[str, Any]:
    items = [{"metadata": {"name": name}} for name in names]
    metadata = {"resourceVersion": "7", **({"continue": token} if token else {})}
    return {"kind": "ConfigMapList", "apiVersion": "v1", "metadata": metadata, "items": items}


@pytest.mark.requirement("client:paging")
async def test_pages_are_followed_and_items_get_their_kind() -> None:
    asked: list[dict[str, str]] = []

    async def pages(request: Request) -> Response:
        asked.append(request.parameters)
        return answer(page(["b"]) if request.parameters.get("continue") else page(["a"], "more"))

    async with serve(pages) as connection:
        found = await Client(connection).list(CONFIGMAPS, "n", label_selector="a=b", limit=1)
    assert [each["metadata"]["name"] for each in found.items] == ["a", "b"]
    assert found.items[0]["kind"] == "ConfigMap"
    assert found.resource_version == "7"
    assert asked == [
        {"labelSelector": "a=b", "limit": "1"},
        {"labelSelector": "a=b", "limit": "1", "continue": "more"},
    ]


@pytest.mark.requirement("client:paging")
async def test_an_expired_page_begins_once_more_unpaged() -> None:
    async def pages(request: Request) -> Response:
        if request.parameters.get("continue"):
            return answer(statuses.Expired("too old").to_object(), 410)
        return answer(page(["a"], "more") if request.parameters.get("limit") else page(["a", "b"]))

    async with serve(pages) as connection:
        found = await Client(connection).list(CONFIGMAPS)
    assert [each["metadata"]["name"] for each in found.items] == ["a", "b"]


GROUPS = {"kind": "APIGroupList", "groups": [{"name": "g", "versions": [{"version": "v1"}, {"version": "v2"}]}]}
THINGS = {"resources": [{"name": "things", "kind": "Thing", "namespaced": True, "verbs": ["get"]}]}


@pytest.mark.requirement("client:discovery")
@pytest.mark.parametrize("refusal", [406, 200])
async def test_an_old_server_is_discovered_and_what_is_down_is_stale(refusal: int) -> None:
    async def old(request: Request) -> Response:
        documents: dict[str, Any] = {"/api": {"versions": ["v1"]}, "/apis": GROUPS, "/apis/g/v1": THINGS, "/api/v1": {}}
        if "as=APIGroupDiscoveryList" in request.headers.get("accept") and refusal != 200:
            return answer(statuses.NotAcceptable("no").to_object(), refusal)
        if request.path not in documents:
            return answer(statuses.ServiceUnavailable("down").to_object(), 503)
        return answer(documents[request.path])

    async with serve(old) as connection:
        core, group = await discovery.discover(Client(connection))
    assert (core.name, group.name) == ("", "g")
    assert [(each.version, each.fresh, len(each.resources)) for each in group.versions] == [
        ("v1", True, 1),
        ("v2", False, 0),
    ]


@pytest.mark.requirement("client:discovery")
async def test_a_server_that_refuses_everything_is_an_error() -> None:
    async def forbid(request: Request) -> Response:
        return answer(statuses.Forbidden("no").to_object(), 403)

    async with serve(forbid) as connection:
        with pytest.raises(statuses.Forbidden):
            await discovery.discover(Client(connection))


@pytest.mark.requirement("client:endpoints")
async def test_an_endpoint_is_reached_under_the_name_of_its_service() -> None:
    async def hello(request: Request) -> Response:
        return Response(200, Headers(), b"hello")

    async with serve(hello) as served:
        port = int(served.settings.server.rpartition(":")[2])
        async with Endpoint("127.0.0.1", port, "localhost", AUTHORITY.certificate).open() as connection:
            assert (await connection.request("GET", "/")).body == b"hello"


@pytest.mark.requirement("client:objects", "client:discovery", "client:reviews")
async def test_an_api_server_takes_every_kind_of_write(cluster: Cluster) -> None:
    async with cluster.open() as client:
        namespaces = Resource("", "v1", "namespaces", namespaced=False)
        made = await client.create(namespaces, {"metadata": {"generateName": "client-"}})
        namespace = made["metadata"]["name"]
        first = await client.create(CONFIGMAPS, {"metadata": {"name": "c"}, "data": {"a": "1"}}, namespace)
        first["data"]["b"] = "2"
        await client.replace(CONFIGMAPS, first, namespace)
        await client.patch(CONFIGMAPS, "c", {"data": {"a": None}}, namespace)
        await client.patch(
            CONFIGMAPS, "c", [{"op": "add", "path": "/data/c", "value": "3"}], namespace, kind=Patch.JSON
        )
        patched = await client.patch(CONFIGMAPS, "c", {"data": {"d": "4"}}, namespace, kind=Patch.STRATEGIC)
        assert patched["data"] == {"b": "2", "c": "3", "d": "4"}
        applied = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"b": "applied"}}
        with pytest.raises(statuses.Conflict):
            await client.apply(CONFIGMAPS, applied, namespace)
        assert (await client.apply(CONFIGMAPS, applied, namespace, force=True))["data"]["b"] == "applied"
        assert len((await client.list(CONFIGMAPS, namespace, field_selector="metadata.name=c")).items) == 1
        await client.delete(CONFIGMAPS, "c", namespace, options={"preconditions": {"uid": first["metadata"]["uid"]}})
        with pytest.raises(statuses.NotFound):
            await client.get(CONFIGMAPS, "c", namespace)
        await client.delete_collection(CONFIGMAPS, namespace, label_selector="no=body")
        groups = await discovery.discover(client)
        assert {"", "apiextensions.k8s.io", "rbac.authorization.k8s.io"} <= {each.name for each in groups}
        assert "system:authenticated" in (await reviews.who_am_i(client)).groups
        assert (await reviews.may_i(client, "create", CONFIGMAPS, namespace)).allowed
