"""Webhooks that are asked about a claim and about the same object stored locally: told the same, to the same effect."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fairlead.aggregation.webhooks import MUTATING, VALIDATING
from fairlead.client.api import Client
from fairlead.client.targets import Cluster
from fairlead.machinery import encoding
from fairlead.machinery.messages import Headers, Response
from tests.differential import kind, servers
from tests.e2e import reviewers
from tests.e2e.reviewers import Sides, differences, normalised

pytestmark = [pytest.mark.anyio, pytest.mark.real, pytest.mark.requirement("connector:admission-as-local")]
Object = dict[str, Any]

NAMESPACE = kind.NAMESPACES[0]
COLLECTION = kind.WIDGETS.path(NAMESPACE)
MERGE, JSON_PATCH, APPLY = (
    f"application/{each}" for each in ("merge-patch+json", "json-patch+json", "apply-patch+yaml")
)


@dataclass(frozen=True)
class Step:
    method: str
    path: str
    body: Any = None
    query: str = ""
    content_type: str = "application/json"


def one(subresource: str = "", name: str = "one") -> str:
    return kind.WIDGETS.path(NAMESPACE, name, subresource or None)


def widget(name: str = "one", **spec: Any) -> Object:
    return kind.widget(name, NAMESPACE, **spec)


@pytest.fixture(scope="module")
def clusters(tmp_path_factory: pytest.TempPathFactory, crossplane_crds: Path) -> Iterator[tuple[Cluster, Cluster]]:
    xrd_crd = crossplane_crds / "apiextensions.crossplane.io_compositeresourcedefinitions.yaml"
    with servers.real(tmp_path_factory.mktemp("webhooks"), xrd_crd) as found:
        yield found


@pytest.fixture
async def sides(clusters: tuple[Cluster, Cluster]) -> AsyncIterator[Sides]:
    async with reviewers.sides(*clusters) as found:
        yield found
        await found.forget()


async def send(client: Client, step: Step) -> Object:
    body = b"" if step.body is None else encoding.to_json(step.body)
    headers = Headers([("content-type", step.content_type)] if body else [])
    answer = await client.connection.request(step.method, step.path, query=step.query, headers=headers, body=body)
    content = answer.body if isinstance(answer.body, bytes) else b""
    return {"code": answer.status, "warnings": answer.headers.all("warning"), "body": encoding.from_json(content)}


async def same(sides: Sides, step: Step) -> tuple[Object, list[Object]]:
    """The answer and what the webhooks were told, after both were found equal.

    Of a Scale they see who owns what locally; no answer of the control plane has that in it.
    """
    answers, told = await on_both(sides, step)
    if step.path.endswith("/scale"):
        told = {side: unowned(each) for side, each in told.items()}
    assert not differences(answers["local"], answers["app"]), step
    assert operations(told["local"]) == operations(told["app"]), step
    assert not differences(told["local"], told["app"]), step
    return answers["app"], told["app"]


async def on_both(sides: Sides, step: Step) -> tuple[dict[str, Object], dict[str, list[Object]]]:
    for each in sides.reviewers.told.values():
        each.clear()
    answers = {side: normalised(await send(client, step)) for side, client in sides.clients.items()}
    return answers, {side: [normalised(each) for each in found] for side, found in sides.reviewers.told.items()}


def operations(told: list[Object]) -> list[tuple[str, str]]:
    return [(each["hook"], each["operation"]) for each in told]


WRITES = [
    Step("POST", COLLECTION, widget(), "fieldManager=me&fieldValidation=Strict"),
    Step("POST", COLLECTION, {**widget(), "metadata": {"generateName": "gen-"}}, "dryRun=All"),
    Step("POST", COLLECTION, widget("rehearsed", note="short"), "dryRun=All"),
    Step("POST", COLLECTION, widget("unknown", nonsense=1)),
    Step("PATCH", one(), {"spec": {"replicas": 3}}, content_type=MERGE),
    Step("PATCH", one(), [{"op": "replace", "path": "/spec/replicas", "value": 4}], content_type=JSON_PATCH),
    Step("PATCH", one(), {"spec": {"nonsense": 3}}, content_type=MERGE),
    Step("PATCH", one(), {"metadata": {"labels": {"a": "b"}}}, "dryRun=All&fieldManager=me", MERGE),
    Step("PATCH", one("status"), {"status": {"phase": "Bound"}}, content_type=MERGE),
    Step("PATCH", one("scale"), {"spec": {"replicas": 5}}, content_type=MERGE),
    Step("PATCH", one(), {**widget(tags=["a"])}, "fieldManager=applier&force=true", APPLY),
    Step("PATCH", one(), {**widget(tags=["b"])}, "fieldManager=applier", APPLY),
    Step("PATCH", one(name="fresh"), widget("fresh"), "fieldManager=applier", APPLY),
    Step("PUT", one(), widget(size="large")),
    Step("PATCH", one(), [{"op": "test", "path": "/spec/size", "value": "none"}], content_type=JSON_PATCH),
    Step("PATCH", one(), {"metadata": {"resourceVersion": "1"}}, content_type=MERGE),
    Step("PUT", one(name="absent"), widget("absent")),
    Step("DELETE", one(name="absent")),
    Step("DELETE", one(), {"kind": "DeleteOptions", "apiVersion": "v1", "dryRun": ["All"]}),
    Step("DELETE", one(name="fresh"), query="propagationPolicy=Background"),
    Step("DELETE", COLLECTION),
]


async def test_a_webhook_that_only_looks_is_told_what_it_would_be_told_of_a_local_object(sides: Sides) -> None:
    sides.reviewers.deeds |= {"looks": reviewers.allow}
    everything = {"rules": [rule("*", "widgets", "widgets/*")]}
    await sides.register("looks", VALIDATING, ("looks", everything))
    await sides.in_effect()
    seen = []
    for step in WRITES:
        _, told = await same(sides, step)
        seen += operations(told)
    assert {operation for _, operation in seen} == {"CREATE", "UPDATE", "DELETE"}


def rule(operation: str, *resources: str) -> Object:
    return {"operations": [operation], "apiGroups": [kind.GROUP], "apiVersions": ["*"], "resources": [*resources]}


@pytest.mark.requirement("connector:admission-order", "connector:admission-apply")
async def test_what_webhooks_change_is_written_and_seen_by_those_that_follow(sides: Sides) -> None:
    """All but who owns what they change: nobody locally, the caller here."""
    noted = reviewers.patching(
        {"op": "add", "path": "/spec/note", "value": "hooked"}, warnings=['mind the "gap"', "no\nheader"]
    )
    marked = reviewers.patching({"op": "add", "path": "/metadata/annotations", "value": {"seen": "yes"}})
    sides.reviewers.deeds |= {"notes": noted, "marks": marked, "looks": reviewers.allow}
    changing = {"rules": [rule("CREATE", "widgets"), rule("UPDATE", "widgets")]}
    again = changing | {"reinvocationPolicy": "IfNeeded"}
    await sides.register("b", MUTATING, ("marks", changing))
    await sides.register("a", MUTATING, ("notes", again))
    await sides.register("looks", VALIDATING, ("looks", {}))
    await sides.in_effect()
    for step in WRITES:
        answers, told = await on_both(sides, step)
        if answers["local"]["code"] < 400:
            assert not differences(unowned(answers["local"]), unowned(answers["app"])), step
            assert not differences(unowned(told["local"]), unowned(told["app"])), step
        else:  # what no webhook can put right is refused before they are asked
            assert answers["local"]["body"] == answers["app"]["body"], step
        if told["app"] and told["app"][0]["operation"] == "CREATE":
            assert [hook for hook, _ in operations(told["app"])] == ["notes", "marks", "notes", "looks"]


def unowned(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: unowned(each) for key, each in value.items() if key != "managedFields"}
    return [unowned(each) for each in value] if isinstance(value, list) else value


@pytest.mark.requirement("connector:admission-apply")
async def test_what_a_webhook_adds_to_an_apply_is_the_appliers(sides: Sides) -> None:
    sides.reviewers.deeds["notes"] = reviewers.patching({"op": "add", "path": "/spec/note", "value": "hooked"})
    await sides.register("notes", MUTATING, ("notes", {}))
    await sides.in_effect()
    client = sides.clients["app"]
    first = await client.apply(kind.WIDGETS, widget(), manager="applier")
    second = await client.apply(kind.WIDGETS, widget(), manager="applier")
    assert first["spec"] == second["spec"] == {"size": "small", "replicas": 1, "note": "hooked"}
    assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]
    [managed] = second["metadata"]["managedFields"]
    assert managed["fieldsV1"] == {"f:spec": {"f:note": {}, "f:size": {}}}


REFUSALS: list[Object] = [
    {"allowed": False},
    {"allowed": False, "status": {"message": "not this one"}},
    {"allowed": False, "status": {"code": 422, "message": "no", "reason": "Invalid", "details": {"name": "x"}}},
    {"allowed": False, "status": {"code": 200, "reason": "OnlyReason", "status": "Success"}},
    {"allowed": False, "warnings": ["and mind"], "status": {"code": 429, "details": {"retryAfterSeconds": 1}}},
]


def saying(response: Object) -> reviewers.Deed:
    return lambda request: response


@pytest.mark.parametrize("resource", [MUTATING, VALIDATING], ids=["mutating", "validating"])
async def test_a_refusal_has_code_and_words_of_the_webhook(sides: Sides, resource: Any) -> None:
    sides.reviewers.deeds["refuses"] = reviewers.allow
    await sides.register("refuses", resource, ("refuses", {}))
    await sides.in_effect()
    await same(sides, Step("POST", COLLECTION, widget()))
    for refusal in REFUSALS:
        sides.reviewers.deeds["refuses"] = saying(refusal)
        for step in (
            Step("POST", COLLECTION, widget("two")),
            Step("PATCH", one(), {"spec": {"replicas": 3}}, content_type=MERGE),
            Step("PATCH", one(), widget(tags=["b"]), "fieldManager=applier&force=true", APPLY),
            Step("DELETE", one()),
            Step("DELETE", COLLECTION),
        ):
            answer, told = await same(sides, step)
            assert answer["code"] >= 400
            assert 'admission webhook "refuses.example.org" denied the request' in answer["body"]["message"]
            assert len(told) == 1


def plain(status: int, body: bytes) -> Any:
    kind_of_body = "application/json" if body.startswith(b"{") else "text/plain"
    return lambda review: Response(status, Headers([("content-type", kind_of_body)]), body)


def wrong(**response: Any) -> Any:
    def answer(review: Object) -> Response:
        full = {"uid": review["request"]["uid"], "allowed": True, **response}
        document = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": full}
        return Response(200, Headers([("content-type", "application/json")]), encoding.to_json(document))

    return answer


NO_ANSWERS = {
    "an error": plain(500, b"oops"),
    "not there": plain(404, b"no such path"),
    "nothing": plain(200, b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}'),
    "another's": wrong(uid="another"),
    "a patch without type": wrong(patch="W10="),
    "a type without patch": wrong(patchType="JSONPatch"),
}


@pytest.mark.requirement("connector:admission-failure")
async def test_no_answer_is_a_refusal_or_nothing_as_the_policy_says(sides: Sides) -> None:
    for policy in ("Fail", "Ignore"):
        await sides.register(
            f"{policy.lower()}s", MUTATING, (policy.lower(), {"failurePolicy": policy, **only(policy)})
        )
        sides.reviewers.deeds[policy.lower()] = reviewers.allow
    await sides.in_effect()
    for answer in NO_ANSWERS.values():
        sides.reviewers.raw = {"fail": answer, "ignore": answer}
        refused, _ = await same(sides, Step("POST", COLLECTION, labelled("Fail"), "dryRun=All"))
        assert refused["code"] == 500
        passed, _ = await same(sides, Step("POST", COLLECTION, labelled("Ignore"), "dryRun=All"))
        assert passed["code"] == 201


@pytest.mark.requirement("connector:admission-failure")
async def test_a_webhook_that_cannot_be_reached_or_does_not_say_who_it_is_refuses(sides: Sides) -> None:
    elsewhere = {"clientConfig": {"url": "https://127.0.0.1:1/nobody"}}
    untrusted = {"clientConfig": {"url": f"{sides.reviewers.url}/app/untrusted"}}
    nowhere = {"clientConfig": {"service": {"namespace": NAMESPACE, "name": "none", "path": "/x"}}}
    for name, more in (("elsewhere", elsewhere), ("untrusted", untrusted), ("nowhere", nowhere)):
        await sides.register(name, VALIDATING, (name, {**more, **only(name)}))
        sides.reviewers.deeds[name] = reviewers.allow
    await sides.in_effect()
    for name in ("elsewhere", "untrusted", "nowhere"):
        answers, told = await on_both(sides, Step("POST", COLLECTION, labelled(name), "dryRun=All"))
        assert told == {"local": [], "app": []}
        for answer in answers.values():
            assert answer["code"] == 500
            begin = f'Internal error occurred: failed calling webhook "{name}.example.org": failed to call webhook: '
            assert answer["body"]["message"].startswith(f'{begin}Post "https://')


def only(value: str) -> Object:
    return {"objectSelector": {"matchLabels": {"only": value}}}


def labelled(value: str) -> Object:
    return {**widget(), "metadata": {"name": "one", "namespace": NAMESPACE, "labels": {"only": value}}}


@pytest.mark.requirement("connector:admission-matching")
async def test_who_is_asked_is_decided_alike(sides: Sides) -> None:
    def asked(**rules: Any) -> Object:
        return {"rules": [rule("*", "widgets") | rules]}

    named = {"kubernetes.io/metadata.name": NAMESPACE}
    patterns: dict[str, Object] = {
        "creates": {"rules": [rule("CREATE", "widgets")]},
        "everything": asked(apiGroups=["*"], resources=["*/*"]),
        "others": asked(apiGroups=["apps"]),
        "cluster-scoped": asked(scope="Cluster"),
        "namespaced": asked(scope="Namespaced"),
        "status": asked(resources=["widgets/status"]),
        "scale": asked(resources=["*/scale"]),
        "here": {"namespaceSelector": {"matchLabels": named}},
        "elsewhere": {
            "namespaceSelector": {
                "matchExpressions": [
                    {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": [NAMESPACE]},
                ]
            }
        },
        "labelled": only("here"),
        "other-version": asked(apiVersions=["v2"]),
    }
    sides.reviewers.deeds |= dict.fromkeys(patterns, reviewers.allow)
    await sides.register("all", MUTATING, *patterns.items())
    await sides.in_effect()
    steps = [
        *WRITES[:1],
        Step("PATCH", one(), {"metadata": {"labels": {"only": "here"}}}, content_type=MERGE),
        Step("PATCH", one(), {"metadata": {"labels": {"only": None}}}, content_type=MERGE),
        *(each for each in WRITES if each.path in (one("status"), one("scale"))),
        Step("DELETE", one()),
    ]
    met = set()
    for step in steps:
        _, told = await same(sides, step)
        met |= {each["hook"] for each in told}
    assert met == {"creates", "everything", "namespaced", "status", "scale", "here", "labelled"}


async def test_a_dry_run_asks_no_webhook_that_does_more_than_answer(sides: Sides) -> None:
    sides.reviewers.deeds["acts"] = reviewers.allow
    await sides.register("acts", VALIDATING, ("acts", {"sideEffects": "NoneOnDryRun", **only("acts")}))
    await sides.in_effect()
    await same(sides, Step("POST", COLLECTION, labelled("acts"), "dryRun=All"))
    answer, _ = await same(sides, Step("POST", COLLECTION, labelled("acts")))
    assert answer["code"] == 201


async def test_a_webhook_may_put_right_what_would_be_refused(sides: Sides) -> None:
    sides.reviewers.deeds["mends"] = reviewers.patching({"op": "add", "path": "/spec/size", "value": "large"})
    await sides.register("mends", MUTATING, ("mends", {}))
    await sides.in_effect()
    for step in (
        Step("POST", COLLECTION, widget(size="wrong")),
        Step("PATCH", one(), {"spec": {"size": "worse"}}, content_type=MERGE),
    ):
        answers, _ = await on_both(sides, step)
        assert unowned(answers["app"]) == unowned(answers["local"]), step
        assert answers["app"]["body"]["spec"]["size"] == "large"


async def test_a_deletion_cannot_be_changed_only_refused(sides: Sides) -> None:
    sides.reviewers.deeds["meddles"] = reviewers.patching({"op": "add", "path": "/spec", "value": {}})
    await sides.register("meddles", MUTATING, ("meddles", {"rules": [rule("DELETE", "widgets")]}))
    await sides.in_effect()
    await same(sides, Step("POST", COLLECTION, widget()))
    answer, _ = await same(sides, Step("DELETE", one()))
    assert answer["code"] == 500
