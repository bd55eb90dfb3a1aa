import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.machinery.messages import Headers
from fairlead.mcp.callers import STDIO
from fairlead.mcp.named.servers import Target
from fairlead.mcp.reaching.targets import ReadOnlyError, Targets, check_reads
from fairlead.mcp.tools import ToolError

pytestmark = pytest.mark.requirement("mcp:read-only-connection")

PLAIN = Headers([("accept", "application/json")])
PATHS = st.sampled_from(
    ["/api/v1/pods", "/apis/apps/v1/namespaces/a/deployments/b", "/version", "/api/v1/namespaces/a"]
)


@given(st.sampled_from(["POST", "PUT", "PATCH", "DELETE", "CONNECT", "post"]), PATHS)
def test_only_reads_are_sent(method: str, path: str) -> None:
    check_reads("GET", path, PLAIN)
    with pytest.raises(ReadOnlyError):
        check_reads(method, path, PLAIN)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/namespaces/a/pods/b/exec",
        "/api/v1/namespaces/a/pods/b/attach",
        "/api/v1/namespaces/a/pods/b/portforward",
        "/api/v1/namespaces/a/pods/b/proxy",
        "/api/v1/namespaces/a/services/b/proxy/admin",
        "/api/v1/nodes/n/proxy/run",
        "/api/v1/proxy/nodes/n",
    ],
)
def test_a_get_that_acts_is_no_read(path: str) -> None:
    with pytest.raises(ReadOnlyError):
        check_reads("GET", path, PLAIN)


NODE = "/api/v1/nodes/worker-1.example.org/proxy"


@pytest.mark.parametrize("path", ["/stats/summary", "/logs/", "/logs/kubelet.log", "/logs/pods/a_b-1/c/0.log"])
def test_what_a_kubelet_prints_and_counts_is_read(path: str) -> None:
    check_reads("GET", NODE + path, PLAIN)
    with pytest.raises(ReadOnlyError):
        check_reads("POST", NODE + path, PLAIN)
    with pytest.raises(ReadOnlyError):
        check_reads("GET", NODE + path, Headers([("Upgrade", "websocket")]))


@pytest.mark.parametrize(
    "path",
    [
        f"{NODE}/logs/../run/default/pod/c",
        f"{NODE}/logs/%2e%2e/run/default/pod/c",
        f"{NODE}/logs//run",
        f"{NODE}/logs/.ssh",
        f"{NODE}/stats/summary/",
        f"{NODE}/stats/summary\n",
        f"{NODE}/stats",
        f"{NODE}/exec/default/pod/c",
        f"{NODE}/containerLogs/default/pod/c",
        "/api/v1/nodes/worker-1:443/proxy/logs/",
        "/api/v1/nodes/https:worker-1:/proxy/stats/summary",
        "/api/v1/nodes/a/../b/proxy/stats/summary",
        "/api/v1/namespaces/a/services/b/proxy/stats/summary",
        "/api/v1/namespaces/a/pods/b/proxy/logs/",
    ],
)
def test_nothing_else_passes_a_node(path: str) -> None:
    with pytest.raises(ReadOnlyError):
        check_reads("GET", path, PLAIN)


def test_an_upgrade_is_no_read() -> None:
    with pytest.raises(ReadOnlyError):
        check_reads("GET", "/api/v1/pods", Headers([("Upgrade", "websocket")]))


def test_one_may_ask_what_one_may_do() -> None:
    check_reads("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", PLAIN)
    with pytest.raises(ReadOnlyError):
        check_reads("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", PLAIN)


def test_objects_may_be_called_like_an_act() -> None:
    check_reads("GET", "/api/v1/namespaces/exec/pods/attach", PLAIN)


def test_an_unknown_context_names_those_there_are() -> None:
    with pytest.raises(ToolError, match="there are: one, two"):
        Targets((Target("one"), Target("two"))).target("three", STDIO)
