"""PUT and PATCH."""

from typing import Any

import pytest

from tests.apiserver.asking import APPLY, GROUP, JSON_PATCH, MERGE, STRATEGIC, Api, Object, configmap, widget

pytestmark = pytest.mark.anyio
STALE = "the object has been modified; please apply your changes to the latest version and try again"
update = pytest.mark.requirement("embedded:update")
patch = pytest.mark.requirement("embedded:patch")
apply = pytest.mark.requirement("embedded:apply")


@pytest.fixture
async def made(api: Api, widgets: str) -> Object:
    return (await api.ask("POST", widgets, widget("a", {"size": 1}))).object


@update
async def test_a_put_replaces_content_and_keeps_identity(api: Api, configmaps: str) -> None:
    before = (await api.ask("POST", configmaps, configmap("a", {"k": "v"}))).object
    answer = await api.ask("PUT", f"{configmaps}/a", configmap("a", {"n": "w"}))
    after = answer.object
    assert (answer.status, after["data"]) == (200, {"n": "w"})
    assert int(after["metadata"]["resourceVersion"]) > int(before["metadata"]["resourceVersion"])
    assert [after["metadata"][name] == before["metadata"][name] for name in ("uid", "creationTimestamp")] == [True] * 2


@update
async def test_a_put_that_changes_nothing_is_no_write(api: Api, configmaps: str) -> None:
    before = (await api.ask("POST", configmaps, configmap("a", {"k": "v"}))).object
    after = (await api.ask("PUT", f"{configmaps}/a", before)).object
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


@update
async def test_generation_counts_changes_of_the_spec(api: Api, widgets: str, made: Object) -> None:
    made["metadata"]["labels"] = {"x": "y"}
    labelled = (await api.ask("PUT", f"{widgets}/a", made)).object
    assert labelled["metadata"]["generation"] == 1
    labelled["spec"]["size"] = 5
    assert (await api.ask("PUT", f"{widgets}/a", labelled)).object["metadata"]["generation"] == 2


@update
async def test_status_is_written_at_its_own_place(api: Api, widgets: str, made: Object) -> None:
    changed = {**made, "spec": {"size": 7}, "status": {"phase": "Done"}}
    at_status = (await api.ask("PUT", f"{widgets}/a/status", changed)).object
    assert (at_status["spec"]["size"], at_status["status"]) == (1, {"phase": "Done"})
    assert at_status["metadata"]["generation"] == 1
    at_status["status"] = {"phase": "Other"}
    assert (await api.ask("PUT", f"{widgets}/a", at_status)).object["status"] == {"phase": "Done"}


@update
async def test_ownership_of_status_is_the_subresources(api: Api, widgets: str, made: Object) -> None:
    body = {"status": {"phase": "Done"}}
    answer = await api.ask("PATCH", f"{widgets}/a/status?fieldManager=ctl", body, content_type=MERGE)
    owned = {entry["manager"]: entry for entry in answer.object["metadata"]["managedFields"]}
    assert owned["ctl"]["subresource"] == "status"
    assert owned["ctl"]["fieldsV1"] == {"f:status": {".": {}, "f:phase": {}}}


@update
@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"name": "z"}, (400, "BadRequest", "the name of the object (z) does not match the name on the URL (a)")),
        (
            {"resourceVersion": "1"},
            (409, "Conflict", f'Operation cannot be fulfilled on widgets.{GROUP} "a": {STALE}'),
        ),
        (
            {"resourceVersion": ""},
            (
                422,
                "Invalid",
                f'widgets.{GROUP} "a" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for '
                "an update",
            ),
        ),
        ({"resourceVersion": "abc"}, (500, "", 'strconv.ParseUint: parsing "abc": invalid syntax')),
    ],
)
async def test_puts_that_are_refused(
    api: Api, widgets: str, made: Object, change: Object, refusal: tuple[int, str, str]
) -> None:
    body = {**made, "metadata": {**made["metadata"], **change}}
    assert (await api.ask("PUT", f"{widgets}/a", body)).refusal == refusal


@update
async def test_a_put_with_another_uid_is_a_conflict(api: Api, configmaps: str) -> None:
    await api.ask("POST", configmaps, configmap("a"))
    answer = await api.ask("PUT", f"{configmaps}/a", configmap("a", uid="other"))
    assert (answer.status, answer.object["reason"]) == (409, "Conflict")
    assert "Precondition failed: UID in precondition: other, UID in object meta: " in answer.message


@update
async def test_nothing_is_made_by_a_put(api: Api, widgets: str) -> None:
    answer = await api.ask("PUT", f"{widgets}/none", widget("none", {}))
    assert answer.refusal == (404, "NotFound", f'widgets.{GROUP} "none" not found')
    assert answer.object["details"] == {"name": "none", "group": GROUP, "kind": "widgets"}


@patch
@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (MERGE, {"spec": {"size": 3, "color": None}}),
        (JSON_PATCH, [{"op": "replace", "path": "/spec/size", "value": 3}, {"op": "remove", "path": "/spec/color"}]),
    ],
)
async def test_patches_change_what_they_name(
    api: Api, widgets: str, made: Object, content_type: str, body: Any
) -> None:
    answer = await api.ask("PATCH", f"{widgets}/a", body, content_type=content_type)
    assert (answer.status, answer.object["spec"]) == (200, {"size": 3, "color": "red"})


