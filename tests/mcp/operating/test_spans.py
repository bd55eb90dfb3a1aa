"""Spans of calls and of the requests that they take, as a collector receives them."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx2
import pytest
from opentelemetry import context
from opentelemetry.propagate import extract
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from bench import mcp_client
from fairlead.client.kubeconfig import load
from fairlead.machinery.messages import Headers, Request, Response
from fairlead.mcp import observing
from fairlead.mcp.observing import ObservedConnection
from fairlead.serving import listening
from tests.clusters import Pair
from tests.e2e.world import await_line, free_port

pytestmark = pytest.mark.requirement("mcp-operators:spans")

DEADLINE = 60.0
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


class Collector(HTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Collecting)
        self.spans: list[Span] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Collecting(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        found = ExportTraceServiceRequest.FromString(body)
        self.server.spans += [each for one in found.resource_spans for it in one.scope_spans for each in it.spans]
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield found
        found.shutdown()
        thread.join(DEADLINE)


@contextmanager
def serving(kubeconfig: Path, more: dict[str, str], log: Path) -> Iterator[str]:
    """Ends before the block does, so that everything is sent."""
    command = [sys.executable, "-m", "fairlead", "mcp", "serve", "--port", str(free_port())]
    environment = os.environ | {"KUBECONFIG": str(kubeconfig), "XDG_CONFIG_HOME": str(log.parent)} | more
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment)
    try:
        yield await_line(process, "ready", log).split()[1]
    finally:
        process.terminate()
        process.wait(DEADLINE)
        if process.stdout is not None:
            process.stdout.close()


def attributes(span: Span) -> dict[str, str]:
    return {each.key: each.value.string_value or str(each.value.int_value) for each in span.attributes}


def test_a_call_goes_on_with_its_callers_trace_and_so_do_its_requests(
    embedded_pair: Pair, collector: Collector, tmp_path: Path
) -> None:
    told = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    with serving(embedded_pair.app.kubeconfig, told, tmp_path / "log") as url:
        head, _, body = mcp_client.request(url, "namespaces_list", {}).partition(b"\r\n\r\n")
        headers = dict(each.split(": ", 1) for each in head.decode().split("\r\n")[1:]) | {"traceparent": PARENT}
        answer = httpx2.post(url, content=body, headers=headers, timeout=DEADLINE)
        assert mcp_client.answered(answer.content)
    assert "Traceback" not in (tmp_path / "log").read_text(encoding="utf-8")
    spans = {each.name: each for each in collector.spans}
    call = spans["tools/call namespaces_list"]
    assert (call.trace_id.hex(), call.parent_span_id.hex()) == (TRACE, "b7ad6b7169203331")
    assert attributes(call)["fairlead.server"] == "default"
    assert attributes(call)["fairlead.result"] == "ok"
    asked = [each for each in collector.spans if attributes(each).get("url.path") == "/api/v1/namespaces"]
    assert [each.parent_span_id for each in asked] == [call.span_id]
    assert attributes(asked[0])["http.response.status_code"] == "200"


def test_without_an_endpoint_nothing_is_loaded_that_could_send(embedded_pair: Pair, tmp_path: Path) -> None:
    """What is not imported sends nothing and costs nothing."""
    watched = "import sys, fairlead.cli.mcpserving; print('opentelemetry.sdk' in sys.modules)"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    done = subprocess.run([sys.executable, "-c", watched], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "False"


@pytest.mark.anyio
async def test_requests_carry_the_trace_and_are_counted_for_their_server(tmp_path: Path) -> None:
    seen: list[str] = []
    counted: list[tuple[str, str, str]] = []

    async def answer(request: Request) -> Response:
        seen.append(request.headers.get("traceparent"))
        return Response(404 if request.path == "/away" else 200, Headers(), b"{}")

    class Meter(observing.Unmeasured):
        def asked(self, server: str, method: str, code: str, seconds: float) -> None:
            counted.append((server, method, code))

    async with listening.listen(answer) as listener:
        path = tmp_path / "kubeconfig"
        path.write_text(KUBECONFIG.format(url=listener.url), encoding="utf-8")
        async with ObservedConnection(load(str(path), None)) as connection:
            token = context.attach(extract({"traceparent": PARENT}))
            with observing.calling(Meter(), "reporting"):
                await connection.request("GET", "/there")
                await connection.request("GET", "/away")
            context.detach(token)
            await connection.request("GET", "/there")
    assert counted == [("reporting", "GET", "200"), ("reporting", "GET", "404")]
    assert [each.split("-")[1:2] for each in seen] == [[TRACE], [TRACE], []]


KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: it
clusters: [{{name: it, cluster: {{server: "{url}"}}}}]
contexts: [{{name: it, context: {{cluster: it, user: it}}}}]
users: [{{name: it, user: {{}}}}]
"""
