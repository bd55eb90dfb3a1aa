import pytest
from prometheus_client.parser import text_string_to_metric_families

from fairlead.machinery import paths
from fairlead.machinery.messages import Headers, Request
from fairlead.serving.metrics import Kind, Metrics

pytestmark = pytest.mark.requirement("serving:metrics")


def read(metrics: Metrics) -> dict[str, dict[frozenset[tuple[str, str]], float]]:
    answer = metrics.response(Request("GET", "/metrics"))
    assert answer.status == 200
    assert answer.headers.get("content-type").startswith("text/plain; version=")
    assert isinstance(answer.body, bytes)
    found: dict[str, dict[frozenset[tuple[str, str]], float]] = {}
    for family in text_string_to_metric_families(answer.body.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return found


def test_a_request_counts_under_the_customary_names() -> None:
    metrics = Metrics()
    kind = Kind.of(paths.read("GET", "/apis/example.org/v1/namespaces/team-a/databases/orders/status", {}))
    over = metrics.began(kind)
    assert read(metrics)["apiserver_current_inflight_requests"] == {frozenset({("request_kind", "readOnly")}): 1}
    over()
    metrics.answered(kind, 404, 0.3, 120, 1)
    labels = {"verb": "GET", "group": "example.org", "version": "v1", "resource": "databases",
              "subresource": "status", "scope": "resource"}  # fmt: skip
    found = read(metrics)
    assert found["apiserver_current_inflight_requests"] == {frozenset({("request_kind", "readOnly")}): 0}
    assert found["apiserver_request_total"] == {frozenset({**labels, "code": "404"}.items()): 1}
    assert found["apiserver_request_duration_seconds_sum"] == {frozenset(labels.items()): 0.3}
    assert found["apiserver_response_sizes_sum"] == {frozenset(labels.items()): 120}
    assert found["fairlead_upstream_requests_total"] == {frozenset(labels.items()): 1}


def test_a_stream_is_long_running_until_it_ends() -> None:
    metrics = Metrics()
    kind = Kind("WATCH")
    ended = metrics.streaming(kind)
    assert sum(read(metrics)["apiserver_longrunning_requests"].values()) == 1
    ended()
    assert sum(read(metrics)["apiserver_longrunning_requests"].values()) == 0


def test_our_own_requests_and_reviews() -> None:
    metrics = Metrics()
    metrics.asked("GET", "https://control-plane", "<error>", 3.0)
    metrics.reviewed("authz", "201")
    found = read(metrics)
    labels = {"code": "<error>", "method": "GET", "host": "https://control-plane"}
    assert found["rest_client_requests_total"] == {frozenset(labels.items()): 1}
    assert found["apiserver_delegated_authz_request_total"] == {frozenset({("code", "201")}): 1}


def test_a_gauge_is_read_when_somebody_looks() -> None:
    metrics, value = Metrics(), [1.0]
    metrics.gauge("fairlead_leader", "Leads.", lambda: value[0])
    assert read(metrics)["fairlead_leader"] == {frozenset(): 1}
    value[0] = 0
    assert read(metrics)["fairlead_leader"] == {frozenset(): 0}


def test_openmetrics_for_who_asks() -> None:
    accept = Headers([("accept", "application/openmetrics-text; version=1.0.0")])
    answer = Metrics().response(Request("GET", "/metrics", headers=accept))
    assert answer.headers.get("content-type").startswith("application/openmetrics-text")


def test_the_process_is_among_them() -> None:
    assert "process_cpu_seconds_total" in read(Metrics())
