"""The sentences are those of a kube-apiserver 1.36; `test_trust_agreement` asks one while it runs."""

from typing import Any

import pytest

from fairlead.embedded.authorizing import Policy
from fairlead.embedded.reviewing import Reviewer
from fairlead.machinery import statuses
from fairlead.machinery.principals import Principal
from tests.embedded import rbac

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("embedded:reviews")]

ALICE = Principal("alice", "7", ("devs", "system:authenticated"), (("k", ("v",)),))


async def identify(token: str) -> Principal | None:
    return Principal("by-token", "8", ("g",)) if token == "good" else None


POLICY = Policy(rbac.CLUSTER_ROLES, rbac.CLUSTER_ROLE_BINDINGS, rbac.ROLES, rbac.ROLE_BINDINGS)
REVIEWER = Reviewer(lambda: POLICY, identify)


def body(kind: str, spec: dict[str, Any] | None = None, group: str = "authorization.k8s.io") -> dict[str, Any]:
    found: dict[str, Any] = {"kind": kind, "apiVersion": f"{group}/v1"}
    return found if spec is None else {**found, "spec": spec}


def token_review(spec: dict[str, Any]) -> dict[str, Any]:
    return body("TokenReview", spec, "authentication.k8s.io")


async def test_a_good_token() -> None:
    answer = await REVIEWER.review("tokenreviews", token_review({"token": "good"}), ALICE)
    assert answer == {
        **token_review({"token": "good"}),
        "metadata": {},
        "status": {
            "authenticated": True,
            "user": {"username": "by-token", "uid": "8", "groups": ["g", "system:authenticated"]},
            "audiences": ["https://kubernetes.default.svc"],
        },
    }


async def test_a_bad_token() -> None:
    answer = await REVIEWER.review("tokenreviews", token_review({"token": "bad"}), ALICE)
    assert answer["status"] == {"user": {}, "error": "invalid bearer token"}


async def test_no_token() -> None:
    with pytest.raises(statuses.BadRequest, match=r"^token is required for TokenReview in authentication$"):
        await REVIEWER.review("tokenreviews", token_review({}), ALICE)


async def test_who_am_i() -> None:
    answer = await REVIEWER.review(
        "selfsubjectreviews", body("SelfSubjectReview", group="authentication.k8s.io"), ALICE
    )
    assert answer["status"] == {
        "userInfo": {
            "username": "alice",
            "uid": "7",
            "groups": ["devs", "system:authenticated"],
            "extra": {"k": ["v"]},
        }
    }
    assert answer["metadata"]["creationTimestamp"].endswith("Z")


@pytest.mark.parametrize(("principal", "question", "allowed"), rbac.CASES)
async def test_access_of_others_and_of_oneself_agree(
    principal: Principal, question: rbac.Object, allowed: bool
) -> None:
    spec = {"user": principal.name, "groups": list(principal.groups), **question}
    other = await REVIEWER.review("subjectaccessreviews", body("SubjectAccessReview", spec), ALICE)
    own = await REVIEWER.review("selfsubjectaccessreviews", body("SelfSubjectAccessReview", question), principal)
    assert other["status"] == own["status"]
    assert own["status"]["allowed"] == allowed
    assert other["spec"] == spec
    assert other["metadata"] == {}


PODS = rbac.resource("get", "pods")
VERSION = rbac.path("get", "/version")
WHO = {"user": "a"}


@pytest.mark.parametrize(
    ("plural", "spec", "namespace", "causes"),
    [
        (
            "selfsubjectaccessreviews",
            {},
            "",
            [
                "spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or "
                "resourceAttributes must be specified"
            ],
        ),
        (
            "subjectaccessreviews",
            PODS,
            "",
            ['spec.user: Invalid value: "": at least one of user or group must be specified'],
        ),
        (
            "subjectaccessreviews",
            {**WHO, **PODS, **VERSION},
            "",
            [
                'spec.nonResourceAttributes: Invalid value: {"Path":"/version","Verb":"get"}: '
                "cannot be specified in combination with resourceAttributes"
            ],
        ),
        (
            "subjectaccessreviews",
            {},
            "",
            [
                "spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or "
                "resourceAttributes must be specified",
                'spec.user: Invalid value: "": at least one of user or group must be specified',
            ],
        ),
        (
            "localsubjectaccessreviews",
            {**WHO, **rbac.resource("get", "pods", namespace="other")},
            "default",
            ['spec.resourceAttributes.namespace: Invalid value: "other": must match metadata.namespace'],
        ),
        (
            "localsubjectaccessreviews",
            {**WHO, **PODS},
            "default",
            ['spec.resourceAttributes.namespace: Invalid value: "": must match metadata.namespace'],
        ),
        (
            "localsubjectaccessreviews",
            {**WHO, **VERSION},
            "default",
            [
                'spec.nonResourceAttributes: Invalid value: {"Path":"/version","Verb":"get"}: '
                "disallowed on this kind of request"
            ],
        ),
    ],
)
async def test_what_cannot_be_asked(plural: str, spec: dict[str, Any], namespace: str, causes: list[str]) -> None:
    with pytest.raises(statuses.Invalid) as caught:
        await REVIEWER.review(plural, body("x", spec), ALICE, namespace)
    text = causes[0] if len(causes) == 1 else f"[{', '.join(causes)}]"
    assert caught.value.message == f'.authorization.k8s.io "" is invalid: {text}'
    assert [f"{each['field']}: {each['message']}" for each in caught.value.causes] == causes
    assert caught.value.details["group"] == "authorization.k8s.io"


async def test_local_access() -> None:
    spec = {"user": "editor", **rbac.resource("patch", "configmaps", **rbac.IN)}
    answer = await REVIEWER.review("localsubjectaccessreviews", body("x", spec), ALICE, rbac.NAMESPACE)
    assert answer["status"]["allowed"]


async def test_the_rules_of_oneself() -> None:
    review = body("SelfSubjectRulesReview", {"namespace": rbac.NAMESPACE})
    answer = await REVIEWER.review("selfsubjectrulesreviews", review, Principal("namer"))
    assert answer["spec"] == {}
    assert answer["status"] == {
        "resourceRules": [rbac.rule("get,delete", "", "configmaps", "one", "two")],
        "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/logs", "/logs/*", "/metrics*"]}],
        "incomplete": False,
    }


async def test_rules_that_cannot_be_resolved_are_told() -> None:
    review = body("SelfSubjectRulesReview", {"namespace": rbac.NAMESPACE})
    answer = await REVIEWER.review("selfsubjectrulesreviews", review, Principal("dangler"))
    assert answer["status"] == {
        "resourceRules": [],
        "nonResourceRules": [],
        "incomplete": False,
        "evaluationError": '[clusterrole.rbac.authorization.k8s.io "case-absent" not found, '
        'role.rbac.authorization.k8s.io "case-absent" not found]',
    }


async def test_rules_need_a_namespace() -> None:
    with pytest.raises(statuses.BadRequest, match=r"^no namespace on request$"):
        await REVIEWER.review("selfsubjectrulesreviews", body("SelfSubjectRulesReview", {}), ALICE)


async def test_other_kinds_are_not_here() -> None:
    with pytest.raises(statuses.NotFound):
        await REVIEWER.review("pods", body("Pod"), ALICE)
