"""Dashboards that were made for a kube-apiserver read ours: the same requests leave the same series."""

from collections.abc import Callable
from typing import Any

import anyio
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_families
from prometheus_client.parser import text_string_to_metric_families

from fairlead.client.api import Client, Patch
from fairlead.client.connection import Connection
from fairlead.connector.keeping import CRDS
from fairlead.crossplane.defining import generating
from fairlead.machinery.messages import Headers
from fairlead.machinery.paths import Resource
from tests.clusters import Pair
from tests.connector.test_observing import NAMESPACE, claim, direct, serving
from tests.connector.test_running import eventually
from tests.e2e import manifests

pytestmark = pytest.mark.anyio
COMPARED = (
    "apiserver_request_total",
    "apiserver_request_duration_seconds_bucket",
    "apiserver_response_sizes_bucket",
    "apiserver_longrunning_requests",
    "apiserver_watch_events_total",
    "apiserver_watch_events_sizes_bucket",
)
ALIKE = ("apiserver_current_inflight_requests", "apiserver_client_certificate_expiration_seconds_bucket")
Series = set[tuple[str, frozenset[tuple[str, str]]]]


async def text(connection: Connection, accept: str = "text/plain") -> str:
    answer = await connection.request("GET", "/metrics", headers=Headers([("accept", accept)]))
    assert answer.status == 200
    assert isinstance(answer.body, bytes)
    return answer.body.decode()


def series(metrics: str, group: str) -> Series:
    """Of requests for the group, which is the only thing that may differ; and those that are about none."""
    found: Series = set()
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            labels = frozenset(
                (key, str(float(value)) if key == "le" else value)
                for key, value in sample.labels.items()
                if key != "group"
            )
            mine = sample.name in COMPARED and sample.labels.get("group") == group
            if mine or sample.name in ALIKE:
                found.add((sample.name, labels))
    return found


def words(some: Series) -> str:
    return "\n".join(sorted(f"{name} {sorted(labels)}" for name, labels in some))


async def send(client: Client, method: str, path: str, body: Any = None, query: str = "") -> int:
    answer = await client.connection.request(method, path, query=query, body=b"" if body is None else body)
    return answer.status


async def asked(app: Client, resource: Resource) -> None:
    """Each verb, in each scope, with what else becomes a label."""
    first = claim(resource, "first")
    await app.create(resource, first, NAMESPACE)
    await app.list(resource)
    await app.list(resource, NAMESPACE)
    found = await app.get(resource, "first", NAMESPACE)
    await app.replace(resource, {**found, "spec": {"size": "large"}}, NAMESPACE)
    await app.patch(resource, "first", {"spec": {"size": "small"}}, NAMESPACE, kind=Patch.MERGE)
    await app.patch(resource, "first", first, NAMESPACE, kind=Patch.APPLY, fieldManager="tests", force="true")
    await app.patch(resource, "first", {"status": {}}, NAMESPACE, kind=Patch.MERGE, subresource="status")
    assert await send(app, "GET", resource.path(NAMESPACE, "absent")) == 404
    assert await send(app, "HEAD", resource.path(NAMESPACE, "first")) == 200
    assert await send(app, "DELETE", resource.path(NAMESPACE, "first"), query="dryRun=All") == 200
    for namespace, query in ((None, ""), (NAMESPACE, "&fieldSelector=metadata.name%3Dfirst")):
        async with app.connection.stream("GET", resource.path(namespace), query=f"watch=true{query}") as stream:
            await anext(aiter(stream.chunks))
    assert await send(app, "DELETE", resource.path(NAMESPACE)) == 200


@pytest.mark.whole
@pytest.mark.requirement("operators:customary-metrics")
async def test_the_same_requests_leave_the_same_series(real_pair: Pair, unique: Callable[[str], str]) -> None:
    local = Resource(f"{unique('local')}.example.org", "v1alpha1", "databases")
    async with (
        serving(real_pair, unique) as (found, replica, claims),
        direct(real_pair, replica, "operator", "system:masters") as operator,
    ):
        crd = generating.claim_crd(manifests.xrd(group=local.group))
        crd["metadata"].pop("ownerReferences", None)
        await found.app.create(CRDS, crd)
        await eventually(lambda: found.app.list(local))
        first = series(await text(operator), claims.group) | series(await text(found.app.connection), local.group)
        for each in (local, claims):
            await asked(found.app, each)
        # Before the claims were served, and while the storage of a new kind was made.
        refused = {each for each in first if {("code", "503"), ("code", "429")} & set(each[1])}
        with anyio.fail_after(30):  # a kube-apiserver counts a watch when it has ended
            while (theirs := series(await text(found.app.connection), local.group) - refused) != (
                ours := series(await text(operator), claims.group) - refused
            ):
                assert not ours - theirs, words(ours - theirs)
                await anyio.lowlevel.checkpoint()


@pytest.mark.requirement("operators:exposition")
async def test_both_formats_are_what_their_parsers_read(embedded_pair: Pair, unique: Callable[[str], str]) -> None:
    async with (
        serving(embedded_pair, unique) as (found, replica, claims),
        direct(embedded_pair, replica, "operator", "system:masters") as operator,
    ):
        await asked(found.app, claims)
        plain = text_string_to_metric_families(await text(operator))
        names = {each.name for each in plain}
        opened = await text(operator, "application/openmetrics-text; version=1.0.0")
        exposed: list[Any] = list(open_families(opened))  # type: ignore[no-untyped-call]  # has no annotation
        assert {each.name for each in exposed} == {each.removesuffix("_total") for each in names}
        assert all(each.documentation for each in exposed)


@pytest.mark.requirement("operators:requests-of-our-own")
async def test_requests_to_either_cluster_are_counted_and_neither_address_is_told(
    embedded_pair: Pair, unique: Callable[[str], str]
) -> None:
    async with (
        serving(embedded_pair, unique) as (found, replica, claims),
        direct(embedded_pair, replica, "operator", "system:masters") as operator,
        direct(embedded_pair, replica, "somebody") as somebody,
    ):
        await asked(found.app, claims)
        assert (await somebody.request("GET", claims.path(NAMESPACE))).status == 403
        metrics = await text(operator)
    samples = [sample for family in text_string_to_metric_families(metrics) for sample in family.samples]
    requests = {
        (sample.labels["host"], sample.labels["method"], sample.labels["code"])
        for sample in samples
        if sample.name == "rest_client_requests_total"
    }
    assert {each[0] for each in requests} == {"app-cluster", "control-plane"}
    assert ("control-plane", "PATCH", "200") in requests
    assert ("app-cluster", "POST", "201") in requests, "access reviews"
    told = "\n".join(f"{key} {value}" for each in samples for key, value in each.labels.items() if key != "le")
    for address in (found.control_plane.connection.where, found.app.connection.where):
        _, _, port = address.rpartition(":")
        assert port.isdigit()
        assert port not in told, "only in labels: the digits of a duration may happen to be those of a port"
    assert found.settings.claim_namespace not in told


@pytest.mark.requirement("operators:build-info")
async def test_the_version_that_runs_is_told(embedded_pair: Pair, unique: Callable[[str], str]) -> None:
    import fairlead

    async with (
        serving(embedded_pair, unique) as (_, replica, _claims),
        direct(embedded_pair, replica, "operator", "system:masters") as operator,
    ):
        assert f'fairlead_build_info{{version="{fairlead.__version__}"}} 1.0' in await text(operator)
