"""The same roles and the same questions, put to a real kube-apiserver and to the playground's own evaluation."""

import json
from typing import Any

import anyio
import pytest

from fairlead.client.api import Client
from fairlead.embedded.authorizing import Policy
from fairlead.embedded.reviewing import Reviewer
from fairlead.machinery import encoding, statuses
from fairlead.machinery.messages import Headers
from fairlead.machinery.paths import Resource
from fairlead.machinery.principals import AUTHENTICATED, Principal
from testenv.servers import RealCluster
from tests.embedded import rbac

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("embedded:reviews-agree")]

GROUP = "rbac.authorization.k8s.io"
CLUSTER_ROLES = Resource(GROUP, "v1", "clusterroles", namespaced=False)
CLUSTER_ROLE_BINDINGS = Resource(GROUP, "v1", "clusterrolebindings", namespaced=False)
ROLES = Resource(GROUP, "v1", "roles")
ROLE_BINDINGS = Resource(GROUP, "v1", "rolebindings")
ALL = (
    (CLUSTER_ROLES, rbac.CLUSTER_ROLES),
    (CLUSTER_ROLE_BINDINGS, rbac.CLUSTER_ROLE_BINDINGS),
    (ROLES, rbac.ROLES),
    (ROLE_BINDINGS, rbac.ROLE_BINDINGS),
)


async def prepare(client: Client) -> Reviewer:
    """Makes the roles there once, and answers from all that the real server then holds."""
    for resource, objects in ALL:
        for each in objects:
            try:
                await client.create(resource, each)
            except statuses.AlreadyExists:
                continue
            except statuses.NotFound:
                await client.create(
                    Resource("", "v1", "namespaces", namespaced=False), {"metadata": {"name": rbac.NAMESPACE}}
                )
                await client.create(resource, each)
    found = [(await client.list(resource)).items for resource, _ in ALL]
    policy = Policy(*found)
    return Reviewer(lambda: policy, nobody)


async def nobody(token: str) -> Principal | None:
    return None


async def real(client: Client, path: str, body: dict[str, Any], *lines: tuple[str, str]) -> tuple[int, dict[str, Any]]:
    headers = Headers([("content-type", "application/json"), *lines])
    answer = await client.connection.request("POST", path, headers=headers, body=encoding.to_json(body))
    assert isinstance(answer.body, bytes)
    found = encoding.from_json(answer.body)
    found.get("metadata", {}).pop("managedFields", None)
    return answer.status, found


async def ours(
    reviewer: Reviewer, plural: str, body: dict[str, Any], caller: Principal, namespace: str = ""
) -> tuple[int, dict[str, Any]]:
    try:
        return 201, await reviewer.review(plural, body, caller, namespace)
    except statuses.StatusError as error:
        return error.status_code, error.to_object()


def path(plural: str, namespace: str = "") -> str:
    group = "authentication.k8s.io" if plural in ("tokenreviews", "selfsubjectreviews") else "authorization.k8s.io"
    inside = f"namespaces/{namespace}/" if namespace else ""
    return f"/apis/{group}/v1/{inside}{plural}"


def body(kind: str, spec: dict[str, Any] | None, group: str = "authorization.k8s.io") -> dict[str, Any]:
    return {"kind": kind, "apiVersion": f"{group}/v1", **({} if spec is None else {"spec": spec})}


async def test_every_case_is_decided_alike_and_for_the_same_reason(real_app: RealCluster) -> None:
    with anyio.fail_after(60):
        async with real_app.cluster.open() as client:
            reviewer = await prepare(client)
            for principal, question, _ in rbac.CASES:
                groups = {"groups": list(principal.groups)} if principal.groups else {}
                review = body("SubjectAccessReview", {"user": principal.name, **groups, **question})
                theirs = await real(client, path("subjectaccessreviews"), review)
                assert await ours(reviewer, "subjectaccessreviews", review, principal) == theirs, question


@pytest.mark.parametrize("name", ["namer", "editor", "dangler", "prober", "nobody"])
async def test_the_rules_of_oneself_are_the_same(real_app: RealCluster, name: str) -> None:
    review = body("SelfSubjectRulesReview", {"namespace": rbac.NAMESPACE})
    with anyio.fail_after(60):
        async with real_app.cluster.open() as client:
            reviewer = await prepare(client)
            status, theirs = await real(client, path("selfsubjectrulesreviews"), review, ("impersonate-user", name))
            caller = Principal(name, groups=(AUTHENTICATED,))
            assert (await ours(reviewer, "selfsubjectrulesreviews", review, caller))[0] == status == 201
            mine = (await ours(reviewer, "selfsubjectrulesreviews", review, caller))[1]
    assert normal(mine) == normal(theirs)


def normal(review: dict[str, Any]) -> dict[str, Any]:
    """The order of rules is that of the real server's cache, which is none."""
    status = dict(review["status"])
    for key in ("resourceRules", "nonResourceRules"):
        status[key] = sorted(json.dumps(each, sort_keys=True) for each in status[key])
    return {**review, "status": status}


PODS = rbac.resource("get", "pods")
REFUSED: list[tuple[str, str, dict[str, Any]]] = [
    ("selfsubjectaccessreviews", "", body("SelfSubjectAccessReview", {})),
    ("subjectaccessreviews", "", body("SubjectAccessReview", {})),
    ("subjectaccessreviews", "", body("SubjectAccessReview", PODS)),
    ("subjectaccessreviews", "", body("SubjectAccessReview", {"user": "a", **PODS, **rbac.path("get", "/x")})),
    ("localsubjectaccessreviews", "default", body("LocalSubjectAccessReview", {"user": "a", **PODS})),
    ("localsubjectaccessreviews", "default", body("LocalSubjectAccessReview", {"user": "a", **rbac.path("get", "/x")})),
    ("localsubjectaccessreviews", "default", body("LocalSubjectAccessReview", {"user": "a"})),
    ("localsubjectaccessreviews", "default", body("LocalSubjectAccessReview", {})),
    ("selfsubjectrulesreviews", "", body("SelfSubjectRulesReview", {})),
    ("tokenreviews", "", body("TokenReview", {}, "authentication.k8s.io")),
    ("tokenreviews", "", body("TokenReview", {"token": "nonsense"}, "authentication.k8s.io")),
]


@pytest.mark.parametrize(("plural", "namespace", "review"), REFUSED)
async def test_refusals_read_the_same(
    real_app: RealCluster, plural: str, namespace: str, review: dict[str, Any]
) -> None:
    with anyio.fail_after(60):
        async with real_app.cluster.open() as client:
            reviewer = await prepare(client)
            theirs = await real(client, path(plural, namespace), review)
            assert await ours(reviewer, plural, review, Principal("admin"), namespace) == theirs


async def test_who_am_i_has_the_same_shape(real_app: RealCluster) -> None:
    review = body("SelfSubjectReview", None, "authentication.k8s.io")
    lines = [("impersonate-user", "bob"), ("impersonate-uid", "7"), ("impersonate-extra-acme.com%2ffoo", "v")]
    caller = Principal("bob", "7", (AUTHENTICATED,), (("acme.com/foo", ("v",)),))
    with anyio.fail_after(60):
        async with real_app.cluster.open() as client:
            status, theirs = await real(client, path("selfsubjectreviews"), review, *lines)
            found, mine = await ours(await prepare(client), "selfsubjectreviews", review, caller)
    assert (found, mine["status"]) == (status, theirs["status"])
    assert mine.keys() == theirs.keys()
    assert mine["metadata"].keys() == theirs["metadata"].keys()
