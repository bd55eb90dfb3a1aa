"""What only a control plane that answers from a script can show: races, outages, and what exactly is sent."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from fairlead.client.errors import Unreachable
from fairlead.connector import naming
from fairlead.connector.naming import Identity
from fairlead.machinery import statuses
from fairlead.machinery.messages import Headers, Response
from fairlead.machinery.paths import Resource
from tests.connector.fakes import BASE, World, no, ok, world
from tests.connector.objects import PREFIX, SCOPE, decode, encode, stored

pytestmark = pytest.mark.anyio

A = Identity(SCOPE.cluster, "team-a", "orders")
ONE = f"{BASE}/namespaces/team-a/databases/orders"
ALL = f"{BASE}/namespaces/team-a/databases"
THERE = f"{BASE}/namespaces/{SCOPE.namespace}/databases"
STORED = f"{THERE}/{A.backend(PREFIX)}"
DATABASES = Resource("demo.example.org", "v1", "databases")
MISSING = no(statuses.not_found(DATABASES, A.backend(PREFIX)))
UID_REFUSED = no(statuses.conflict(DATABASES, A.backend(PREFIX), "Precondition failed: UID in precondition"))
FOREIGN = ok({**stored(A), "metadata": {**stored(A)["metadata"], "labels": {naming.APP_CLUSTER: "another"}}})
JSON, MERGE, APPLY = "application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"


def mine(**spec: Any) -> dict[str, Any]:
    metadata = {"name": "orders", "namespace": "team-a", "resourceVersion": "7"}
    return {"apiVersion": "demo.example.org/v1", "kind": "Database", "metadata": metadata, "spec": spec}


def methods(found: World) -> list[str]:
    return [each.method for each in found.control_plane.sent]


async def remembered(*answers: Any) -> World:
    """A world in which the object was read before."""
    found = world(ok(stored(A)), *answers)
    await found.ask("GET", ONE)
    found.control_plane.sent.clear()
    return found


def body(answer: Response) -> Any:
    assert isinstance(answer.body, bytes)
    return decode(answer.body)


# -- one request where the identity is known, two otherwise ------------------------------------------------------------

WRITES = [
    ("PUT", mine(size=2), "", "application/json"),
    ("PATCH", {"spec": {"size": 2}}, "", MERGE),
    ("PATCH", [{"op": "replace", "path": "/spec/size", "value": 2}], "", JSON),
    ("PATCH", mine(size=2), "fieldManager=m", APPLY),
    ("DELETE", b"", "", ""),
]


@pytest.mark.requirement("connector:verified-uid", "connector:one-request")
@pytest.mark.parametrize(("method", "sent", "query", "content_type"), WRITES)
async def test_a_write_carries_the_uid_and_takes_one_request_when_it_is_known(
    method: str, sent: Any, query: str, content_type: str
) -> None:
    found = await remembered(ok(stored(A)))
    answer = await found.ask(method, ONE, sent, query, content_type)
    assert answer.status == 200
    assert methods(found) == [method]
    assert_carries(found, "u-1")


@pytest.mark.requirement("connector:verified-uid", "connector:one-request")
@pytest.mark.parametrize(("method", "sent", "query", "content_type"), WRITES)
async def test_and_two_when_it_is_not(method: str, sent: Any, query: str, content_type: str) -> None:
    found = world(ok(stored(A, uid="u-2")), ok(stored(A, uid="u-2")))
    answer = await found.ask(method, ONE, sent, query, content_type)
    assert answer.status == 200
    assert methods(found) == ["GET", method]
    assert_carries(found, "u-2")


def assert_carries(found: World, uid: str) -> None:
    sent = found.control_plane.sent[-1]
    assert sent.path == STORED
    if sent.method == "DELETE":
        assert sent.object["preconditions"] == {"uid": uid}
    elif isinstance(sent.object, list):
        assert sent.object[-1] == {"op": "test", "path": "/metadata/uid", "value": uid}
    else:
        assert sent.object["metadata"]["uid"] == uid


@pytest.mark.requirement("connector:foreign-hidden")
@pytest.mark.parametrize(("method", "sent", "query", "content_type"), WRITES)
async def test_nothing_is_written_to_anothers_object(method: str, sent: Any, query: str, content_type: str) -> None:
    found = world(FOREIGN)
    answer = await found.ask(method, ONE, sent, query, content_type)
    assert methods(found) == ["GET"]
    assert answer.status == (409 if content_type == APPLY else 404)
    assert body(answer)["details"]["name"] == "orders"


@pytest.mark.requirement("connector:foreign-hidden")
async def test_anothers_object_is_not_found() -> None:
    found = world(FOREIGN)
    answer = await found.ask("GET", ONE)
    assert body(answer) == statuses.not_found(DATABASES, "orders").to_object()


@pytest.mark.requirement("connector:verified-uid")
@pytest.mark.parametrize(("method", "sent", "query", "content_type"), WRITES)
async def test_a_remembered_uid_that_is_refused_is_read_again(
    method: str, sent: Any, query: str, content_type: str
) -> None:
    refused = no(statuses.Invalid("it does not apply")) if content_type == JSON else UID_REFUSED
    found = await remembered(refused, ok(stored(A, uid="u-2")), ok(stored(A, uid="u-2")))
    answer = await found.ask(method, ONE, sent, query, content_type)
    assert answer.status == 200
    assert methods(found) == [method, "GET", method]
    assert_carries(found, "u-2")


@pytest.mark.requirement("connector:verified-uid")
@pytest.mark.parametrize(("method", "sent", "query", "content_type"), WRITES)
async def test_a_uid_that_is_refused_as_immutable_is_read_again(
    method: str, sent: Any, query: str, content_type: str
) -> None:
    """That is what an API server says to a patch or an apply: only a replacement with a wrong uid is a conflict."""
    causes = [statuses.cause("metadata.uid", 'Invalid value: "u-2": field is immutable')]
    refused = no(statuses.invalid("example.org", "Database", A.backend(PREFIX), causes))
    found = await remembered(refused, ok(stored(A, uid="u-2")), ok(stored(A, uid="u-2")))
    answer = await found.ask(method, ONE, sent, query, content_type)
    assert answer.status == 200
    assert_carries(found, "u-2")


@pytest.mark.requirement("connector:verified-uid")
@pytest.mark.parametrize(("method", "sent", "query", "content_type"), WRITES)
async def test_a_refusal_for_another_reason_is_the_callers(
    method: str, sent: Any, query: str, content_type: str
) -> None:
    refused = no(statuses.conflict(DATABASES, A.backend(PREFIX), statuses.STALE))
    found = await remembered(refused, ok(stored(A)))
    answer = await found.ask(method, ONE, sent, query, content_type)
    assert body(answer) == statuses.conflict(DATABASES, "orders", statuses.STALE).to_object()


@pytest.mark.requirement("connector:verified-uid")
async def test_an_object_replaced_between_reading_and_patching_is_a_conflict() -> None:
    found = world(ok(stored(A)), no(statuses.Invalid("it does not apply")), ok(stored(A, uid="u-2")))
    answer = await found.ask("PATCH", ONE, [{"op": "remove", "path": "/spec/size"}], content_type=JSON)
    assert answer.status == 409


@pytest.mark.requirement("connector:owner-references")
async def test_a_replacement_carries_over_what_the_sender_cannot_see() -> None:
    owners = [{"apiVersion": "v1", "kind": "X", "name": "x", "uid": "9"}]
    live = stored(A, ownerReferences=owners, annotations={naming.RESERVED + "later": "v"})
    found = world(ok(live), ok(live))
    await found.ask("PUT", ONE, mine(size=2))
    sent = found.control_plane.sent[-1].object["metadata"]
    assert sent["ownerReferences"] == owners
    assert sent["annotations"] == {naming.RESERVED + "later": "v"}


@pytest.mark.requirement("connector:owner-references")
async def test_what_is_hidden_is_only_known_for_the_version_that_was_read() -> None:
    found = await remembered(ok(stored(A)), ok(stored(A)))
    await found.ask("PUT", ONE, {**mine(), "metadata": {"name": "orders", "resourceVersion": "8"}})
    assert methods(found) == ["GET", "PUT"]


# -- create and apply --------------------------------------------------------------------------------------------------


@pytest.mark.requirement("connector:identity-labels", "connector:namespace-lifecycle")
async def test_a_claim_is_created_under_its_hashed_name() -> None:
    found = world(lambda sent: ok({**sent.object, "metadata": {**sent.object["metadata"], "uid": "u"}}, 201))
    answer = await found.ask("POST", ALL, {**mine(), "metadata": {"name": "orders"}}, "dryRun=All&dryRun=x&as=root")
    sent = found.control_plane.sent[0]
    assert (answer.status, sent.path) == (201, THERE)
    assert sent.query == {"dryRun": "All", "pretty": "false"}
    assert sent.object["metadata"] == {
        "name": A.backend(PREFIX), "namespace": SCOPE.namespace, "labels": A.labels,
        "annotations": {naming.APP_NAMESPACE_UID: "uid-of-team-a"},
    }  # fmt: skip
    assert body(answer)["metadata"] == {"name": "orders", "namespace": "team-a", "uid": "u"}


@pytest.mark.requirement("connector:namespace-lifecycle")
@pytest.mark.parametrize(("phase", "code", "reason"), [(None, 404, "NotFound"), ("Terminating", 403, "Forbidden")])
async def test_nothing_is_created_in_a_namespace_that_is_missing_or_going(
    phase: str | None, code: int, reason: str
) -> None:
    for method, path, content_type in (("POST", ALL, "application/json"), ("PATCH", ONE, APPLY)):
        found = world(*([MISSING] if method == "PATCH" else []), lambda sent: ok(sent.object, 201))
        found.namespaces.phases = {"team-a": phase} if phase else {}
        answer = await found.ask(
            method, path, {**mine(), "metadata": {"name": "orders"}}, "fieldManager=m", content_type
        )
        status = body(answer)
        assert (answer.status, status["reason"]) == (code, reason)
        if phase:
            assert status["details"]["causes"][0]["reason"] == "NamespaceTerminating"
        assert all(each.method == "GET" or each.query["dryRun"] == "All" for each in found.control_plane.sent)


@pytest.mark.requirement("connector:name-limits")
@pytest.mark.parametrize("name", ["a" * 64, "A_", ""])
async def test_a_bad_name_is_refused_under_that_name(name: str) -> None:
    too_long = statuses.invalid("demo.example.org", "Database", "claim-x", [statuses.cause("spec.note", "Too long")])
    found = world(no(too_long))
    answer = await found.ask("POST", ALL, {**mine(), "metadata": {"name": name}})
    assert answer.status == 422
    assert body(answer)["details"].get("name", "") == name
    assert {each["field"] for each in body(answer)["details"]["causes"]} == {"metadata.name", "spec.note"}
    assert [each.query["dryRun"] for each in found.control_plane.sent] == ["All"]


@pytest.mark.requirement("connector:first-refusal")
async def test_a_body_that_cannot_be_read_is_refused_in_the_words_of_the_control_plane() -> None:
    for method, path in (("POST", ALL), ("PUT", ONE)):
        found = world(no(statuses.BadRequest("couldn't get version/kind; json parse error")))
        answer = await found.ask(method, path, b"{", content_type="application/json")
        assert body(answer)["message"] == "couldn't get version/kind; json parse error"
        assert [each.query["dryRun"] for each in found.control_plane.sent] == ["All"]


@pytest.mark.requirement("connector:first-refusal")
async def test_what_is_wrong_with_a_write_to_no_object_comes_before_its_absence() -> None:
    invalid = statuses.Invalid("UpdateOptions is invalid", {"group": "meta.k8s.io"})
    for theirs, code in ((no(invalid), 422), (no(statuses.ServiceUnavailable("x")), 404), (MISSING, 404)):
        for method, content_type in (("PUT", "application/json"), ("PATCH", MERGE), ("DELETE", "")):
            found = world(MISSING, theirs)
            assert (await found.ask(method, ONE, mine() if content_type else b"", "", content_type)).status == code
            sent = found.control_plane.sent[-1]
            assert sent.query.get("dryRun") == "All" or sent.object["dryRun"] == ["All"]


@pytest.mark.requirement("connector:first-refusal")
async def test_anothers_object_is_not_asked_about() -> None:
    found = world(FOREIGN)
    assert (await found.ask("DELETE", ONE)).status == 404
    assert methods(found) == ["GET"]


@pytest.mark.requirement("connector:duplicate-keys")
async def test_keys_that_occur_twice_are_warned_about_or_refused() -> None:
    twice = (
        b'{"apiVersion":"demo.example.org/v1","kind":"Database","kind":"Database",'
        b'"metadata":{"name":"orders","labels":{"a":"b","a":"c"}}}'
    )
    answer = await world(lambda sent: ok(sent.object, 201)).ask("POST", ALL, twice)
    assert answer.headers.all("warning") == [
        '299 - "duplicate field \\"kind\\""',
        '299 - "duplicate field \\"metadata.labels.a\\""',
    ]
    assert not (
        await world(lambda sent: ok(sent.object, 201)).ask("POST", ALL, twice, "fieldValidation=Ignore")
    ).headers.all("warning")
    found = world(no(statuses.BadRequest("strict decoding error")))
    assert (await found.ask("POST", ALL, twice, "fieldValidation=Strict")).status == 400
    assert found.control_plane.sent[0].body == twice


@pytest.mark.requirement("connector:owner-references")
async def test_owner_references_that_no_server_stores_are_refused() -> None:
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "u", "controller": True}
    for owners in ([owner, owner], [{**owner, "uid": ""}]):
        found = world(lambda sent: ok(sent.object, 201))
        answer = await found.ask("POST", ALL, {**mine(), "metadata": {"name": "orders", "ownerReferences": owners}})
        assert answer.status == 422
        assert [each.query["dryRun"] for each in found.control_plane.sent] == ["All"]


@pytest.mark.requirement("connector:generate-name")
async def test_a_generated_name_that_is_taken_is_made_anew() -> None:
    taken = no(statuses.already_exists(DATABASES, "claim-0123456789abcdef"))
    found = world(taken, lambda sent: ok(sent.object, 201))
    answer = await found.ask("POST", ALL, {**mine(), "metadata": {"generateName": "gen-"}})
    made = body(answer)["metadata"]
    assert answer.status == 201
    assert made["name"].startswith("gen-")
    assert made["generateName"] == "gen-"
    one, two = (each.object["metadata"]["name"] for each in found.control_plane.sent)
    assert one != two
    assert two == Identity(SCOPE.cluster, "team-a", made["name"]).backend(PREFIX)


@pytest.mark.requirement("connector:generate-name")
async def test_it_is_given_up_after_eight_names() -> None:
    found = world(*[no(statuses.already_exists(DATABASES, "claim-0123456789abcdef"))] * 8)
    answer = await found.ask("POST", ALL, {**mine(), "metadata": {"generateName": "gen-"}})
    assert (answer.status, answer.headers.get("retry-after")) == (409, "1")
    assert "not able to generate a unique name" in body(answer)["message"]


@pytest.mark.requirement("connector:apply-creates")
async def test_an_apply_that_creates_needs_the_right_to_create() -> None:
    found = world(MISSING, refuses="create")
    answer = await found.ask("PATCH", ONE, mine(), "fieldManager=m", APPLY)
    assert answer.status == 403
    assert [each.verb for each in found.reviewed] == ["create"]
    assert methods(found) == ["GET"]


@pytest.mark.requirement("connector:apply-creates")
async def test_an_apply_that_creates_is_never_forced() -> None:
    found = world(MISSING, ok(stored(A), 201))
    answer = await found.ask("PATCH", ONE, mine(), "fieldManager=m&force=true", APPLY)
    assert answer.status == 201
    sent = found.control_plane.sent[-1]
    assert "force" not in sent.query
    assert "uid" not in sent.object["metadata"]


@pytest.mark.requirement("connector:apply-creates")
async def test_an_apply_that_finds_the_object_after_all_is_verified_then_forced() -> None:
    found = world(MISSING, UID_REFUSED, ok(stored(A)), ok(stored(A)))
    answer = await found.ask("PATCH", ONE, mine(), "fieldManager=m&force=true", APPLY)
    assert answer.status == 200
    assert found.control_plane.sent[-1].query["force"] == "true"
    assert_carries(found, "u-1")


@pytest.mark.requirement("connector:apply-creates")
async def test_applied_yaml_is_read() -> None:
    found = world(ok(stored(A)), ok(stored(A)))
    text = b"apiVersion: demo.example.org/v1\nkind: Database\nmetadata: {name: orders}\nspec: {n: 9007199254740993}\n"
    await found.ask("PATCH", ONE, text, "fieldManager=m", APPLY)
    assert found.control_plane.sent[-1].object["spec"] == {"n": 9007199254740993}


# -- patches that touch metadata ---------------------------------------------------------------------------------------


@pytest.mark.requirement("connector:patch-slow")
async def test_the_slow_path_replaces_the_version_that_it_read() -> None:
    live = stored(A, labels={"x": "y"})
    found = world(ok(live), ok(stored(A)))
    answer = await found.ask("PATCH", ONE, {"metadata": {"labels": None}}, "fieldManager=m", MERGE)
    sent = found.control_plane.sent[-1]
    assert (answer.status, sent.method, sent.query) == (200, "PUT", {"fieldManager": "m", "pretty": "false"})
    assert sent.object["metadata"]["labels"] == A.labels
    assert (sent.object["metadata"]["uid"], sent.object["metadata"]["resourceVersion"]) == ("u-1", "7")


@pytest.mark.requirement("connector:patch-slow")
async def test_the_slow_path_tries_again_where_the_patch_names_no_version() -> None:
    stale = no(statuses.conflict(DATABASES, A.backend(PREFIX), statuses.STALE))
    found = world(ok(stored(A)), stale, ok(stored(A)), ok(stored(A)))
    assert (await found.ask("PATCH", ONE, {"metadata": {"labels": None}}, "", MERGE)).status == 200
    pinned = world(ok(stored(A)), stale)
    patch = {"metadata": {"labels": None, "resourceVersion": "6"}}
    assert (await pinned.ask("PATCH", ONE, patch, "", MERGE)).status == 409


@pytest.mark.requirement("connector:media-types")
@pytest.mark.parametrize("content_type", ["application/strategic-merge-patch+json", "application/json", "text/plain"])
async def test_other_patches_are_415(content_type: str) -> None:
    found = world()
    assert (await found.ask("PATCH", ONE, {}, "", content_type)).status == 415


@pytest.mark.requirement("connector:media-types")
@pytest.mark.parametrize(
    ("accept", "code"),
    [("application/vnd.kubernetes.protobuf", 406), ("text/html", 406), ("*/*", 200), ("application/yaml", 200),
     ("application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json", 200)],
)  # fmt: skip
async def test_what_cannot_be_answered_is_406(accept: str, code: int) -> None:
    answer = await world(ok(stored(A))).ask("GET", ONE, accept=accept)
    assert answer.status == code


# -- collections -------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("connector:selectors")
@pytest.mark.parametrize(
    ("method", "path", "query"),
    [("GET", ALL, ""), ("GET", f"{BASE}/databases", ""), ("DELETE", ALL, ""), ("GET", ALL, "watch=true"),
     ("GET", f"{BASE}/databases", "fieldSelector=metadata.name%3Dorders"),
     ("GET", ALL, f"labelSelector={naming.APP_CLUSTER}!%3D{SCOPE.cluster}&labelSelector=x")],
)  # fmt: skip
async def test_every_collection_is_asked_for_with_our_selector(method: str, path: str, query: str) -> None:
    found = world(ok({"kind": "DatabaseList", "metadata": {}, "items": []}))
    answer = await found.ask(method, path, b"", query)
    if not isinstance(answer.body, bytes):
        await answer.body.aclose()  # type: ignore[attr-defined] # what a server does; the annotation promises less
    sent = found.control_plane.sent[0]
    assert sent.path == THERE
    terms = sent.query["labelSelector"].split(",")
    assert f"{naming.APP_CLUSTER}={SCOPE.cluster}" in terms
    assert (f"{naming.APP_NAMESPACE}=team-a" in terms) == (path == ALL)


@pytest.mark.requirement("connector:selectors")
@pytest.mark.parametrize("method", ["DELETE", "POST"])
async def test_all_namespaces_can_only_be_read(method: str) -> None:
    assert (await world().ask(method, f"{BASE}/databases", {})).status == 404


# -- watches -----------------------------------------------------------------------------------------------------------


async def chunks_of(answer: Response) -> list[bytes]:
    assert not isinstance(answer.body, bytes)
    return [each async for each in answer.body]


def line(kind: str, found: Any) -> bytes:
    return encode({"type": kind, "object": found}) + b"\n"


@pytest.mark.requirement("connector:watch-events")
async def test_events_leave_as_they_arrive_however_they_are_cut() -> None:
    whole = line("ADDED", stored(A)) + line("MODIFIED", stored(A))

    async def arriving() -> AsyncIterator[bytes]:
        yield whole[:30]
        yield whole[30:-20]
        yield whole[-20:]

    found = world(Response(200, Headers(), arriving()))
    answer = await found.ask("GET", ALL, query="watch=1")
    events = b"".join(await chunks_of(answer)).splitlines()
    assert [decode(each)["type"] for each in events] == ["ADDED", "MODIFIED"]
    assert found.control_plane.open_streams == 0


@pytest.mark.requirement("connector:watch-ends")
async def test_a_control_plane_that_is_lost_ends_the_stream_cleanly() -> None:
    async def arriving() -> AsyncIterator[bytes]:
        yield line("ADDED", stored(A))
        raise Unreachable("lost", sent=True)

    found = world(Response(200, Headers(), arriving()))
    assert len(await chunks_of(await found.ask("GET", ALL, query="watch=1"))) == 1
    assert found.control_plane.open_streams == 0


@pytest.mark.requirement("connector:watch-ends")
@pytest.mark.parametrize("started", [True, False])
async def test_a_client_that_leaves_ends_the_upstream_watch(started: bool) -> None:
    forever = anyio.Event()

    async def arriving() -> AsyncIterator[bytes]:
        yield line("ADDED", stored(A))
        await forever.wait()

    found = world(Response(200, Headers(), arriving()))
    answer = await found.ask("GET", ALL, query="watch=1")
    assert not isinstance(answer.body, bytes)
    if started:
        await anext(answer.body)
    await answer.body.aclose()  # type: ignore[attr-defined] # as above
    assert found.control_plane.open_streams == 0


@pytest.mark.requirement("connector:watch-ends")
async def test_a_watch_that_is_refused_is_answered_as_any_request() -> None:
    found = world(no(statuses.Expired("too old resource version: 1 (7)")))
    answer = await found.ask("GET", ALL, query="watch=1&resourceVersion=1")
    assert (answer.status, body(answer)["reason"]) == (410, "Expired")
    assert found.control_plane.open_streams == 0


# -- outages and headers -----------------------------------------------------------------------------------------------


@pytest.mark.requirement("connector:outage-answers")
@pytest.mark.parametrize(
    ("method", "path", "sent", "code"),
    [("GET", ONE, False, 503), ("GET", ALL, True, 503), ("POST", ALL, False, 503), ("POST", ALL, True, 504),
     ("DELETE", ALL, True, 504)],
)  # fmt: skip
async def test_an_unreachable_control_plane(method: str, path: str, sent: bool, code: int) -> None:
    found = world(Unreachable("cannot reach https://secret.example:6443", sent=sent))
    answer = await found.ask(method, path, {**mine(), "metadata": {"name": "orders"}} if method == "POST" else b"")
    assert answer.status == code
    assert (answer.headers.get("retry-after") != "") == (code == 503)
    assert b"secret" not in (answer.body if isinstance(answer.body, bytes) else b"")


@pytest.mark.requirement("connector:outage-answers")
async def test_discovery_is_answered_through_an_outage_and_refused_before_the_first_sync() -> None:
    for path in ("/apis", "/apis/demo.example.org/v1", "/openapi/v3", "/openapi/v2", ONE):
        assert (await world(catalog=None).ask("GET", path)).status == 503
        if path != ONE:
            assert (await world().ask("GET", path)).status == 200


@pytest.mark.requirement("connector:headers")
async def test_identity_never_travels() -> None:
    found = world(ok(stored(A)))
    await found.ask(
        "GET", ONE, authorization="Bearer t", x_remote_user="ana", x_remote_group="g", impersonate_user="root",
        cookie="c", x_forwarded_for="1.2.3.4", user_agent="kubectl/v1", audit_id="a", traceparent="t",
    )  # fmt: skip
    names = {key for key, _ in found.control_plane.sent[0].headers.lines}
    assert names == {"user-agent", "audit-id", "traceparent", "accept"}


@pytest.mark.requirement("connector:nothing-leaks")
@pytest.mark.parametrize("answer", [Response(200, Headers(), b"<html>"), ok([]), ok({"kind": "Database"})])
async def test_an_answer_that_is_no_object_is_an_error_of_ours(answer: Response) -> None:
    assert (await world(answer).ask("GET", ONE)).status == 500


@pytest.mark.requirement("connector:scale")
async def test_a_scale_is_written_to_the_verified_object() -> None:
    there = {"kind": "Scale", "metadata": {"name": A.backend(PREFIX), "namespace": SCOPE.namespace, "uid": "u-1"}}
    found = world(ok(stored(A)), ok(there))
    answer = await found.ask(
        "PUT",
        f"{ONE}/scale",
        {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "orders"}, "spec": {}},
    )
    assert body(answer)["metadata"]["name"] == "orders"
    assert found.control_plane.sent[-1].object["metadata"] == there["metadata"]


@pytest.mark.requirement("connector:scale", "connector:foreign-hidden")
async def test_the_scale_of_anothers_object_is_not_found() -> None:
    there = {"kind": "Scale", "metadata": {"name": A.backend(PREFIX), "namespace": SCOPE.namespace, "uid": "u-9"}}
    assert (await world(ok(there), FOREIGN).ask("GET", f"{ONE}/scale")).status == 404
    assert (await world(ok(there), ok(stored(A))).ask("GET", f"{ONE}/scale")).status == 404


@pytest.mark.requirement("connector:routing")
@pytest.mark.parametrize(
    ("method", "path", "code"),
    [("GET", f"{BASE}/namespaces/team-a/secrets", 404), ("GET", "/apis/other/v1/things", 404), ("PUT", ALL, 400),
     ("PATCH", ALL, 400), ("GET", f"{ONE}/exec", 404), ("DELETE", f"{ONE}/status", 405),
     ("GET", "/apis/demo.example.org/v9", 404), ("GET", "/metrics", 404), ("POST", "/apis", 405)],
)  # fmt: skip
async def test_what_is_not_offered(method: str, path: str, code: int) -> None:
    assert (await world().ask(method, path, {})).status == code