@patch
async def test_strategic_merge_is_for_built_in_kinds(api: Api, widgets: str, made: Object, namespace: str) -> None:
    refused = await api.ask("PATCH", f"{widgets}/a", {}, content_type=STRATEGIC)
    assert refused.refusal == (
        415,
        "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
    )
    path = f"/api/v1/namespaces/{namespace}/services"
    ports = [{"name": "a", "port": 1}, {"name": "b", "port": 2}]
    spec = {"type": "ExternalName", "externalName": "x.example", "ports": ports}
    assert (await api.ask("POST", path, {"metadata": {"name": "s"}, "spec": spec})).status == 201
    change = {"spec": {"ports": [{"port": 2, "$patch": "delete"}]}}
    answer = await api.ask("PATCH", f"{path}/s", change, content_type=STRATEGIC)
    assert [each["port"] for each in answer.object["spec"]["ports"]] == [1]


@patch
@pytest.mark.parametrize(
    ("content_type", "body", "refusal"),
    [
        (MERGE, "[", (400, "BadRequest", "error decoding patch: unexpected end of JSON input")),
        (
            MERGE,
            [],
            (
                400,
                "BadRequest",
                "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}",
            ),
        ),
        (
            JSON_PATCH,
            [{"op": "test", "path": "/spec/size", "value": 99}],
            (422, "Invalid", "the server rejected our request due to an error in our request"),
        ),
        (
            MERGE,
            {"metadata": {"name": "x"}},
            (400, "BadRequest", "the name of the object (x) does not match the name on the URL (a)"),
        ),
        (
            MERGE,
            {"metadata": {"resourceVersion": "5"}},
            (409, "Conflict", f'Operation cannot be fulfilled on widgets.{GROUP} "a": {STALE}'),
        ),
        (
            MERGE,
            {"metadata": {"uid": "x"}},
            (
                422,
                "Invalid",
                f'Widget.{GROUP} "a" is invalid: metadata.uid: Invalid value: "x": field is immutable',
            ),
        ),
        (
            MERGE,
            {"kind": "Foo"},
            (422, "Invalid", f'Foo.{GROUP} "a" is invalid: kind: Invalid value: "Foo": must be Widget'),
        ),
    ],
)
async def test_patches_that_are_refused(
    api: Api, widgets: str, made: Object, content_type: str, body: Any, refusal: tuple[int, str, str]
) -> None:
    assert (await api.ask("PATCH", f"{widgets}/a", body, content_type=content_type)).refusal == refusal


@patch
async def test_a_patch_needs_an_object(api: Api, widgets: str) -> None:
    answer = await api.ask("PATCH", f"{widgets}/none", {}, content_type=MERGE)
    assert answer.refusal == (404, "NotFound", f'widgets.{GROUP} "none" not found')


@patch
async def test_scale_is_three_paths_of_the_object(api: Api, widgets: str, made: Object) -> None:
    answer = await api.ask("PATCH", f"{widgets}/a/scale", {"spec": {"replicas": 4}}, content_type=MERGE)
    assert (answer.status, answer.object["kind"], answer.object["spec"]) == (200, "Scale", {"replicas": 4})
    assert (await api.ask("GET", f"{widgets}/a")).object["spec"]["replicas"] == 4
    read = (await api.ask("GET", f"{widgets}/a/scale")).object
    assert (read["apiVersion"], read["status"]) == ("autoscaling/v1", {"replicas": 0})


@apply
async def test_apply_creates_and_owns(api: Api, widgets: str) -> None:
    config = widget("new", {"size": 2})
    answer = await api.ask("PATCH", f"{widgets}/new?fieldManager=one", config, content_type=APPLY)
    (entry,) = answer.object["metadata"]["managedFields"]
    assert answer.status == 201
    assert (entry["manager"], entry["operation"], entry["fieldsV1"]) == ("one", "Apply", {"f:spec": {"f:size": {}}})
    again = await api.ask("PATCH", f"{widgets}/new?fieldManager=one", config, content_type=APPLY)
    assert again.status == 200
    assert again.object["metadata"]["resourceVersion"] == answer.object["metadata"]["resourceVersion"]


@apply
async def test_appliers_conflict_until_forced(api: Api, widgets: str) -> None:
    for manager, size, query, status in (("one", 2, "", 201), ("two", 3, "", 409), ("two", 3, "&force=true", 200)):
        path = f"{widgets}/shared?fieldManager={manager}{query}"
        answer = await api.ask("PATCH", path, widget("shared", {"size": size}), content_type=APPLY)
        assert answer.status == status
        if status == 409:
            assert answer.message == 'Apply failed with 1 conflict: conflict with "one": .spec.size'
            assert answer.object["details"]["causes"] == [
                {"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".spec.size"}
            ]


@apply
async def test_what_is_applied_no_longer_goes(api: Api, widgets: str) -> None:
    path = f"{widgets}/less?fieldManager=one"
    await api.ask("PATCH", path, widget("less", {"size": 2, "tags": ["a", "b"]}), content_type=APPLY)
    answer = await api.ask("PATCH", path, widget("less", {"tags": ["b"]}), content_type=APPLY)
    assert answer.object["spec"] == {"color": "red", "tags": ["b"]}


@apply
@pytest.mark.parametrize(
    ("query", "content_type", "refusal"),
    [
        ("", APPLY, "fieldManager: Required value: is required for apply patch"),
        ("?force=true", MERGE, "force: Forbidden: may not be specified for non-apply patch"),
    ],
)
async def test_apply_options_are_checked(
    api: Api, widgets: str, made: Object, query: str, content_type: str, refusal: str
) -> None:
    answer = await api.ask("PATCH", f"{widgets}/a{query}", widget("a"), content_type=content_type)
    assert answer.refusal == (422, "Invalid", f'PatchOptions.meta.k8s.io "" is invalid: {refusal}')
