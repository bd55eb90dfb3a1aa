"""What is counted, and what becomes no label."""

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.machinery.messages import Headers, Request
from fairlead.mcp.callers import LOOPBACK
from fairlead.mcp.deciding.gate import Gate, UnknownError
from fairlead.mcp.deciding.sharing import Shared
from fairlead.mcp.named.offering import Offer
from fairlead.mcp.named.servers import Limits, NamedServer
from fairlead.mcp.operating.metrics import PATH, PrometheusMeter
from tests.mcp import fakes

pytestmark = [pytest.mark.requirement("mcp-operators:metrics"), pytest.mark.anyio]

LOOK = Request("GET", PATH, "", Headers(), b"")


async def page(meter: PrometheusMeter) -> str:
    body = (await meter.handle(LOOK)).body
    assert isinstance(body, bytes)
    return body.decode()


async def test_what_came_of_calls_is_told_apart() -> None:
    meter = PrometheusMeter()
    for result in ("ok", "ok", "error", "limited"):
        meter.called("reporting", "pods_list", result, 0.02)
    meter.called("reporting", "", "denied", 0.0)
    found = await page(meter)
    assert 'fairlead_mcp_calls_total{result="ok",server="reporting",tool="pods_list"} 2.0' in found
    assert 'fairlead_mcp_calls_total{result="error",server="reporting",tool="pods_list"} 1.0' in found
    assert 'fairlead_mcp_calls_total{result="denied",server="reporting",tool=""} 1.0' in found
    assert 'fairlead_mcp_call_duration_seconds_count{server="reporting",tool="pods_list"} 3.0' in found


async def test_a_change_that_was_not_taken_up_is_shown_while_it_lasts() -> None:
    meter, stale = PrometheusMeter(), True
    meter.is_stale = lambda: stale
    assert "fairlead_mcp_servers_stale 1.0" in await page(meter)
    stale = False
    assert "fairlead_mcp_servers_stale 0.0" in await page(meter)


@given(st.lists(st.sampled_from(["200", "403", "<error>"])))
async def test_each_request_to_a_cluster_counts_once(codes: list[str]) -> None:
    meter = PrometheusMeter()
    for each in codes:
        meter.asked("reporting", "GET", each, 0.1)
    lines = [each for each in (await page(meter)).splitlines() if each.startswith("fairlead_mcp_upstream_requests_t")]
    assert sum(float(each.rpartition(" ")[2]) for each in lines) == len(codes)


async def test_a_failed_call_is_an_error_and_what_a_caller_invents_has_no_name() -> None:
    meter = PrometheusMeter()
    offer = Offer({each.name: each for each in (fakes.tool("echo"), fakes.tool("refuse", fakes.refused))})
    server = NamedServer("reporting", limits=Limits(read=3))
    gate = Gate(server, offer, fakes.NoClusters(), shared=Shared(meter=meter))
    assert not (await gate.call(LOOPBACK, "echo", {"text": "a"})).failed
    for arguments in ({"text": "a"}, {"wrong": 1}, {"text": "over the limit"}):
        assert (await gate.call(LOOPBACK, "refuse", arguments)).failed
    for invented in ("kX9vQ2mLpR7", "echo ", "ECHO"):
        with pytest.raises(UnknownError):
            await gate.call(LOOPBACK, invented, {})
    lines = [each for each in (await page(meter)).splitlines() if each.startswith("fairlead_mcp_calls_total{")]
    assert sorted(lines) == [
        'fairlead_mcp_calls_total{result="denied",server="reporting",tool=""} 3.0',
        'fairlead_mcp_calls_total{result="error",server="reporting",tool="refuse"} 2.0',
        'fairlead_mcp_calls_total{result="limited",server="reporting",tool="refuse"} 1.0',
        'fairlead_mcp_calls_total{result="ok",server="reporting",tool="echo"} 1.0',
    ]


WORKERS = """
import asyncio, os
from fairlead.machinery.messages import Request
from fairlead.mcp.operating import metrics

with metrics.shared_by_workers():
    for _ in range(2):
        if not (pid := os.fork()):
            meter = metrics.PrometheusMeter()
            meter.called("reporting", "pods_list", "ok", 0.1)
            meter.is_stale = lambda: True
            asyncio.run(meter.handle(Request("GET", "/metrics")))
            os._exit(0)
        os.waitpid(pid, 0)
    meter = metrics.PrometheusMeter()
    print(asyncio.run(meter.handle(Request("GET", "/metrics"))).body.decode())
"""


def test_any_worker_answers_for_all_and_for_those_that_died() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WORKERS], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert 'fairlead_mcp_calls_total{result="ok",server="reporting",tool="pods_list"} 2.0' in done.stdout
    assert "fairlead_mcp_servers_stale 0.0" in done.stdout  # as the one sees it that is asked, not as another once did
