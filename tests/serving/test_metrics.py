import pytest
from prometheus_client.parser import text_string_to_metric_families

from fairlead.machinery import paths
from fairlead.machinery.messages import Headers, Request
from fairlead.serving.metrics import Kind, Metrics

pytestmark = pytest.mark.requirement("serving:metrics")
ACTIVE = "authentication_token_cache_active_fetch_count"
IN_FLIGHT = frozenset({("status", "in_flight")})


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
    request = Request("GET", "/apis/example.org/v1/namespaces/team-a/databases/orders/status")
    kind = Kind.of(paths.read("GET", request.path, {}), request)
    over = metrics.began(kind)
    assert read(metrics)["apiserver_current_inflight_requests"] == {frozenset({("request_kind", "readOnly")}): 1}
    over()
    metrics.answered(kind, 404, 0.3, 120, 1)
    labels = {"verb": "GET", "group": "example.org", "version": "v1", "resource": "databases",
              "subresource": "status", "scope": "resource", "component": "apiserver"}  # fmt: skip
    dry_run = {"dry_run": ""}
    found = read(metrics)
    assert found["apiserver_current_inflight_requests"] == {frozenset({("request_kind", "readOnly")}): 0}
    assert found["apiserver_request_total"] == {frozenset({**labels, **dry_run, "code": "404"}.items()): 1}
    assert found["apiserver_request_duration_seconds_sum"] == {frozenset({**labels, **dry_run}.items()): 0.3}
    assert found["apiserver_response_sizes_sum"] == {frozenset(labels.items()): 120}
    del labels["component"]
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
    metrics.reviewed("authz", "201", 0.6)
    found = read(metrics)
    labels = {"code": "<error>", "method": "GET", "host": "https://control-plane"}
    assert found["rest_client_requests_total"] == {frozenset(labels.items()): 1}
    code = frozenset({("code", "201")})
    assert found["apiserver_delegated_authz_request_total"] == {code: 1}
    assert found["apiserver_delegated_authz_request_duration_seconds_sum"] == {code: 0.6}


@pytest.mark.parametrize("cut", range(8))
def test_an_event_of_a_watch_counts_once_however_it_is_cut(cut: int) -> None:
    metrics = Metrics()
    events = metrics.events(Kind("WATCH", "example.org", "v1", "databases"))
    stream = b"12\n1234\n"
    for chunk in (stream[:cut], stream[cut:]):
        events.sent(chunk)
    found = read(metrics)
    labels = frozenset({("group", "example.org"), ("version", "v1"), ("resource", "databases")})
    assert found["apiserver_watch_events_total"] == {labels: 2}
    assert found["apiserver_watch_events_sizes_sum"] == {labels: 6}


def test_tokens_that_are_remembered_and_those_that_are_reviewed() -> None:
    metrics = Metrics()
    metrics.tokens.looked_up(True, 0.1)
    metrics.tokens.looked_up(False, 0.2)
    with metrics.tokens.fetching():
        assert read(metrics)["authentication_token_cache_active_fetch_count"] == {
            frozenset({("status", "in_flight")}): 1
        }
    with pytest.raises(ValueError, match="unreadable"), metrics.tokens.fetching():
        raise ValueError("unreadable")
    found = read(metrics)
    hit, miss, ok, error = (frozenset({("status", each)}) for each in ("hit", "miss", "ok", "error"))
    assert found["authentication_token_cache_request_total"] == {hit: 1, miss: 1}
    assert found["authentication_token_cache_fetch_total"] == {ok: 1, error: 1}
    assert found[ACTIVE] == {IN_FLIGHT: 0}


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


def test_no_series_tell_when_a_series_was_made() -> None:
    assert not [name for name in read(Metrics()) if name.endswith("_created")]


def test_sizes_are_those_of_reads() -> None:
    metrics = Metrics()
    for verb in ("GET", "LIST", "POST", "DELETE"):
        metrics.answered(Kind(verb), 200, 0.1, 100, 1)
    sizes = read(metrics)["apiserver_response_sizes_count"]
    assert {value for labels in sizes for key, value in labels if key == "verb"} == {"GET", "LIST"}
