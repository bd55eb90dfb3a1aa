"""Health and metrics in front of the servers: who may see what."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from fairlead.mcp.deciding.keeping import MemoryStore, StoreError
from fairlead.mcp.operating import health
from fairlead.mcp.operating.metrics import PrometheusMeter
from fairlead.mcp.operating.paths import Operated, metrics_alone

pytestmark = [pytest.mark.requirement("mcp-operators:health"), pytest.mark.anyio]


class Stage(MemoryStore):
    def __init__(self) -> None:
        super().__init__()
        self.fault = ""
        self.store = self
        self.lost = False
        self.reached: list[str] = []
        self.health = health.checks(self)
        self.meter = PrometheusMeter()
        self.meter.called("reporting", "pods_list", "ok", 0.1)

    async def get(self, key: str) -> bytes | None:
        if self.lost:
            raise StoreError("Redis does not answer", "kX9vQ2mLpR7")
        return await super().get(key)

    async def inner(self, scope: Any, receive: Any, send: Any) -> None:
        self.reached.append(scope["path"])
        await send({"type": "http.response.start", "status": 418, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def client(application: Any) -> httpx2.AsyncClient:
    async def served(scope: Any, receive: Any, send: Any) -> None:
        await application({**scope, "state": {}}, receive, send)  # as our HTTP server does

    return httpx2.AsyncClient(transport=httpx2.ASGITransport(served), base_url="http://127.0.0.1:8080")


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
async def web(stage: Stage) -> AsyncIterator[httpx2.AsyncClient]:
    async with client(Operated(stage.inner, stage.health, stage.meter)) as found:
        yield found


async def test_all_is_well(web: httpx2.AsyncClient, stage: Stage) -> None:
    for path in health.PATHS:
        answer = await web.get(path)
        assert (answer.status_code, answer.text) == (200, "ok")
    assert stage.reached == []


async def test_without_what_workers_share_nobody_is_ready_and_all_live(web: httpx2.AsyncClient, stage: Stage) -> None:
    stage.lost = True
    answer = await web.get("/readyz")
    assert answer.status_code == 500
    assert "[-]shared failed" in answer.text
    assert "kX9vQ2mLpR7" not in answer.text
    assert (await web.get("/livez")).status_code == 200


async def test_a_file_that_was_not_taken_up_is_told_and_takes_nobody_away(
    web: httpx2.AsyncClient, stage: Stage
) -> None:
    stage.fault = "name: it is not one"
    answer = await web.get("/readyz?verbose")
    assert answer.status_code == 200
    assert health.STALE in answer.text


async def test_metrics_are_for_this_machine(web: httpx2.AsyncClient) -> None:
    for host in ("127.0.0.1:8080", "localhost", "[::1]:8080", "LOCALHOST:1"):
        answer = await web.get("/metrics", headers={"host": host})
        assert "fairlead_mcp_calls_total" in answer.text
    for host in ("mcp.example.org", "127.0.0.1.example.org:8080", "localhost.", ""):
        answer = await web.get("/metrics", headers={"host": host})
        assert answer.status_code == 404
        assert "reporting" not in answer.text


async def test_beyond_it_they_have_a_port_of_their_own(stage: Stage) -> None:
    for hidden in (Operated(stage.inner, stage.health), Operated(stage.inner, stage.health, stage.meter, shows=False)):
        async with client(hidden) as web:
            assert (await web.get("/metrics")).status_code == 404
    async with client(metrics_alone(stage.meter, stage.health)) as web:
        assert "fairlead_mcp_calls_total" in (await web.get("/metrics", headers={"host": "10.0.0.7:9090"})).text
        assert (await web.get("/readyz")).status_code == 200
        assert (await web.get("/s/reporting/mcp")).status_code == 404


async def test_what_is_refused_before_it_is_a_call_is_counted_by_code(web: httpx2.AsyncClient) -> None:
    for path in ("/s/reporting/mcp", "/s/kX9vQ2mLpR7/mcp", "/healthz"):
        await web.get(path)
    page = (await web.get("/metrics")).text
    assert 'fairlead_mcp_refused_requests_total{code="418"} 2.0' in page
    assert "kX9vQ2mLpR7" not in page


async def test_everything_else_is_passed_on(web: httpx2.AsyncClient, stage: Stage) -> None:
    assert (await web.post("/healthz")).status_code == 405
    for path in ("/s/reporting/mcp", "/metricsx", "/healthzx"):
        assert (await web.get(path)).status_code == 418
    assert stage.reached == ["/s/reporting/mcp", "/metricsx", "/healthzx"]
