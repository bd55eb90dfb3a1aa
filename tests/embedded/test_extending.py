"""An extension server behind an APIService of an embedded cluster."""

import base64
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from fairlead.client.api import Client
from fairlead.client.watching import Applied, Listed, watch
from fairlead.embedded.cluster import EmbeddedCluster
from fairlead.machinery import discovery
from fairlead.machinery.discovery import APIGroup, APIResource, APIVersion
from fairlead.machinery.encoding import from_json, to_json
from fairlead.machinery.messages import Headers, Request, Response
from fairlead.machinery.paths import Resource
from fairlead.serving.certificates import Authority
from fairlead.serving.listening import listen
from fairlead.serving.tls import ServerTLS

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("embedded:extensions")]

Object = dict[str, Any]
GROUP, NAME = "far.example.org", "v1.far.example.org"
APISERVICES = Resource("apiregistration.k8s.io", "v1", "apiservices", namespaced=False)
SERVICES = Resource("", "v1", "services")
JSON = Headers([("content-type", "application/json")])
ENTRY = {f"apis/{GROUP}/v1": {"serverRelativeURL": f"/openapi/v3/apis/{GROUP}/v1?hash=1"}}
SERVED = APIGroup(GROUP, (APIVersion("v1", (APIResource("things", "Thing", ("get", "list")),)),))


async def extension(request: Request) -> Response:
    """Says what it serves, and repeats who asked."""
    if request.path == "/apis":
        headers = Headers([("content-type", discovery.AGGREGATED_CONTENT_TYPE)])
        return Response(200, headers, to_json(discovery.aggregated([SERVED])))
    if request.path == "/openapi/v3":
        return Response(200, JSON, to_json({"paths": {**ENTRY, "apis/other/v1": {"serverRelativeURL": "/x"}}}))
    return Response(200, JSON, to_json({"path": request.path, "user": request.headers.get("x-remote-user")}))


@asynccontextmanager
async def extended(directory: Path) -> AsyncIterator[tuple[Client, anyio.Event]]:
    """A client of the cluster, and what stops the extension server when it is set."""
    authority, stop = Authority.create("extension"), anyio.Event()
    async with (
        EmbeddedCluster("app", directory) as cluster,
        cluster.open() as client,
        anyio.create_task_group() as tasks,
    ):
        ports: list[int] = []
        started = anyio.Event()

        async def serve() -> None:
            tls = ServerTLS(authority.issue_server(["far.default.svc"]))
            async with listen(extension, tls=tls) as listening:
                ports.append(listening.port)
                started.set()
                await stop.wait()

        tasks.start_soon(serve)
        await started.wait()
        await register(client, ports[0], authority.certificate)
        yield client, stop
        stop.set()


async def register(client: Client, port: int, bundle: bytes) -> None:
    spec: Object = {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "far", "namespace": "default"}, "spec": spec}
    await client.create(SERVICES, service)
    spec = {
        "group": GROUP,
        "version": "v1",
        "groupPriorityMinimum": 1000,
        "versionPriority": 10,
        "caBundle": base64.b64encode(bundle).decode(),
        "service": {"namespace": "default", "name": "far", "port": port},
    }
    body = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": NAME}, "spec": spec}
    await client.create(APISERVICES, body)


async def until(client: Client, status: str) -> Object:
    """The Available condition as soon as it has that status."""
    with anyio.fail_after(20):
        async with aclosing(watch(client, APISERVICES, field_selector=f"metadata.name={NAME}")) as events:
            async for event in events:
                found = event.items if isinstance(event, Listed) else []
                for each in [event.object] if isinstance(event, Applied) else found:
                    for condition in (each.get("status") or {}).get("conditions") or ():
                        if condition["status"] == status:
                            return dict(condition)
    raise AssertionError("the watch ended")


async def ask(client: Client, path: str, accept: str = "application/json") -> tuple[int, Any]:
    answer = await client.connection.request("GET", path, headers=Headers([("accept", accept)]))
    assert isinstance(answer.body, bytes)
    return answer.status, from_json(answer.body) if answer.body.startswith(b"{") else answer.body


async def test_an_available_server_answers_for_its_group(tmp_path: Path) -> None:
    async with extended(tmp_path) as (client, _):
        assert (await until(client, "True"))["reason"] == "Passed"
        path = f"/apis/{GROUP}/v1/namespaces/default/things/a"
        assert await ask(client, path) == (200, {"path": path, "user": "admin"})
        _, document = await ask(client, "/apis", discovery.AGGREGATED_CONTENT_TYPE)
        assert SERVED in discovery.read_aggregated(document)
        _, index = await ask(client, "/openapi/v3")
        assert ENTRY.items() <= index["paths"].items()
        assert "apis/other/v1" not in index["paths"]


async def test_a_silent_server_is_stale_and_not_gone(tmp_path: Path) -> None:
    async with extended(tmp_path) as (client, stop):
        await until(client, "True")
        stop.set()
        # Any change of the APIService makes the aggregator look again at once.
        await client.patch(APISERVICES, NAME, {"metadata": {"annotations": {"look": "again"}}})
        assert (await until(client, "False"))["reason"] == "FailedDiscoveryCheck"
        assert await ask(client, f"/apis/{GROUP}/v1/things") == (503, b"service unavailable\n")
        _, document = await ask(client, "/apis", discovery.AGGREGATED_CONTENT_TYPE)
        (group,) = [each for each in discovery.read_aggregated(document) if each.name == GROUP]
        assert group == APIGroup(GROUP, (APIVersion("v1", (), fresh=False),))


async def test_a_group_goes_with_its_api_service(tmp_path: Path) -> None:
    async with extended(tmp_path) as (client, _):
        await until(client, "True")
        await client.delete(APISERVICES, NAME)
        assert (await ask(client, f"/apis/{GROUP}/v1/things"))[0] == 404
        _, document = await ask(client, "/apis", discovery.AGGREGATED_CONTENT_TYPE)
        assert GROUP not in {each.name for each in discovery.read_aggregated(document)}
