from typing import Any

import pytest

from fairlead.aggregation.authorizing import Authorizer, Decision, Selectors, refusal, review, reviewed
from fairlead.machinery import paths, statuses
from fairlead.machinery.errors import FairleadError
from fairlead.machinery.principals import MASTERS, Principal
from tests.aggregation.reviews import Backend, Clock

pytestmark = pytest.mark.anyio

ALICE = Principal("alice", "7", ("devs",), (("k", ("v", "w")),))
WIDGETS = "/apis/example.org/v1/namespaces/ns/widgets"


def info(method: str, target: str) -> paths.RequestInfo:
    path, _, query = target.partition("?")
    return paths.read(method, path, dict(pair.split("=", 1) for pair in query.split("&") if pair))


@pytest.mark.requirement("aggregation:access-reviews")
class TestReviews:
    def test_a_resource_request_is_told_whole(self) -> None:
        assert review(ALICE, info("PATCH", f"{WIDGETS}/w/status")) == {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": "alice",
                "uid": "7",
                "groups": ["devs"],
                "extra": {"k": ["v", "w"]},
                "resourceAttributes": {
                    "namespace": "ns",
                    "verb": "patch",
                    "group": "example.org",
                    "version": "v1",
                    "resource": "widgets",
                    "subresource": "status",
                    "name": "w",
                },
            },
        }

    def test_what_is_empty_is_left_out(self) -> None:
        spec = review(Principal("bob"), info("GET", "/api/v1/nodes"))["spec"]
        assert spec == {"user": "bob", "resourceAttributes": {"verb": "list", "version": "v1", "resource": "nodes"}}

    def test_a_path_is_no_resource(self) -> None:
        spec = review(Principal("bob"), info("GET", "/openapi/v3"))["spec"]
        assert spec == {"user": "bob", "nonResourceAttributes": {"path": "/openapi/v3", "verb": "get"}}

    def test_the_callers_selectors_go_along_as_they_came(self) -> None:
        selectors = Selectors("app=a,tier in (b)", "metadata.name=w")
        attributes = review(ALICE, info("GET", WIDGETS), selectors)["spec"]["resourceAttributes"]
        assert attributes["labelSelector"] == {"rawSelector": "app=a,tier in (b)"}
        assert attributes["fieldSelector"] == {"rawSelector": "metadata.name=w"}

    @pytest.mark.parametrize(
        ("status", "decision"),
        [
            ({"allowed": True}, Decision(True)),
            ({"allowed": True, "reason": "RBAC: allowed"}, Decision(True, "RBAC: allowed")),
            ({"allowed": False, "reason": "no"}, Decision(False, "no")),
            ({"allowed": True, "denied": True}, Decision(False)),
            ({"allowed": False, "evaluationError": "role gone"}, Decision(False)),
            ({}, Decision(False)),
        ],
    )
    def test_answers(self, status: dict[str, Any], decision: Decision) -> None:
        assert reviewed({"status": status}) == decision

    @pytest.mark.parametrize(
        ("method", "target", "message", "details"),
        [
            (
                "GET",
                "/api/v1/pods",
                'pods is forbidden: User "alice" cannot list resource "pods" in API group "" at the cluster scope',
                {"kind": "pods"},
            ),
            (
                "GET",
                "/api/v1/namespaces/default/pods/x/log",
                'pods "x" is forbidden: User "alice" cannot get resource "pods/log" in API group "" '
                'in the namespace "default"',
                {"kind": "pods", "name": "x"},
            ),
            (
                "DELETE",
                "/apis/apps/v1/namespaces/default/deployments",
                'deployments.apps is forbidden: User "alice" cannot deletecollection resource "deployments" '
                'in API group "apps" in the namespace "default"',
                {"kind": "deployments", "group": "apps"},
            ),
            ("GET", "/foo", 'forbidden: User "alice" cannot get path "/foo"', {}),
        ],
    )
    def test_a_refusal_reads_as_the_real_one(
        self, method: str, target: str, message: str, details: dict[str, str]
    ) -> None:
        """The sentences are those that a kube-apiserver 1.36 answered."""
        error = refusal(ALICE, info(method, target))
        assert (error.message, error.details) == (message, details)
        assert refusal(ALICE, info(method, target), "why").message == f"{message}: why"

    async def test_a_refusal_is_raised_with_its_reason(self) -> None:
        backend = Backend(lambda _: {"allowed": False, "reason": "not today"})
        with pytest.raises(statuses.Forbidden, match="at the cluster scope: not today"):
            await Authorizer(backend.create).authorize(ALICE, info("GET", "/api/v1/nodes"))

    async def test_answers_are_kept_for_exactly_that_question(self) -> None:
        backend, clock = Backend(lambda spec: {"allowed": spec["user"] == "alice"}), Clock()
        authorizer = Authorizer(backend.create, clock=clock)
        for _ in range(2):
            await authorizer.authorize(ALICE, info("GET", WIDGETS))
            assert not (await authorizer.decide(Principal("bob"), info("GET", WIDGETS))).allowed
        assert len(backend.asked) == 2
        await authorizer.authorize(ALICE, info("GET", WIDGETS), Selectors(label="a=b"))
        await authorizer.authorize(Principal("alice"), info("GET", WIDGETS))
        await authorizer.authorize(ALICE, info("POST", WIDGETS))
        assert len(backend.asked) == 5
        clock.now += 10.1
        await authorizer.authorize(ALICE, info("GET", WIDGETS))
        assert len(backend.asked) == 6


@pytest.mark.requirement("aggregation:access-without-review")
@pytest.mark.parametrize(
    ("principal", "target", "asked"),
    [
        (ALICE, "/livez", False),
        (ALICE, "/readyz/etcd", False),
        (ALICE, "/healthz", False),
        (ALICE, "/livezx", True),
        (ALICE, "/metrics", True),
        (Principal("admin", groups=(MASTERS,)), WIDGETS, False),
        (ALICE, WIDGETS, True),
    ],
)
async def test_who_needs_no_review(principal: Principal, target: str, asked: bool) -> None:
    backend = Backend(lambda _: {"allowed": True})
    await Authorizer(backend.create).authorize(principal, info("GET", target))
    assert bool(backend.asked) == asked


@pytest.mark.requirement("aggregation:outage-is-no-refusal")
@pytest.mark.parametrize(
    "error",
    [
        FairleadError("cannot reach https://app", "connection refused"),
        statuses.Forbidden("the connector may not create subjectaccessreviews"),
        statuses.TooManyRequests("slow down"),
    ],
)
async def test_an_outage_is_a_500(error: FairleadError) -> None:
    async def down(body: object) -> dict[str, Any]:
        raise error

    with pytest.raises(statuses.InternalError, match="access could not be reviewed") as caught:
        await Authorizer(down).authorize(ALICE, info("GET", WIDGETS))
    assert caught.value.status_code == 500
