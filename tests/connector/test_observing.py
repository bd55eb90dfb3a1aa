"""What operators see of requests that travel between two API servers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from prometheus_client.parser import text_string_to_metric_families

from fairlead.client.api import Client, Patch
from fairlead.client.connection import Connection
from fairlead.client.credentials import Fixed
from fairlead.connector import running
from fairlead.connector.naming import Identity
from fairlead.connector.observing import BACKEND_NAME, BACKEND_NAMESPACE, LATENCY, UPSTREAM
from fairlead.connector.running import Running
from fairlead.machinery import statuses
from fairlead.machinery.encoding import from_json
from fairlead.machinery.messages import Headers
from fairlead.machinery.paths import Resource
from tests.clusters import Pair
from tests.connector.test_running import CLUSTER, World, eventually, offer, world

pytestmark = pytest.mark.anyio
NAMESPACE = "default"


@asynccontextmanager
async def direct(pair: Pair, replica: Running, user: str, *groups: str) -> AsyncIterator[Connection]:
    """To the connector itself, past the aggregator, with an identity of the app cluster."""
    async with pair.app_server.access(user, groups).open() as client:
        settings = replace(client.connection.settings, server=replica.listening.url, insecure=True)
        async with Connection(settings) as connection:
            yield connection


async def scraped(connection: Connection) -> dict[tuple[str, str], float]:
    """By name and verb, of databases and of what has no resource."""
    answer = await connection.request("GET", "/metrics")
    assert answer.status == 200
    assert isinstance(answer.body, bytes)
    found: dict[tuple[str, str], float] = {}
    for family in text_string_to_metric_families(answer.body.decode()):
        for sample in family.samples:
            if sample.labels.get("resource", "") in ("", "databases"):
                key = sample.name, sample.labels.get("verb", "")
                found[key] = found.get(key, 0) + sample.value
    return found


def claim(claims: Resource, name: str, **spec: Any) -> dict[str, Any]:
    body = {"apiVersion": str(claims.group_version), "kind": "Database", "metadata": {"name": name}}
    return {**body, "spec": {"size": "small", **spec}}


@asynccontextmanager
async def serving(
    pair: Pair, unique: Callable[[str], str], audit_log: str = "", delay: float = 0.0
) -> AsyncIterator[tuple[World, Running, Resource]]:
    group = f"{unique('observed')}.example.org"
    async with world(pair, unique) as found:
        await offer(found.control_plane, group)
        settings = replace(found.settings, audit_log=audit_log, shutdown_delay=delay)
        async with running.serve(settings) as replica:
            await eventually(lambda: found.app.list(found.claims(group)))
            yield found, replica, found.claims(group)


async def each_verb(app: Client, claims: Resource, name: str) -> None:
    made = await app.create(claims, claim(claims, name), NAMESPACE)
    found = await app.get(claims, name, NAMESPACE)
    assert found["metadata"]["uid"] == made["metadata"]["uid"]
    await app.list(claims, NAMESPACE)
    found["metadata"].setdefault("labels", {})["step"] = "one"
    await app.replace(claims, found, NAMESPACE)
    await app.patch(claims, name, {"metadata": {"labels": {"step": "two"}}}, NAMESPACE, kind=Patch.MERGE)
    await app.delete(claims, name, NAMESPACE)


@pytest.mark.requirement("connector:one-upstream-request", "connector:metrics")
async def test_one_request_to_the_control_plane_for_each_request(
    embedded_pair: Pair, unique: Callable[[str], str]
) -> None:
    async with (
        serving(embedded_pair, unique) as (found, replica, claims),
        direct(embedded_pair, replica, "operator", "system:masters") as operator,
    ):
        before = await scraped(operator)
        await each_verb(found.app, claims, unique("orders"))
        after = await scraped(operator)

    def grown(name: str, verb: str) -> float:
        return after.get((name, verb), 0) - before.get((name, verb), 0)

    verbs = ("POST", "GET", "LIST", "PUT", "PATCH", "DELETE")
    assert [grown("apiserver_request_total", verb) for verb in verbs] == [1, 2, 1, 1, 1, 1], (
        "the GET of /metrics is one"
    )
    assert [grown("fairlead_upstream_requests_total", verb) for verb in verbs] == [1] * 6
    assert after["fairlead_leader", ""] == 1
    assert after["fairlead_control_plane_reachable", ""] == 1


@pytest.mark.requirement("connector:metrics")
async def test_metrics_are_for_those_who_may(embedded_pair: Pair, unique: Callable[[str], str]) -> None:
    async with serving(embedded_pair, unique) as (_, replica, _claims):
        async with direct(embedded_pair, replica, "somebody") as somebody:
            answer = await somebody.request("GET", "/metrics")
        assert answer.status == 403
        anonymous = replace(somebody.settings, source=Fixed())
        async with Connection(anonymous) as nobody:
            assert (await nobody.request("GET", "/metrics")).status == 403
            assert (await nobody.request("GET", "/livez")).status == 200


@pytest.mark.requirement("connector:audit")
async def test_the_audit_log_joins_caller_app_object_and_stored_object(
    pair: Pair, unique: Callable[[str], str], tmp_path: Path
) -> None:
    path, name = tmp_path / "audit.log", unique("orders")
    async with serving(pair, unique, str(path)) as (found, _, claims):
        await each_verb(found.app, claims, name)
        with pytest.raises(statuses.NotFound):
            await found.app.get(claims, name, NAMESPACE)
        async with found.app.connection.stream("GET", claims.path(NAMESPACE), query="watch=true&timeoutSeconds=1") as s:
            assert [each async for each in s.chunks] == []
    events = [from_json(each) for each in path.read_text().splitlines()]
    ours = [each for each in events if each.get("objectRef", {}).get("apiGroup") == claims.group]
    stored = Identity(CLUSTER, NAMESPACE, name).backend()
    said = [(each["verb"], each["responseStatus"]["code"]) for each in ours if each["objectRef"].get("name") == name]
    assert said == [("create", 201), ("get", 200), ("update", 200), ("patch", 200), ("delete", 200), ("get", 404)]
    for each in ours:
        assert each["auditID"]
        assert float(each["annotations"][LATENCY]) > 0
        assert each["annotations"][BACKEND_NAMESPACE] == found.settings.claim_namespace
        assert each["user"]["username"]
        if each["objectRef"].get("name"):
            assert each["annotations"][BACKEND_NAME] == stored
            assert each["annotations"][UPSTREAM] == "1"
    stages = [each["stage"] for each in ours if each["verb"] == "watch"]
    assert stages == ["ResponseStarted", "ResponseComplete"]
    assert "small" not in path.read_text(), "bodies are never written"


@pytest.mark.requirement("connector:audit")
async def test_who_comes_past_the_api_server_gets_an_audit_id(
    embedded_pair: Pair, unique: Callable[[str], str]
) -> None:
    async with (
        serving(embedded_pair, unique) as (_, replica, claims),
        direct(embedded_pair, replica, "operator", "system:masters") as operator,
    ):
        made = (await operator.request("GET", claims.path(NAMESPACE))).headers.get("audit-id")
        assert len(made) == 36
        given = Headers([("audit-id", "mine")])
        answer = await operator.request("GET", claims.path(NAMESPACE), headers=given)
        assert "audit-id" not in answer.headers
        too_long = Headers([("audit-id", "x" * 65)])
        answer = await operator.request("GET", claims.path(NAMESPACE), headers=too_long)
        assert len(answer.headers.get("audit-id")) == 36


@pytest.mark.requirement("serving:metrics")
async def test_callers_cannot_grow_the_number_of_series(embedded_pair: Pair, unique: Callable[[str], str]) -> None:
    async with (
        serving(embedded_pair, unique) as (_, replica, claims),
        direct(embedded_pair, replica, "operator", "system:masters") as operator,
    ):
        for number in range(3):
            await operator.request(f"VERB{number}", claims.path(NAMESPACE))
            for path in (f"/apis/none-{number}.example.org/v1/things", f"/nowhere/{number}"):
                assert (await operator.request("GET", path)).status == 404
            await operator.request("GET", claims.path(NAMESPACE, "x", f"subresource{number}"))
        answer = await operator.request("GET", "/metrics")
        assert isinstance(answer.body, bytes)
        for invented in (b"none-", b"nowhere", b"subresource1", b"VERB"):
            assert invented not in answer.body


@pytest.mark.requirement("connector:drains")
async def test_an_ending_replica_is_unready_first_and_still_answers(
    embedded_pair: Pair, unique: Callable[[str], str]
) -> None:
    entered, replicas = asyncio.Event(), list[tuple[World, Running, Resource]]()

    async def run() -> None:
        async with serving(embedded_pair, unique, delay=3.0) as found:
            replicas.append(found)
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(run())
    with anyio.fail_after(30):
        await entered.wait()
    _, replica, claims = replicas[0]
    async with direct(embedded_pair, replica, "operator", "system:masters") as operator:
        assert (await operator.request("GET", "/readyz")).status == 200
        task.cancel()
        await anyio.lowlevel.checkpoint()
        unready = await operator.request("GET", "/readyz")
        assert unready.status == 500
        assert isinstance(unready.body, bytes)
        assert b"[-]shutdown failed" in unready.body
        assert (await operator.request("GET", "/livez")).status == 200
        assert (await operator.request("GET", claims.path(NAMESPACE))).status == 200
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
